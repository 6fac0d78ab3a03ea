/* Requests of both protocols on one connection, each in its own envelope; and what is checked first is told first. */
#include "command/asker.h"

#include <stdio.h>
#include <string.h>

#include "command/command_internal.h"

static const char v2_ok[] = "{\"protocol_version\":2,\"success\":true,";
static const char v2_bad[] = "{\"protocol_version\":2,\"success\":false,";
static const char v1_ok[] = "{\"success\":true,";
static const char v1_bad[] = "{\"success\":false,";

static void
asks(struct asker *asker, const char *line, const char *begin)
{
	const char *reply = asker_ask(asker, line);

	if (strncmp(reply, begin, strlen(begin)) != 0)
		fail_msg("%s: %s", line, reply);
}

/* A member v or op, wherever and whatever it is, makes an object a request of v2; anything else is v1's. */
static void
members_tell_the_protocol(void **state)
{
	struct asker *asker = *state;

	asks(asker, "{\"v\":2,\"op\":\"system.ping\"}", v2_ok);
	asks(asker, "{\"command\":\"ping\"}", v1_ok);
	asks(asker, "{\"command\":\"ping\",\"v\":1}", v2_bad);
	asks(asker, "{\"command\":\"ping\",\"\\u006fp\":null}", v2_bad);
	asks(asker, "{\"command\":7,\"v\":2,\"op\":\"system.ping\"}", v2_ok);
	asks(asker, "{\"command\":\"ping\",\"x\":{\"v\":2}}", v1_ok);
	asks(asker, "{}", v1_bad);
	asks(asker, "{\"command\":7}", v1_bad);
	asks(asker, "{\"v\":2,\"op\":\"system.ping\",\"key\":18446744073709551616}", v2_bad);
}

/* What is no request is answered as the last one was; before any, by what it looks like. */
static void
envelope_of_what_is_no_request(void **state)
{
	struct asker *asker = *state;
	static const char *const broken[] = { "", "{", "[]", "null", "{\"key\":1", "{\"a\":01}", "\xff" };

	asks(asker, "{\"v\":2,", v2_bad);
	asks(asker, "[\"op\"]", v2_bad);
	asks(asker, "{\"command\":", v1_bad);
	asks(asker, "", v1_bad);
	assert_int_equal(asker->client.protocol, PROTOCOL_NONE);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		asks(asker, "{\"v\":2,\"op\":\"counter.increment\"}", v2_bad);
		asks(asker, broken[i], v2_bad);
		asks(asker, "{\"command\":\"increment\"}", v1_bad);
		asks(asker, broken[i], v1_bad);
	}
	asks(asker, "{\"v\":2,\"op\":", v1_bad);
}

/* What names no command or operation leaves the envelope as it was. */
static void
what_is_not_understood_changes_no_envelope(void **state)
{
	struct asker *asker = *state;
	static const char *const of_v1[] = { "{}", "{\"a\":1}", "{\"command\":7}" };
	static const char *const of_v2[] = { "{\"op\":5}", "{\"v\":2}", "{\"v\":2,\"op\":\"no such\"}",
		                             "{\"v\":1,\"op\":\"system.ping\"}" };

	for (size_t i = 0; i < sizeof(of_v1) / sizeof(of_v1[0]); i++)
		asks(asker, of_v1[i], v1_bad);
	for (size_t i = 0; i < sizeof(of_v2) / sizeof(of_v2[0]); i++)
		asks(asker, of_v2[i], v2_bad);
	assert_int_equal(asker->client.protocol, PROTOCOL_NONE);
	asks(asker, "{\"v\":2,\"op\":\"system.ping\"}", v2_ok);
	for (size_t i = 0; i < sizeof(of_v1) / sizeof(of_v1[0]); i++) {
		asks(asker, of_v1[i], v1_bad);
		asks(asker, "{", v2_bad);
	}
	asks(asker, "{\"command\":\"ping\"}", v1_ok);
	for (size_t i = 0; i < sizeof(of_v2) / sizeof(of_v2[0]); i++) {
		asks(asker, of_v2[i], v2_bad);
		asks(asker, "{", v1_bad);
	}
}

