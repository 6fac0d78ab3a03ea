/* A line is JSON or not, and every member that the protocol knows is found where it stands. */
#include "decoding_v2.h"

static void
assert_value(enum v2_member member, enum v2_type type, const char *text)
{
	const struct v2_value *value = v2_member(&line, member);

	assert_non_null(value);
	assert_int_equal(value->type, type);
	assert_int_equal(value->bytes, strlen(text));
	assert_memory_equal(value->data, text, value->bytes);
}

/* Each name leads to its own member, and to no other. */
static void
every_member_is_found(void **state)
{
	static const char *const names[] = {
#define MEMBER_NAME(id, name) [id] = (name),
		V2_MEMBERS(MEMBER_NAME)
#undef MEMBER_NAME
	};
	char text[128];

	(void)state;
	for (unsigned i = 0; i < V2_MEMBER_COUNT; i++) {
		(void)snprintf(text, sizeof(text), "{\"%s\":7}", names[i]);
		takes(text);
		assert_true(line.is_object);
		assert_true(line.present == UINT64_C(1) << i);
		assert_value(i, V2_INTEGER, "7");
	}
}

static void
other_names_are_passed_over(void **state)
{
	static const char *const names[] = { "",
		                             "V",
		                             "vv",
		                             "ops",
		                             "k",
		                             "command",
		                             "tree_name",
		                             "idempotency_created_at_uniX",
		                             "keyy",
		                             "bytes_of_sixteen",
		                             "idempotency_created_at_unix_and_more" };
	char text[128];

	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(text, sizeof(text), "{\"%s\":{\"v\":[2,\"op\"]}}", names[i]);
		takes(text);
		assert_true(line.is_object);
		assert_int_equal(line.present, 0);
		assert_false(v2_is_request(&line));
	}
}

/* Blanks, any order, escapes in names; the last of repeated members counts, whatever it is. */
static void
members_stand_anywhere(void **state)
{
	(void)state;
	takes(" { \"op\" : \"a\\u002e\\n\" ,\t\"v\":2}\r");
	assert_value(V2_OP, V2_STRING, "a\\u002e\\n");
	assert_true(line.member[V2_OP].escaped);
	assert_value(V2_V, V2_INTEGER, "2");
	assert_true(v2_is_request(&line));
	takes("{\"k\\u0065y\":1,\"\\u0076\":-5}");
	assert_value(V2_KEY, V2_INTEGER, "1");
	assert_value(V2_V, V2_INTEGER, "-5");
	takes("{\"v\":1,\"v\":\"x\",\"key\":7,\"key\":null}");
	assert_value(V2_V, V2_STRING, "x");
	assert_value(V2_KEY, V2_NULL, "null");
}

static void
types_are_told(void **state)
{
	(void)state;
	takes("{\"key\":[1,{}],\"range\":{\"a\":[]},\"value\":1.0,\"limit\":1e3,\"bucket\":true,\"date\":false,"
	      "\"mode\":-0}");
	assert_value(V2_KEY, V2_ARRAY, "[1,{}]");
	assert_value(V2_RANGE, V2_OBJECT, "{\"a\":[]}");
	assert_value(V2_VALUE, V2_REAL, "1.0");
	assert_value(V2_LIMIT, V2_REAL, "1e3");
	assert_value(V2_BUCKET, V2_BOOL, "true");
	assert_value(V2_DATE, V2_BOOL, "false");
	assert_value(V2_MODE, V2_INTEGER, "-0");
	assert_null(v2_member(&line, V2_OP));
}

/* A text of another kind is JSON all the same. */
static void
no_object_is_told_apart(void **state)
{
	static const char *const texts[] = { "[]", "[{\"v\":2}]", "1", "\"v\"", "null", " true " };

	(void)state;
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		takes(texts[i]);
		assert_false(line.is_object);
		assert_false(v2_is_request(&line));
	}
}

