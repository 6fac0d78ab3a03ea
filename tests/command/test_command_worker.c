/* Batches run what was pushed, keep to their bounds, and never let one reply spoil another's. */
#include "command/asker.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"

void *__real_mem_realloc(void *block, size_t bytes);
void *__wrap_mem_realloc(void *block, size_t bytes);

static _Thread_local bool out_of_memory; /* once: there may be some again for the next call */

void *
__wrap_mem_realloc(void *block, size_t bytes)
{
	if (!out_of_memory)
		return __real_mem_realloc(block, bytes);
	out_of_memory = false;
	return NULL;
}

static const char ping[] = "{\"command\":\"ping\"}";
static const char pong[] = "{\"success\":true,\"response\":\"pong\"}\r\n";

static int
push(struct asker *asker, const char *line)
{
	return command_batch_push(asker->worker, line, strlen(line), &asker->client, 0);
}

static void
assert_reply(struct asker *asker, int index, const char *expected)
{
	size_t begin = asker->reply.bytes;

	assert_int_equal(command_batch_run(asker->worker, index, &asker->reply, &(uint64_t){ 0 }), COMMAND_DONE);
	assert_int_equal(asker->reply.bytes - begin, strlen(expected));
	assert_memory_equal(asker->reply.data + begin, expected, strlen(expected));
}

/* Decoding all before executing must not look into the future, nor miss the past. */
static void
lines_of_a_batch_see_those_before(void **state)
{
	struct asker *asker = *state;
	static const struct {
		const char *line, *reply;
	} steps[] = {
		{ "{\"command\":\"increment\",\"tree_name\":\"a\",\"key\":1}", "1" },
		{ "{\"command\":\"increment\",\"tree_name\":\"a\",\"key\":1}", "1" },
		{ "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":1}", "2" },
		{ "{\"command\":\"reset\",\"tree_name\":\"a\"}", "\"OK\"" },
		{ "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":1}", "0" },
		{ "{\"command\":\"increment\",\"tree_name\":\"a\",\"key\":1}", "1" },
		{ "{\"command\":\"drop\",\"tree_name\":\"a\"}", "\"OK\"" },
		{ "{\"command\":\"increment\",\"tree_name\":\"a\",\"key\":2}", "1" },
		{ "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":1}", "0" },
		{ "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":2}", "1" },
	};
	enum { STEPS = sizeof(steps) / sizeof(steps[0]) };
	char expected[128];

	kit_add(asker->kit, "a", 9, 1); /* so that the first pass finds the tree */
	command_batch_begin(asker->worker);
	for (int i = 0; i < STEPS; i++)
		assert_int_equal(push(asker, steps[i].line), i);
	for (int i = 0; i < STEPS; i++) {
		(void)snprintf(expected, sizeof(expected), "{\"success\":true,\"response\":%s}\r\n", steps[i].reply);
		assert_reply(asker, i, expected);
	}
	command_batch_end(asker->worker);
}

static void
lines_may_be_left_out(void **state)
{
	struct asker *asker = *state;
	char expected[128];
	enum { LINES = 50 };
	static char lines[LINES][64];

	command_batch_begin(asker->worker);
	for (int i = 0; i < LINES; i++) {
		(void)snprintf(lines[i], sizeof(lines[i]), "{\"command\":\"x%d\"}", i);
		assert_int_equal(push(asker, lines[i]), i);
	}
	for (int i = 1; i < LINES; i += 3) {
		(void)snprintf(expected, sizeof(expected),
		               "{\"success\":false,\"response\":\"Unknown command x%d\"}\r\n", i);
		assert_reply(asker, i, expected);
	}
	command_batch_end(asker->worker);
}

static void
a_batch_holds_so_many_lines(void **state)
{
	struct asker *asker = *state;

	for (int round = 0; round < 2; round++) {
		command_batch_begin(asker->worker);
		for (int i = 0; i < BATCH_REQUESTS_MAX; i++)
			assert_int_equal(push(asker, ping), i);
		assert_int_equal(push(asker, ping), -1);
		assert_reply(asker, BATCH_REQUESTS_MAX - 1, pong);
		command_batch_end(asker->worker);
	}
}