/* A line with a fault has no key to be fetched. */
static void
nothing_is_prefetched_for_a_fault(void **state)
{
	struct asker *asker = *state;

	asker_expect_v2_error(asker, "\"op\":\"counter.increment\",\"key\":1", "validation_error",
	                      "Field tree or series is required");
	assert_false(asker->worker->entries[0].request.has_key);
	asker_expect_v2_error(asker, "\"op\":\"counter.increment\",\"series\":\"a\",\"key\":1,\"value\":null",
	                      "validation_error", "Field value must be an unsigned integer");
	assert_false(asker->worker->entries[0].request.has_key);
}

/* Lines of a batch are decoded before any is run: each is answered by what was run before it, not by what was read. */
static void
envelope_goes_by_the_order_of_running(void **state)
{
	struct asker *asker = *state;
	static const char *const lines[] = { "{\"command\":\"ping\"}", "{", "{\"v\":2,\"op\":\"system.ping\"}", "{" };
	static const char *const begins[] = { v1_ok, v1_bad, v2_ok, v2_bad };

	command_batch_begin(asker->worker);
	for (int i = 0; i < 4; i++)
		assert_int_equal(command_batch_push(asker->worker, lines[i], strlen(lines[i]), &asker->client, 0), i);
	for (int i = 0; i < 4; i++) {
		buffer_truncate(&asker->reply, 0);
		assert_int_equal(command_batch_run(asker->worker, i, &asker->reply, &(uint64_t){ 0 }), COMMAND_DONE);
		assert_memory_equal(asker->reply.data, begins[i], strlen(begins[i]));
	}
	command_batch_end(asker->worker);
}

static void
too_large(void **state)
{
	struct asker *asker = *state;
	static const char v2[] =
	    "{\"protocol_version\":2,\"success\":false,\"response\":\"Request exceeds 4096 bytes\","
	    "\"error_code\":\"request_too_large\"}\r\n";
	static const char v1[] = "{\"success\":false,\"response\":\"Request exceeds 4096 bytes\"}\r\n";

	assert_int_equal(command_guess("{\"a\":1,\"v\"", 10), PROTOCOL_V2);
	assert_int_equal(command_guess("{\"a\":1,\"v", 9), PROTOCOL_V1);
	assert_int_equal(command_guess("\"op\"", 4), PROTOCOL_V2);
	assert_int_equal(command_guess("", 0), PROTOCOL_V1);
	command_reply_too_large(asker->worker, &asker->client, PROTOCOL_V2, &asker->reply);
	assert_memory_equal(asker->reply.data, v2, sizeof(v2) - 1);
	buffer_truncate(&asker->reply, 0);
	asker->client.protocol = PROTOCOL_V1;
	command_reply_too_large(asker->worker, &asker->client, PROTOCOL_V2, &asker->reply);
	assert_memory_equal(asker->reply.data, v1, sizeof(v1) - 1);
}

static void
first_fault_is_told(void **state)
{
	struct asker *asker = *state;
	static const char v[] = "Karma 1.0 accepts only protocol v2 requests with field v=2";

	asker_expect_v2_error(asker, "\"op\":\"system.ping\",\"v\":1", "unsupported_protocol", v);
	asker_expect_v2_error(asker, "\"op\":7,\"v\":3", "unsupported_protocol", v);
	asker_expect_v2_error(asker, "\"op\":null", "validation_error", "Field op is required");
	asker_expect_v2_error(asker, "\"op\":\"no \\\"such\\\"\",\"key\":-1", "unknown_command",
	                      "Unknown op no \\\"such\\\"");
	asker_expect_v2_error(asker, "\"op\":\"counter.increment\",\"idempotency_key\":null", "validation_error",
	                      "Field tree or series is required");
	asker_expect_v2_error(
	    asker, "\"op\":\"counter.increment\",\"series\":\"a\",\"key\":1,\"value\":0,\"idempotency_key\":null",
	    "validation_error", "Field idempotency_key must be a string or integer");
	asker_expect_v2_error(asker,
	                      "\"op\":\"counter.sum\",\"series\":\"none\",\"key\":1,\"range\":{\"from\":1,\"to\":2}",
	                      "validation_error", "Invalid bucket date");
	asker_expect_v2_error(asker, "\"op\":\"system.ping\",\"x\":[1,18446744073709551616]", "invalid_json",
	                      "Integer out of range (column 34)");
}

