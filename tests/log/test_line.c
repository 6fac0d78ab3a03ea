/* Whatever the fields hold, an event is one line; as JSON it says exactly what went in (jansson reads it back). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>

#include "log/line.h"

/* 2026-11-23T21:12:30.123Z */
static const struct timespec when = { .tv_sec = 1795468350, .tv_nsec = 123999999 };

static void
text_reads_as_promised(void **state)
{
	static const char expected[] =
	    "2026-11-23T21:12:30.123Z info  dump written tree=\"articles\" keys=18446744073709551615 drift=-5\n";
	struct log_line line;
	struct log_field fields[] = { log_string("tree", "articles"), log_u64("keys", UINT64_MAX),
		                      log_i64("drift", -5) };

	(void)state;
	log_line_format(&line, LOG_TEXT, LOG_INFO, when, "dump written", fields, 3);
	assert_int_equal(line.bytes, sizeof(expected) - 1);
	assert_memory_equal(line.data, expected, sizeof(expected) - 1);
}

static void
json_reads_as_promised(void **state)
{
	static const char expected[] =
	    "{\"time\":\"2026-11-23T21:12:30.123Z\",\"level\":\"error\",\"event\":\"dump failed\","
	    "\"tree\":\"a\",\"keys\":10}\n";
	struct log_line line;
	struct log_field fields[] = { log_string("tree", "a"), log_u64("keys", 10) };

	(void)state;
	log_line_format(&line, LOG_JSON, LOG_ERROR, when, "dump failed", fields, 2);
	assert_int_equal(line.bytes, sizeof(expected) - 1);
	assert_memory_equal(line.data, expected, sizeof(expected) - 1);
}

static void
text_escapes_what_could_forge_a_line(void **state)
{
	static const char raw[] = "a\"b\\c\nd\x1b[2J\x7f\xc2\x85\xff\xc3\xa9\0z";
	static const char escaped[] = "a\\\"b\\\\c\\x0ad\\x1b[2J\\x7f\\xc2\\x85\\xff\xc3\xa9\\x00z";
	struct log_line line;
	struct log_field field = log_bytes("tree", raw, sizeof(raw) - 1);

	(void)state;
	log_line_format(&line, LOG_TEXT, LOG_WARN, when, "x", &field, 1);
	line.data[line.bytes] = '\0';
	assert_non_null(strstr(line.data, escaped));
	assert_ptr_equal(memchr(line.data, '\n', line.bytes), line.data + line.bytes - 1);
}

/* The one line as JSON; its string member `value` has to be expected. */
static void
json_says(const char *raw, size_t bytes, const char *expected, size_t expected_bytes)
{
	struct log_line line;
	struct log_field fields[] = { log_bytes("value", raw, bytes), log_u64("behind", 7) };
	json_error_t error;

	log_line_format(&line, LOG_JSON, LOG_INFO, when, "x", fields, 2);
	assert_ptr_equal(memchr(line.data, '\n', line.bytes), line.data + line.bytes - 1);
	json_t *object = json_loadb(line.data, line.bytes, JSON_ALLOW_NUL, &error);

	if (object == NULL)
		fail_msg("not JSON: %s in %.*s", error.text, (int)line.bytes, line.data);
	const json_t *value = json_object_get(object, "value");

	assert_int_equal(json_string_length(value), expected_bytes);
	assert_memory_equal(json_string_value(value), expected, expected_bytes);
	assert_int_equal(json_integer_value(json_object_get(object, "behind")), 7);
	json_decref(object);
}

static void
json_keeps_every_character(void **state)
{
	char text[8];

	(void)state;
	json_says("", 0, "", 0);
	json_says("a\0\n\"\\/\x7f", 7, "a\0\n\"\\/\x7f", 7);
	for (unsigned point = 1; point < 0x110000; point += point < 0x900 ? 1 : 61) {
		size_t bytes = 0;

		if (point >= 0xd800 && point < 0xe000)
			continue;
		if (point < 0x80) {
			text[bytes++] = (char)point;
		} else {
			unsigned more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
			unsigned lead = more == 1 ? 0xc0 : more == 2 ? 0xe0 : 0xf0;

			text[bytes++] = (char)(lead | point >> (6 * more));
			while (more-- > 0)
				text[bytes++] = (char)(0x80 | (point >> (6 * more) & 0x3f));
		}
		json_says(text, bytes, text, bytes);
	}
}

