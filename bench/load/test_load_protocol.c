/* Each language asks as its servers want, knows a right reply from a wrong one, and finds its end wherever it is cut. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "load/load_protocol.h"

struct reply {
	const char *protocol;
	enum load_kind kind;
	const char *text;
	bool right;
};

static const struct reply replies[] = {
	{ "v1", LOAD_ADD, "{\"success\":true,\"response\":1}\r\n", true },
	{ "v1", LOAD_DECREMENT, "{\"success\":true,\"response\":1}\r\n", true },
	{ "v1", LOAD_ADD, "{\"success\":true,\"response\":2}\r\n", false },
	{ "v1", LOAD_ADD, "{\"success\":true,\"response\":1}\n", false },
	{ "v1", LOAD_ADD, "{\"success\":false,\"response\":\"Disk is full, writes are refused\"}\r\n", false },
	{ "v1", LOAD_SUM, "{\"success\":true,\"response\":1}\r\n", true },
	{ "v1", LOAD_SUM, "{\"success\":true,\"response\":12345678901234567890}\r\n", true },
	{ "v1", LOAD_SUM, "{\"success\":true,\"response\":}\r\n", false },
	{ "v1", LOAD_SUM, "{\"success\":true,\"response\":1}\n", false },
	{ "v1", LOAD_SUM, "\r\n", false },
	{ "redis", LOAD_ADD, ":17\r\n", true },
	{ "redis", LOAD_DECREMENT, ":-17\r\n", true },
	{ "redis", LOAD_ADD, ":\r\n", false },
	{ "redis", LOAD_ADD, ":17\n", false },
	{ "redis", LOAD_ADD, "-ERR hash value is not an integer\r\n", false },
	{ "redis", LOAD_ADD, "$2\r\n", false },
	{ "redis", LOAD_SUM, "$2\r\n17\r\n", true },
	{ "redis", LOAD_SUM, "$2\r\n-1\r\n", true },
	{ "redis", LOAD_SUM, "$-1\r\n", true },
	{ "redis", LOAD_SUM, "$2\r\nxx\r\n", false },
	{ "redis", LOAD_SUM, ":17\r\n", false },
	{ "memcached", LOAD_ADD, "17\r\n", true },
	{ "memcached", LOAD_DECREMENT, "9 \r\n", true },
	{ "memcached", LOAD_ADD, "NOT_FOUND\r\n", false },
	{ "memcached", LOAD_ADD, "\r\n", false },
	{ "memcached", LOAD_SUM, "VALUE load:5 0 2\r\n17\r\nEND\r\n", true },
	{ "memcached", LOAD_SUM, "VALUE load:5 0 2\r\n9 \r\nEND\r\n", true },
	{ "memcached", LOAD_SUM, "VALUE load:5 0 2\r\n17\r\nENX\r\n", false },
	{ "memcached", LOAD_SUM, "END\r\n", false },
	{ "memcached", LOAD_SUM, "SERVER_ERROR out of memory\r\n", false },
};

/* A copy of just these bytes, so that a sanitizer sees a read beyond. */
static size_t
read_part(const struct load_language *language, const struct reply *reply, size_t bytes, bool *ret_right)
{
	char *copy = test_malloc(bytes);

	memcpy(copy, reply->text, bytes);
	const size_t taken = language->read_reply(reply->kind, copy, bytes, ret_right);

	test_free(copy);
	return taken;
}

static void
replies_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		const struct reply *reply = &replies[i];
		const struct load_language *language = load_language_find(reply->protocol, NULL);
		const size_t bytes = strlen(reply->text);
		bool right = !reply->right;

		for (size_t part = 1; part < bytes; part++)
			assert_int_equal(read_part(language, reply, part, &right), 0);
		assert_int_equal(read_part(language, reply, bytes, &right), bytes);
		assert_int_equal(right, reply->right);
	}
}