static void
idempotency_keys_have_no_effect_elsewhere(void **state)
{
	struct asker *asker = *state;

	asker_expect_v2(asker, "\"op\":\"tree.create\",\"series\":\"a\",\"idempotency_key\":\"k\"", "\"OK\"");
	asker_expect_v2(asker, "\"op\":\"counter.sum\",\"series\":\"a\",\"key\":1,\"idempotency_key\":\"k\"", "0");
	asker_expect_v2_error(asker, "\"op\":\"system.ping\",\"idempotency_key\":\"\"", "validation_error",
	                      "Field idempotency_key must not be empty");
}

static void
replies_are_bounded(void **state)
{
	struct asker *asker = *state;

	asker->options.response_bytes_max = 150;
	asker_restart(asker);
	asker_expect_v2(asker, "\"op\":\"tree.create\",\"series\":\"a\"", "\"OK\"");
	asker_expect_v2(asker, "\"op\":\"counter.batch_sum\",\"series\":\"a\",\"keys\":[1]",
	                "[{\"key\":1,\"value\":0}]");
	asker_expect_v2_error(asker, "\"op\":\"counter.batch_sum\",\"series\":\"a\",\"keys\":[1,2,3,4,5]",
	                      "response_too_large", "Response exceeds 150 bytes");
	for (char name = 'b'; name < 'z'; name++) {
		char members[64];

		(void)snprintf(members, sizeof(members), "\"op\":\"tree.create\",\"series\":\"%c%c%c\"", name, name,
		               name);
		asker_expect_v2(asker, members, "\"OK\"");
	}
	asker_expect_v2_error(asker, "\"op\":\"tree.list\"", "response_too_large", "Response exceeds 150 bytes");
}

static void
append_keys(struct buffer *line, unsigned count)
{
	buffer_append_literal(line, ",\"keys\":[1");
	for (unsigned i = 1; i < count; i++)
		buffer_append_literal(line, ",1");
	buffer_append_literal(line, "]");
}

/* Arrays large and ever smaller, so that wherever the scratch ends they come up to its end; and then something to say. */
static void
a_line_of_arrays_leaves_room_to_say_what_is_wrong(void **state)
{
	struct asker *asker = *state;
	static const char *const ends[] = { ",\"x\":99999999999999999999}", "," };
	enum { LARGE = 30, SMALL = 2000, LINE_BYTES_MAX = 1 << 20 };

	asker->options.request_bytes_max = LINE_BYTES_MAX;
	asker_restart(asker);
	for (size_t end = 0; end < sizeof(ends) / sizeof(ends[0]); end++) {
		struct buffer line;

		buffer_init(&line, LINE_BYTES_MAX);
		buffer_append_literal(&line, "{\"v\":2,\"op\":\"system.ping\"");
		for (int i = 0; i < LARGE; i++)
			append_keys(&line, V2_ITEMS_MAX);
		for (unsigned count = V2_ITEMS_MAX; count > 1; count /= 2)
			append_keys(&line, count);
		for (int i = 0; i < SMALL; i++)
			append_keys(&line, 1);
		buffer_append(&line, ends[end], strlen(ends[end]));
		assert_false(line.failed);
		const char *reply = asker_ask_bytes(asker, line.data, line.bytes);

		assert_non_null(strstr(reply, "\"error_code\":\"invalid_json\""));
		buffer_deinit(&line);
	}
}

/* ---- tokens ---- */

static void
use_tokens(struct asker *asker)
{
	asker->options.auth_token = "all";
	asker->options.read_auth_token = "read";
	asker_restart(asker);
}