static void
no_json_is_refused(void **state)
{
	(void)state;
	refuses("", "Unexpected end of the request (column 1)");
	refuses("  ", "Unexpected end of the request (column 3)");
	refuses("{\"v\":2}{", "Unexpected character '{' (column 8)");
	refuses("{\"v\":2,}", "Unexpected character '}' (column 8)");
	refuses("{\"v\":02}", "Unexpected character '2' (column 7)");
	refuses("{\"v\":NaN}", "Unexpected character 'N' (column 6)");
	refuses("{\"op\":\"a", "String does not end (column 9)");
	refuses("{\"op\":\"\xff\"}", "Invalid UTF-8 (column 8)");
	refuses("{\"keys\":[1,2", "Unexpected end of the request (column 13)");
	refuses("{\"keys\":[1,]}", "Unexpected character ']' (column 12)");
	refuses("{\"items\":[[1,2,03]]}", "Unexpected character '3' (column 17)");
	refuses("{\"items\":[[1,2,3],[1,2,3}]}", "Unexpected character '}' (column 25)");
}

/* Wherever they stand, also where nobody looks. */
static void
integers_out_of_range_are_told(void **state)
{
	static const char *const values[] = { "18446744073709551616", "-9223372036854775809",
		                              "100000000000000000000000" };
	static const char *const places[] = { "{\"key\":%s}", "{\"x\":[{\"y\":%s}]}", "{\"keys\":[1,%s]}",
		                              "{\"items\":[[%s,1,1]]}", "%s" };
	char text[128];

	(void)state;
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		for (unsigned j = 0; j < sizeof(values) / sizeof(values[0]); j++) {
			(void)snprintf(text, sizeof(text), places[i], values[j]); /* NOLINT: formats of our own */
			takes(text);
			assert_true(line.out_of_range);
			assert_true(line.is_object == (*text == '{'));
			assert_memory_equal(problem.text, "Integer out of range", 20);
		}
	}
	takes("{\"op\":\"x\",\"x\":18446744073709551616}");
	assert_true(line.out_of_range && v2_is_request(&line));
	assert_string_equal(problem.text, "Integer out of range (column 15)");
	takes("{\"key\":18446744073709551615,\"x\":[-9223372036854775808,1e400,18446744073709551616.0]}");
	assert_false(line.out_of_range);
	assert_value(V2_KEY, V2_INTEGER, "18446744073709551615");
}

/* Nesting is bounded as in v1. */
static void
depth_is_bounded(void **state)
{
	char text[2 * JSON_DEPTH_MAX + 64];

	(void)state;
	for (size_t levels = JSON_DEPTH_MAX - 1; levels <= JSON_DEPTH_MAX; levels++) {
		(void)snprintf(text, sizeof(text), "{\"keys\":%0*d%0*d}", (int)levels, 0, (int)levels, 0);
		memset(strchr(text, '0'), '[', levels);
		memset(strchr(text, '0'), ']', levels);
		assert_true(decode_bytes(text, strlen(text)) == (levels < JSON_DEPTH_MAX));
	}
	assert_memory_equal(problem.text, "Nested deeper than 512 levels", 29);
}

/* What an array was read to is forgotten when another value of that name follows. */
static void
only_the_last_array_counts(void **state)
{
	struct v2_keys keys;

	(void)state;
	takes("{\"keys\":[1,2],\"keys\":[3]}");
	assert_problem(v2_read_keys(&line, &scratch, &keys), NULL);
	assert_int_equal(keys.count, 1);
	assert_int_equal(keys.at[0], 3);
	takes("{\"keys\":[1,2],\"keys\":null}");
	assert_null(line.keys.at);
	takes("{\"items\":[[1,2,3]],\"items\":[[4,5,-6]]}");
	assert_null(line.items.at);
	takes("{\"items\":[[1,2,3]],\"items\":{}}");
	assert_null(line.items.at);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_is_found),          cmocka_unit_test(other_names_are_passed_over),
		cmocka_unit_test(members_stand_anywhere),         cmocka_unit_test(types_are_told),
		cmocka_unit_test(no_object_is_told_apart),        cmocka_unit_test(no_json_is_refused),
		cmocka_unit_test(integers_out_of_range_are_told), cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(only_the_last_array_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