static void
expect_request(const char *name, const char *command, enum load_kind kind, uint64_t key, const char *expected)
{
	static struct load_protocol protocol;
	char out[LOAD_REQUEST_BYTES_MAX];

	load_protocol_init(&protocol, load_language_find(name, command), "tree");
	const size_t bytes = load_protocol_request(&protocol, kind, key, out);

	assert_int_equal(bytes, strlen(expected));
	assert_memory_equal(out, expected, bytes);
}

static void
requests_are_well_formed(void **state)
{
	(void)state;
	expect_request("v1", NULL, LOAD_ADD, 0, "{\"command\":\"increment\",\"tree_name\":\"tree\",\"key\":0}\r\n");
	expect_request("v1", NULL, LOAD_SUM, UINT64_MAX,
	               "{\"command\":\"sum\",\"tree_name\":\"tree\",\"key\":18446744073709551615}\r\n");
	expect_request("redis", NULL, LOAD_ADD, 1234567890,
	               "*4\r\n$7\r\nHINCRBY\r\n$4\r\ntree\r\n$10\r\n1234567890\r\n$1\r\n1\r\n");
	expect_request("redis", "hincrby", LOAD_DECREMENT, 7,
	               "*4\r\n$7\r\nHINCRBY\r\n$4\r\ntree\r\n$1\r\n7\r\n$2\r\n-1\r\n");
	expect_request("redis", "hincrby", LOAD_SUM, 7, "*3\r\n$4\r\nHGET\r\n$4\r\ntree\r\n$1\r\n7\r\n");
	expect_request("redis", "incr", LOAD_ADD, 12345, "*2\r\n$4\r\nINCR\r\n$10\r\ntree:12345\r\n");
	expect_request("redis", "incr", LOAD_SUM, 9, "*2\r\n$3\r\nGET\r\n$6\r\ntree:9\r\n");
	expect_request("redis", "incr", LOAD_DECREMENT, 9, "*2\r\n$4\r\nDECR\r\n$6\r\ntree:9\r\n");
	expect_request("memcached", NULL, LOAD_ADD, 12, "incr tree:12 1\r\n");
	expect_request("memcached", NULL, LOAD_SUM, 12, "get tree:12\r\n");
	expect_request("memcached", NULL, LOAD_DECREMENT, 12, "decr tree:12 1\r\n");
}

/* The longest tree and key fit in every language. */
static void
long_names_fit(void **state)
{
	static const char *const names[] = { "v1", "redis", "memcached" };
	char tree[LOAD_TREE_BYTES_MAX + 1];

	(void)state;
	memset(tree, 'x', LOAD_TREE_BYTES_MAX);
	tree[LOAD_TREE_BYTES_MAX] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct load_protocol *protocol = test_malloc(sizeof(*protocol));
		char *out = test_malloc(LOAD_REQUEST_BYTES_MAX);

		load_protocol_init(protocol, load_language_find(names[i], NULL), tree);
		const size_t bytes = load_protocol_request(protocol, LOAD_ADD, UINT64_MAX, out);

		assert_non_null(memmem(out, bytes, tree, LOAD_TREE_BYTES_MAX));
		assert_non_null(memmem(out, bytes, "18446744073709551615", 20));
		assert_memory_equal(out + bytes - 2, "\r\n", 2);
		test_free(out);
		test_free(protocol);
	}
}

static void
languages_are_found_by_name(void **state)
{
	(void)state;
	assert_ptr_equal(load_language_find("redis", NULL), &load_redis_hincrby);
	assert_ptr_equal(load_language_find("redis", "incr"), &load_redis_incr);
	assert_null(load_language_find("redis", "get"));
	assert_null(load_language_find("v1", "incr"));
	assert_null(load_language_find("v2", NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_judged),
		cmocka_unit_test(requests_are_well_formed),
		cmocka_unit_test(long_names_fit),
		cmocka_unit_test(languages_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