/* Faults and escapes stand in scratch memory: when that is used up the batch is full, and nothing pushed is lost. */
static void
scratch_memory_bounds_a_batch(void **state)
{
	struct asker *asker = *state;
	static char line[ASKER_REQUEST_BYTES_MAX + 1];
	int pushed = 0;
	int index;
	enum { LONG_LINES = 100 };

	memset(line, 'n', ASKER_REQUEST_BYTES_MAX);
	(void)memcpy(line, "{\"command\":\"\\u0041", 18);
	(void)memcpy(line + ASKER_REQUEST_BYTES_MAX - 2, "\"}", 3);
	command_batch_begin(asker->worker);
	while ((index = push(asker, pushed < LONG_LINES ? line : "{")) >= 0)
		assert_int_equal(index, pushed++);
	assert_true(pushed > LONG_LINES && pushed < BATCH_REQUESTS_MAX);
	for (int i = 0; i < pushed; i++) {
		buffer_truncate(&asker->reply, 0);
		assert_int_equal(command_batch_run(asker->worker, i, &asker->reply, &(uint64_t){ 0 }), COMMAND_DONE);
		if (i < LONG_LINES)
			assert_memory_equal(asker->reply.data, "{\"success\":false,\"response\":\"Unknown command Annn",
			                    49);
		else
			assert_memory_equal(asker->reply.data, "{\"success\":false,\"response\":\"", 29);
	}
	command_batch_end(asker->worker);
	command_batch_begin(asker->worker);
	assert_int_equal(push(asker, line), 0);
	command_batch_end(asker->worker);
}

/* ---- the bound of a reply ---- */

static const char exceeds[] = "\"Response exceeds 128 bytes\"";

static void
large_replies_become_errors(void **state)
{
	struct asker *asker = *state;
	char name[32];

	asker->options.response_bytes_max = 128;
	asker_restart(asker);
	for (int i = 0; i < 10; i++) {
		(void)snprintf(name, sizeof(name), "tree number %d", i);
		kit_add(asker->kit, name, 1, 1);
		kit_add(asker->kit, "a", (uint64_t)i, 1);
		(void)snprintf(name, sizeof(name), "%d_tree.tree", i);
		kit_file_foreign(asker->kit, name, 1, 1);
	}
	asker_expect(asker, "{\"command\":\"trees\"}", false, exceeds);
	asker_expect(asker, "{\"command\":\"dumps\"}", false, exceeds);
	asker_expect(asker, "{\"command\":\"find\",\"tree_name\":\"a\",\"time_from\":0,\"time_to\":99999999}", false,
	             exceeds);
	for (uint32_t day = 20260101; day < 20260110; day++) {
		struct tree *tree;

		engine_batch_begin(asker->kit->worker);
		tree = tree_find(asker->kit->worker, "a", 1);
		assert_int_equal(tree_add(asker->kit->worker, tree, 77, day, 1), 0);
		engine_batch_end(asker->kit->worker);
	}
	asker_expect(asker,
	             "{\"command\":\"find\",\"tree_name\":\"a\",\"key\":77,\"time_from\":0,\"time_to\":99999999}",
	             false, exceeds);
	asker_expect(asker,
	             "{\"command\":\"find\",\"tree_name\":\"a\",\"key\":77,\"time_from\":0,\"time_to\":20260103}", true,
	             "{\"20260101\":1,\"20260102\":1,\"20260103\":1}");
	asker_expect(
	    asker,
	    "{\"command\":\"dump\",\"tree_name\":\"0123456789012345678901234567890123456789012345678901234567890"
	    "123456789012345678901234567890123456789\"}",
	    false, exceeds);
}