static void
json_replaces_what_is_no_character(void **state)
{
	static const char *const wrong[] = { "\x80", "\xc1", "\xf5", "\xff" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		json_says(wrong[i], 1, "\xef\xbf\xbd", 3);
	/* overlong, a surrogate, beyond the last, cut short: each byte by itself */
	json_says("\xe0\x80\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 9);
	json_says("\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 9);
	json_says("\xf4\x90\x80\x80", 4, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 12);
	json_says("\xc3", 1, "\xef\xbf\xbd", 3);
	json_says("\xe2\x82z", 3, "\xef\xbf\xbd\xef\xbf\xbdz", 7);
}

/* Random bytes never make a line that JSON refuses. */
static void
json_survives_random_bytes(void **state)
{
	unsigned seed = (unsigned)time(NULL);
	struct log_line line;
	char raw[64];

	(void)state;
	print_message("seed %u\n", seed);
	for (int round = 0; round < 20000; round++) {
		for (size_t i = 0; i < sizeof(raw); i++)
			raw[i] = (char)(rand_r(&seed) & (round % 2 > 0 ? 0xff : 0xbf));
		struct log_field field = log_bytes("value", raw, sizeof(raw));

		log_line_format(&line, LOG_JSON, LOG_INFO, when, "x", &field, 1);
		json_t *object = json_loadb(line.data, line.bytes, JSON_ALLOW_NUL, NULL);

		assert_non_null(object);
		json_decref(object);
	}
}

/* A line of `bytes` times the same character, and a number behind: it is whole, or says that it is not. */
static void
line_is_whole_or_says_so(char character, size_t bytes)
{
	static char raw[LOG_LINE_BYTES_MAX];
	struct log_line line;
	struct log_field fields[] = { log_bytes("value", raw, bytes), log_u64("behind", INT64_MAX) };

	memset(raw, character, bytes);
	log_line_format(&line, LOG_JSON, LOG_INFO, when, "x", fields, 2);
	assert_true(line.bytes <= LOG_LINE_BYTES_MAX);
	json_t *object = json_loadb(line.data, line.bytes, 0, NULL);

	assert_non_null(object);
	bool whole =
	    json_string_length(json_object_get(object, "value")) == bytes && json_object_get(object, "behind") != NULL;

	assert_int_equal(whole, json_object_get(object, "cut") == NULL);
	json_decref(object);
	log_line_format(&line, LOG_TEXT, LOG_INFO, when, "x", fields, 2);
	assert_int_equal(line.data[line.bytes - 1], '\n');
	if (bytes == sizeof(raw))
		assert_memory_equal(line.data + line.bytes - 11, "\" cut=true\n", 11);
}

static void
long_lines_are_cut_and_say_so(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes < LOG_LINE_BYTES_MAX; bytes += bytes < 1200 ? 1 : 181)
		line_is_whole_or_says_so('\x01', bytes); /* 4 bytes each in text, 6 in JSON */
	for (size_t bytes = LOG_LINE_BYTES_MAX - 200; bytes <= LOG_LINE_BYTES_MAX; bytes++)
		line_is_whole_or_says_so('a', bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_reads_as_promised),
		cmocka_unit_test(json_reads_as_promised),
		cmocka_unit_test(text_escapes_what_could_forge_a_line),
		cmocka_unit_test(json_keeps_every_character),
		cmocka_unit_test(json_replaces_what_is_no_character),
		cmocka_unit_test(json_survives_random_bytes),
		cmocka_unit_test(long_lines_are_cut_and_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
