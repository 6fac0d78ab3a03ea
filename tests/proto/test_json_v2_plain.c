/* Arrays of unsigned integers are read on the way, all others left alone; numbers as they stand. */
#include "decoding_v2.h"

#include "proto/json_v2_plain.h"

static void
keys_are_read(void **state)
{
	(void)state;
	takes("{\"keys\":[]}");
	assert_non_null(line.keys.at);
	assert_int_equal(line.keys.count, 0);
	takes("{\"keys\": [ 0 ,1,\t18446744073709551615\r]}");
	assert_int_equal(line.keys.count, 3);
	assert_int_equal(line.keys.at[0], 0);
	assert_int_equal(line.keys.at[1], 1);
	assert_true(line.keys.at[2] == UINT64_MAX);
}

static void
items_are_read(void **state)
{
	(void)state;
	takes("{\"items\":[]}");
	assert_non_null(line.items.at);
	assert_int_equal(line.items.count, 0);
	takes("{\"items\":[[1,20260505,3], [ 18446744073709551615 , 99999999 , 0 ],[2,100000000,7]]}");
	assert_int_equal(line.items.count, 3);
	assert_int_equal(line.items.at[0].key, 1);
	assert_int_equal(line.items.at[0].bucket, 20260505);
	assert_int_equal(line.items.at[0].value, 3);
	assert_true(line.items.at[1].key == UINT64_MAX);
	assert_int_equal(line.items.at[1].bucket, DAY_MAX);
	assert_int_equal(line.items.at[1].value, 0);
	assert_true(line.items.at[2].bucket == V2_BUCKET_OUT);
}

static void
others_are_left_alone(void **state)
{
	static const char *const values[] = { "[1,-1]", "[1.0]", "[1e2]",    "[\"1\"]", "[null]",      "[[1]]",
		                              "{}",     "5",     "[1,2,-0]", "\"[]\"",  "[[1,2,3,4]]", "[[1,2]]" };
	char text[128];

	(void)state;
	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		(void)snprintf(text, sizeof(text), "{\"keys\":%s,\"items\":%s}", values[i], values[i]);
		takes(text);
		assert_null(line.keys.at);
		assert_null(line.items.at);
		assert_int_equal(line.keys.count, 0);
		assert_true(v2_member(&line, V2_KEYS) != NULL && v2_member(&line, V2_ITEMS) != NULL);
		assert_int_equal(scratch.used, 0);
	}
}

/* As many as a request may have are read, one more is not; and where there is no room, nothing. */
static void
the_number_is_bounded(void **state)
{
	static char text[3 * V2_ITEMS_MAX];

	(void)state;
	for (int count = V2_ITEMS_MAX; count <= V2_ITEMS_MAX + 1; count++) {
		size_t bytes = (size_t)snprintf(text, sizeof(text), "{\"keys\":[1");

		for (int i = 1; i < count; i++)
			bytes += (size_t)snprintf(text + bytes, sizeof(text) - bytes, ",1");
		(void)snprintf(text + bytes, sizeof(text) - bytes, "]}");
		takes(text);
		assert_int_equal(line.keys.count, count == V2_ITEMS_MAX ? V2_ITEMS_MAX : 0);
	}
	static char small[8];
	struct arena none = { .data = small, .capacity = sizeof(small) - 1 };
	const char *two = "{\"keys\":[1,2]}";

	assert_true(json_v2_decode(two, strlen(two), &none, &line, &problem));
	assert_null(line.keys.at);
	assert_int_equal(none.used, 0);
}

static void
numbers_of_64_bits(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
		size_t bytes; /* 0: none */
	} cases[] = {
		{ "0", 0, 1 },
		{ "7,", 7, 1 },
		{ "10]", 10, 2 },
		{ "1.5", 1, 1 },
		{ "9999999999999999999", UINT64_C(9999999999999999999), 19 },
		{ "18446744073709551615", UINT64_MAX, 20 },
		{ "18446744073709551616", 0, 0 },
		{ "99999999999999999999", 0, 0 },
		{ "184467440737095516150", 0, 0 },
		{ "00", 0, 0 },
		{ "01", 0, 0 },
		{ "-1", 0, 0 },
		{ "", 0, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = cases[i].text;
		uint64_t value = 0;
		const char *end = v2_unsigned_end(text, text + strlen(text), &value);

		if (cases[i].bytes == 0) {
			assert_null(end);
		} else {
			assert_ptr_equal(end, text + cases[i].bytes);
			assert_true(value == cases[i].value);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_read),         cmocka_unit_test(items_are_read),
		cmocka_unit_test(others_are_left_alone), cmocka_unit_test(the_number_is_bounded),
		cmocka_unit_test(numbers_of_64_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
