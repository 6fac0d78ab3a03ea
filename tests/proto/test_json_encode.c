/* Texts and numbers of replies are escaped and written as the protocols want. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "proto/json_encode.h"

static void
assert_bytes(struct buffer *out, const char *expected)
{
	assert_false(out->failed);
	buffer_append_byte(out, '\0');
	assert_string_equal(out->data, expected);
	buffer_truncate(out, 0);
}

/* Controls, quotes and backslashes are escaped, the shortest way; everything else stands for itself. */
static void
escapes_only_what_must_be(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, SIZE_MAX);
	json_encode_string(&out, "q\"b\\s/\b\f\n\r\t\x01\x1f\x7f<>&'\xd0\xbd\xf0\x9f\x98\x80", 24);
	assert_bytes(&out, "\"q\\\"b\\\\s/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f<>&'\xd0\xbd\xf0\x9f\x98\x80\"");
	json_encode_string(&out, "\0a\0", 3);
	assert_bytes(&out, "\"\\u0000a\\u0000\"");
	json_encode_string(&out, "", 0);
	assert_bytes(&out, "\"\"");
	json_encode_inside(&out, "a\"b", 3);
	assert_bytes(&out, "a\\\"b");
	buffer_deinit(&out);
}

/* Digits end where they are told to. */
static void
digits_end_where_told(void **state)
{
	char text[JSON_DIGITS_MAX + 1] = "";

	(void)state;
	assert_string_equal(json_encode_digits(text + JSON_DIGITS_MAX, 0), "0");
	assert_string_equal(json_encode_digits(text + JSON_DIGITS_MAX, 1090), "1090");
	assert_ptr_equal(json_encode_digits(text + JSON_DIGITS_MAX, UINT64_MAX), text);
	assert_string_equal(text, "18446744073709551615");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_only_what_must_be),
		cmocka_unit_test(digits_end_where_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
