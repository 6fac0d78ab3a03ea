/* The grammar of RFC 8259 holds in every part of a line, known and ignored, and nesting is bounded. */
#include "decoding.h"

#include "proto/json_scan.h"

/* Commas, colons and quotes are where the grammar wants them. */
static void
grammar_of_objects(void **state)
{
	(void)state;
	refuses("{", "Unexpected end of the request (column 2)");
	refuses("{'command':'ping'}", "Unexpected character ''' (column 2)");
	refuses("{command:\"ping\"}", "Unexpected character 'c' (column 2)");
	refuses("{\"command\":\"ping\",}", "Unexpected character '}' (column 19)");
	refuses("{,\"command\":\"ping\"}", "Unexpected character ',' (column 2)");
	refuses("{\"command\",\"ping\"}", "Unexpected character ',' (column 11)");
	refuses("{\"command\"::\"ping\"}", "Field command must be a string (column 12)");
	refuses_member("\"x\":1,,\"y\":2");
	refuses_member("\"x\":1 \"y\":2");
	refuses_member("\"x\"");
	refuses_member("\"x\":");
	refuses_member("1:2");
	refuses_member("null:2");
}

/* The grammar holds in ignored members, too. */
static void
grammar_of_ignored_values(void **state)
{
	static const char *const good[] = {
		"0",       "-0",       "-1",   "1.5",
		"-0.0e-0", "1E+99999", "1e5",  "123456789012345678901234567890123",
		"true",    "false",    "null", "\"\"",
		"[]",      "[[],{}]",  "{}",   "{\"\":{\"a\":[1,2,{\"b\":null}]}}",
		"[ ]",     "{ }",      "[1]",  "{\"a\":1,\"a\":2}",
	};
	static const char *const bad[] = {
		"",           "01",          "-",       "-a",       "1.",    ".1",         "1.e1", "1e",
		"1e+",        "+1",          "0x1",     "--1",      "1.5.5", "1-",         "NaN",  "Infinity",
		"tru",        "truee",       "True",    "nul",      "fals",  "[",          "]",    "[1",
		"[1,",        "[1,]",        "[,1]",    "[1 2]",    "[1}",   "{1}",        "{",    "{\"a\"",
		"{\"a\":",    "{\"a\":1]",   "{\"a\"}", "{\"a\":}", "{,}",   "{a:1}",      "'a'",  "[1:2]",
		"{\"a\":1,}", "{\"a\":1,2}", "[]]",     "{}}",      "[{]}",  "{\"a\":[}]", "-01",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char text[128];

		(void)snprintf(text, sizeof(text), "\"x\":%s,\"key\":1", good[i]);
		takes_member(text);
		assert_int_equal(request.key, 1);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[128];

		(void)snprintf(text, sizeof(text), "\"x\":%s,\"key\":1", bad[i]);
		refuses_member(text);
	}
}

static void
nest(char *text, size_t levels, const char *open, const char *inner, const char *close)
{
	char *end = stpcpy(text, "\"x\":");

	for (size_t i = 0; i < levels; i++)
		end = stpcpy(end, open);
	end = stpcpy(end, inner);
	for (size_t i = 0; i < levels; i++)
		end = stpcpy(end, close);
}

/* 512 levels with the outer object pass, one more fails, and how they are nested makes no difference. */
static void
nesting_is_bounded(void **state)
{
	static char text[LINE_MAX_BYTES];

	(void)state;
	nest(text, 511, "[", "", "]");
	takes_member(text);
	nest(text, 512, "[", "", "]");
	refuses_member(text);
	assert_string_equal(fault.text, "Nested deeper than 512 levels (column 534)");
	nest(text, 511, "{\"a\":", "1", "}");
	takes_member(text);
	nest(text, 512, "{\"a\":", "1", "}");
	refuses_member(text);
	nest(text, 255, "[{\"a\":", "[]", "}]");
	takes_member(text);
	nest(text, 255, "[1,[],{\"a\":", "[{}]", ",\"b\":{\"c\":[]}}]");
	refuses_member(text);
	nest(text, 30000, "[", "", "]");
	refuses_member(text);
	nest(text, 254, "[1,[],{\"a\":", "[2]", ",\"b\":{\"c\":[]}}]");
	takes_member(text);
	nest(text, 254, "[{\"a\":", "[]", "]}");
	refuses_member(text);
}

/* Brackets close what they opened at every depth, so each level's kind is remembered. */
static void
nesting_remembers_kinds(void **state)
{
	static char text[LINE_MAX_BYTES];
	uint32_t random = 12345;

	(void)state;
	for (int round = 0; round < 200; round++) {
		bool object[511];
		size_t bytes = (size_t)sprintf(text, "\"x\":");

		for (int i = 0; i < 511; i++) {
			random = random * 1664525 + 1013904223;
			object[i] = random >> 31;
			bytes += (size_t)sprintf(text + bytes, "%s", object[i] ? "{\"\":" : "[");
		}
		bytes += (size_t)sprintf(text + bytes, "0");
		const size_t middle = bytes;

		for (int i = 510; i >= 0; i--)
			bytes += (size_t)sprintf(text + bytes, "%c", object[i] ? '}' : ']');
		takes_member(text);
		char *flipped = &text[middle + random % 511];

		*flipped = *flipped == ']' ? '}' : ']';
		refuses_member(text);
	}
}

/* Integers alone, and the first is remembered. */
static void
integers_that_do_not_fit_are_noted(void **state)
{
	static const struct {
		const char *number;
		bool fits;
	} cases[] = {
		{ "18446744073709551615", true },   { "18446744073709551616", false },
		{ "20000000000000000000", false },  { "100000000000000000000", false },
		{ "-9223372036854775808", true },   { "-9223372036854775809", false },
		{ "-10000000000000000000", false }, { "18446744073709551616.0", true },
		{ "18446744073709551616e0", true }, { "-0", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_scan scan = json_scan_of(cases[i].number, strlen(cases[i].number));

		assert_true(json_scan_number(&scan));
		assert_ptr_equal(scan.at, scan.end);
		assert_ptr_equal(scan.misfit, cases[i].fits ? NULL : scan.start);
	}
	static const char two[] = "[1,20000000000000000000,30000000000000000000]";
	struct json_scan scan = json_scan_of(two, strlen(two));

	assert_true(json_scan_skip(&scan, 0));
	assert_ptr_equal(scan.misfit, two + 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grammar_of_objects),
		cmocka_unit_test(grammar_of_ignored_values),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(nesting_remembers_kinds),
		cmocka_unit_test(integers_that_do_not_fit_are_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