/* The bound is for each reply; a cut leaves those before it whole. */
static void
a_large_reply_leaves_its_neighbours(void **state)
{
	struct asker *asker = *state;
	char line[256];
	char expected[1024];

	asker->options.response_bytes_max = 128;
	asker_restart(asker);
	(void)snprintf(line, sizeof(line), "{\"command\":\"%0200d\"}", 0);
	command_batch_begin(asker->worker);
	assert_int_equal(push(asker, ping), 0);
	assert_int_equal(push(asker, line), 1);
	assert_int_equal(push(asker, ping), 2);
	for (int i = 0; i < 3; i++)
		assert_int_equal(command_batch_run(asker->worker, i, &asker->reply, &(uint64_t){ 0 }), COMMAND_DONE);
	command_batch_end(asker->worker);
	(void)snprintf(expected, sizeof(expected), "%s{\"success\":false,\"response\":%s}\r\n%s", pong, exceeds, pong);
	assert_int_equal(asker->reply.bytes, strlen(expected));
	assert_memory_equal(asker->reply.data, expected, strlen(expected));
}

static void
a_reply_that_the_output_cannot_hold_becomes_an_error(void **state)
{
	struct asker *asker = *state;
	char line[1024];
	struct buffer out;

	(void)snprintf(line, sizeof(line), "{\"command\":\"%0900d\"}", 0);
	buffer_init(&out, 200);
	command_batch_begin(asker->worker);
	assert_int_equal(push(asker, line), 0);
	assert_int_equal(push(asker, ping), 1);
	assert_int_equal(command_batch_run(asker->worker, 0, &out, &(uint64_t){ 0 }), COMMAND_DONE);
	assert_false(out.failed);
	assert_non_null(memmem(out.data, out.bytes, "Response exceeds 8192 bytes", 27));
	/* A failure from before is left for the caller to see. */
	out.failed = true;
	assert_int_equal(command_batch_run(asker->worker, 1, &out, &(uint64_t){ 0 }), COMMAND_DONE);
	assert_true(out.failed);
	command_batch_end(asker->worker);
	buffer_deinit(&out);
}

/* It was executed: an error would have the client send it again. */
static void
a_reply_without_memory_is_left_out(void **state)
{
	struct asker *asker = *state;
	struct buffer out;

	buffer_init(&out, SIZE_MAX);
	command_batch_begin(asker->worker);
	assert_int_equal(push(asker, "{\"command\":\"increment\",\"tree_name\":\"a\",\"key\":1}"), 0);
	out_of_memory = true;
	assert_int_equal(command_batch_run(asker->worker, 0, &out, &(uint64_t){ 0 }), COMMAND_DONE);
	assert_false(out_of_memory);
	command_batch_end(asker->worker);
	assert_true(out.failed);
	assert_int_equal(out.bytes, 0);
	assert_int_equal(kit_total(asker->kit, "a", 1), 1);
	buffer_deinit(&out);
}

static void
a_line_that_is_too_long_has_its_reply(void **state)
{
	struct asker *asker = *state;
	const char *expected = "{\"success\":false,\"response\":\"Request exceeds 4096 bytes\"}\r\n";

	command_reply_too_large(asker->worker, &asker->client, PROTOCOL_V1, &asker->reply);
	assert_int_equal(asker->reply.bytes, strlen(expected));
	assert_memory_equal(asker->reply.data, expected, strlen(expected));
}

static void
a_client_too_many_has_its_reply(void **state)
{
	struct asker *asker = *state;
	const char *expected = "{\"success\":false,\"response\":\"Too many clients\"}\r\n";

	command_reply_too_many_clients(&asker->reply);
	assert_int_equal(asker->reply.bytes, strlen(expected));
	assert_memory_equal(asker->reply.data, expected, strlen(expected));
}

#define ask_test(test) cmocka_unit_test_setup_teardown(test, asker_setup, asker_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ask_test(lines_of_a_batch_see_those_before),
		ask_test(lines_may_be_left_out),
		ask_test(a_batch_holds_so_many_lines),
		ask_test(scratch_memory_bounds_a_batch),
		ask_test(large_replies_become_errors),
		ask_test(a_large_reply_leaves_its_neighbours),
		ask_test(a_reply_that_the_output_cannot_hold_becomes_an_error),
		ask_test(a_reply_without_memory_is_left_out),
		ask_test(a_line_that_is_too_long_has_its_reply),
		ask_test(a_client_too_many_has_its_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