static void
tokens_of_v2(void **state)
{
	struct asker *asker = *state;

	use_tokens(asker);
	asker_expect_v2_error(asker, "\"op\":\"system.ping\"", "unauthorized", "Unauthorized");
	asker_expect_v2_error(asker, "\"op\":\"system.ping\",\"token\":7", "unauthorized", "Unauthorized");
	asker_expect_v2_error(asker, "\"op\":\"system.ping\",\"token\":\"\"", "unauthorized", "Unauthorized");
	asker_expect_v2(asker, "\"op\":\"system.ping\",\"token\":\"read\"", "\"pong\"");
	asker_expect_v2(asker, "\"op\":\"system.ping\",\"token\":\"a\\u006cl\"", "\"pong\"");
	asker_expect_v2_error(asker, "\"op\":\"counter.increment\",\"series\":\"a\",\"key\":1,\"value\":0",
	                      "unauthorized", "Unauthorized");
	asker_expect_v2_error(asker,
	                      "\"op\":\"series.increment\",\"series\":\"a\",\"key\":1,\"value\":0,\"token\":\"read\"",
	                      "forbidden", "Read-only token cannot execute command increment");
	asker_expect_v2_error(
	    asker, "\"op\":\"tree.delete_range\",\"series\":\"a\",\"range\":{\"from\":0,\"to\":0},\"token\":\"read\"",
	    "forbidden", "Read-only token cannot execute command delete");
	asker_expect_v2_error(asker,
	                      "\"op\":\"counter.increment\",\"series\":\"a\",\"key\":1,\"value\":0,\"token\":\"all\"",
	                      "validation_error", "Field value must be greater than 0");
	asker_expect_v2_error(asker, "\"op\":\"counter.increment\"", "validation_error",
	                      "Field tree or series is required");
	asker_expect_v2(asker, "\"op\":\"counter.increment\",\"series\":\"a\",\"key\":1,\"token\":\"all\"", "1");
}

static void
tokens_of_v1(void **state)
{
	struct asker *asker = *state;

	use_tokens(asker);
	asker_expect(asker, "{\"command\":\"ping\"}", false, "\"Unauthorized\"");
	asker_expect(asker, "{\"command\":\"no such\"}", false, "\"Unauthorized\"");
	asker_expect(asker, "{\"command\":\"ping\",\"token\":\"rea\"}", false, "\"Unauthorized\"");
	asker_expect(asker, "{\"command\":\"ping\",\"token\":\"read\"}", true, "\"pong\"");
	asker_expect(asker, "{\"command\":\"increment\",\"tree_name\":\"a\",\"key\":1,\"token\":\"all\"}", true, "1");
	asker_expect(asker, "{\"command\":\"increment\",\"tree_name\":\"a\",\"key\":2,\"token\":\"read\"}", false,
	             "\"Read-only token cannot execute command increment\"");
	asker_expect(asker, "{\"command\":\"dump_all\",\"token\":\"read\"}", false,
	             "\"Read-only token cannot execute command dump_all\"");
	asker_expect(asker, "{\"command\":\"increment\",\"tree_name\":\"a\",\"key\":2}", false, "\"Unauthorized\"");
	asker_expect(asker, "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":2,\"token\":\"read\"}", true, "0");
}

/* Increments right behind each other may be one add, but each needs its own token. */
static void
each_increment_needs_its_token(void **state)
{
	struct asker *asker = *state;
	static const char *const lines[] = {
		"{\"token\":\"all\",\"command\":\"increment\",\"tree_name\":\"a\",\"key\":1}",
		"{\"command\":\"increment\",\"tree_name\":\"a\",\"key\":1}",
		"{\"token\":\"read\",\"command\":\"increment\",\"tree_name\":\"a\",\"key\":1}",
		"{\"token\":\"all\",\"command\":\"increment\",\"tree_name\":\"a\",\"key\":1}",
	};

	use_tokens(asker);
	command_batch_begin(asker->worker);
	for (int i = 0; i < 4; i++)
		assert_int_equal(command_batch_push(asker->worker, lines[i], strlen(lines[i]), &asker->client, 0), i);
	for (int i = 0; i < 4; i++)
		assert_int_equal(command_batch_run(asker->worker, i, &asker->reply, &(uint64_t){ 0 }), COMMAND_DONE);
	command_batch_end(asker->worker);
	asker_expect(asker, "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":1,\"token\":\"read\"}", true, "2");
}

#define ask_test(test) cmocka_unit_test_setup_teardown(test, asker_setup, asker_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ask_test(members_tell_the_protocol),
		ask_test(envelope_of_what_is_no_request),
		ask_test(what_is_not_understood_changes_no_envelope),
		ask_test(nothing_is_prefetched_for_a_fault),
		ask_test(envelope_goes_by_the_order_of_running),
		ask_test(too_large),
		ask_test(first_fault_is_told),
		ask_test(idempotency_keys_have_no_effect_elsewhere),
		ask_test(replies_are_bounded),
		ask_test(a_line_of_arrays_leaves_room_to_say_what_is_wrong),
		ask_test(tokens_of_v2),
		ask_test(tokens_of_v1),
		ask_test(each_increment_needs_its_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
