/* Replies are byte for byte upstream's envelope, but that they end in CR LF. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "proto/json_v1.h"
#include "proto/json_v2.h"

static void
assert_reply(struct buffer *out, const char *response, const char *code)
{
	char expected[256];

	(void)snprintf(expected, sizeof(expected),
	               "{\"protocol_version\":2,\"success\":%s,\"response\":%s,\"error_code\":%s}\r\n",
	               strcmp(code, "null") == 0 ? "true" : "false", response, code);
	assert_false(out->failed);
	assert_true(json_v2_is_reply(out->data, out->bytes));
	buffer_append_byte(out, '\0');
	assert_string_equal(out->data, expected);
	buffer_truncate(out, 0);
}

static void
successes(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, SIZE_MAX);
	json_v2_reply_number(&out, 0);
	assert_reply(&out, "0", "null");
	json_v2_reply_number(&out, UINT64_MAX);
	assert_reply(&out, "18446744073709551615", "null");
	json_v2_reply_text(&out, "O\nK", 3);
	assert_reply(&out, "\"O\\nK\"", "null");
	json_v2_reply_true(&out);
	assert_reply(&out, "true", "null");
	json_v2_reply_begin(&out);
	buffer_append_literal(&out, "[1]");
	json_v2_reply_end(&out);
	assert_reply(&out, "[1]", "null");
	buffer_deinit(&out);
}

static void
errors(void **state)
{
	static const char *const codes[] = {
#define ERROR_CODE(id, name) [id] = "\"" name "\"",
		V2_ERRORS(ERROR_CODE)
#undef ERROR_CODE
	};
	struct buffer out;

	(void)state;
	buffer_init(&out, SIZE_MAX);
	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		json_v2_reply_error(&out, i, "a \"b\"", 5);
		assert_reply(&out, "\"a \\\"b\\\"\"", codes[i]);
	}
	json_v2_reply_error_named(&out, V2_NOT_FOUND, "Tree \"", (struct text){ "x\"y", 3 }, "\" not found");
	assert_reply(&out, "\"Tree \\\"x\\\"y\\\" not found\"", "\"not_found\"");
	buffer_deinit(&out);
}

/* The two protocols' replies are told apart by their first bytes. */
static void
replies_are_told_apart(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, SIZE_MAX);
	json_v1_reply_number(&out, 1);
	assert_false(json_v2_is_reply(out.data, out.bytes));
	buffer_truncate(&out, 0);
	json_v1_reply_error(&out, "x", 1);
	assert_false(json_v2_is_reply(out.data, out.bytes));
	assert_false(json_v2_is_reply(out.data, 0));
	buffer_deinit(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(successes),
		cmocka_unit_test(errors),
		cmocka_unit_test(replies_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
