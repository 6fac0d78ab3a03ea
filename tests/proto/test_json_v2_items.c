/* Arrays of a request are read element by element, and the first wrong one is told. */
#include "decoding_v2.h"

#include "proto/json_v2_value.h"

#include "base/buffer.h"

static void
keys(void **state)
{
	static const struct {
		const char *value, *problem;
	} cases[] = {
		{ "[]", NULL },
		{ "[1,2]", NULL },
		{ "[1,-0]", NULL },
		{ "[1,-1,\"x\"]", "Field keys[] must be greater than or equal to 0" },
		{ "[\"1\"]", "Field keys[] must be an unsigned integer" },
		{ "[1,null]", "Field keys[] must be an unsigned integer" },
		{ "[1,[2]]", "Field keys[] must be an unsigned integer" },
		{ "[1,2.0]", "Field keys[] must be an unsigned integer" },
		{ "5", "Field keys must be an array" },
		{ "null", "Field keys must be an array" },
		{ "\"[1]\"", "Field keys must be an array" },
	};
	struct v2_keys read;
	char text[128];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(text, sizeof(text), "{\"keys\":%s}", cases[i].value);
		takes(text);
		assert_problem(v2_read_keys(&line, &scratch, &read), cases[i].problem);
	}
	takes("{}");
	assert_problem(v2_read_keys(&line, &scratch, &read), "Field keys is required");
	takes("{\"keys\":[7 , -0,8]}");
	assert_problem(v2_read_keys(&line, &scratch, &read), NULL);
	assert_int_equal(read.count, 3);
	assert_true(read.at[0] == 7 && read.at[1] == 0 && read.at[2] == 8);
}

static void
items(void **state)
{
	static const char shape[] = "Each item must be [key, bucket, value]";
	static const struct {
		const char *value, *problem;
	} cases[] = {
		{ "[]", NULL },
		{ "[[1,2,3]]", NULL },
		{ "[[1,2,-0]]", NULL },
		{ "[[1,2]]", shape },
		{ "[[1,2,3,4]]", shape },
		{ "[[]]", shape },
		{ "[1]", shape },
		{ "[{\"a\":1}]", shape },
		{ "[[1,2,3],[-1,2,3]]", "Field items[][0] must be greater than or equal to 0" },
		{ "[[1,-2,3]]", "Field items[][1] must be greater than or equal to 0" },
		{ "[[1,2,-3]]", "Field items[][2] must be greater than or equal to 0" },
		{ "[[\"1\",2,3]]", "Field items[][0] must be an unsigned integer" },
		{ "[[1,\"2026-01-01\",3]]", "Field items[][1] must be an unsigned integer" },
		{ "[[1,2,[3]]]", "Field items[][2] must be an unsigned integer" },
		{ "[[1,99999999,3]]", NULL },
		{ "[[1,100000000,3]]", "Field items[][1] must be a bucket date" },
		{ "[[1,100000000,-0]]", "Field items[][1] must be a bucket date" },
		{ "5", "Field items must be an array" },
	};
	struct v2_items read;
	char text[128];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(text, sizeof(text), "{\"items\":%s}", cases[i].value);
		takes(text);
		assert_problem(v2_read_items(&line, &scratch, &read), cases[i].problem);
	}
	takes("{}");
	assert_problem(v2_read_items(&line, &scratch, &read), "Field items is required");
	takes("{\"items\":[[1,2,3],[4,5,-0]]}");
	assert_problem(v2_read_items(&line, &scratch, &read), NULL);
	assert_int_equal(read.count, 2);
	assert_true(read.at[1].key == 4 && read.at[1].bucket == 5 && read.at[1].value == 0);
}

static void
sums(void **state)
{
	static const struct {
		const char *value, *problem;
	} cases[] = {
		{ "[]", NULL },
		{ "[{\"series\":\"a\",\"key\":1}]", NULL },
		{ "[{\"key\":1}]", "Field items[].series is required" },
		{ "[{\"tree\":\"a\",\"key\":1}]", "Field items[].series is required" },
		{ "[{\"series\":5,\"key\":1}]", "Field items[].series is required" },
		{ "[{\"series\":\"\",\"key\":1}]", "Field items[].series must not be empty" },
		{ "[{\"series\":\"a\"}]", "Field items[].key is required" },
		{ "[{\"series\":\"a\",\"key\":-1}]", "Field items[].key must be greater than or equal to 0" },
		{ "[{\"series\":\"a\",\"key\":\"1\"}]", "Field items[].key must be an unsigned integer" },
		{ "[[1,2,3]]", "Each item must be an object" },
		{ "{}", "Field items must be an array" },
	};
	struct v2_sums read;
	char text[128];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(text, sizeof(text), "{\"items\":%s}", cases[i].value);
		takes(text);
		assert_problem(v2_read_sums(&line, &scratch, &read), cases[i].problem);
	}
	takes("{}");
	assert_problem(v2_read_sums(&line, &scratch, &read), "Field items is required");
	takes(
	    "{\"items\":[{\"k\\u0065y\":3,\"series\":\"\\u0061b\",\"x\":[1]},{\"series\":\"a\",\"key\":1,\"key\":2}]}");
	assert_problem(v2_read_sums(&line, &scratch, &read), NULL);
	assert_int_equal(read.count, 2);
	assert_text(read.at[0].series, "ab");
	assert_int_equal(read.at[0].key, 3);
	assert_text(read.at[1].series, "a");
	assert_int_equal(read.at[1].key, 2);
}

/* `count` elements of one kind, and one of another behind them. */
static void
take_many(const char *name, const char *element, uint32_t count, const char *last)
{
	struct buffer text;

	buffer_init(&text, SIZE_MAX);
	buffer_append(&text, name, strlen(name));
	for (uint32_t i = 0; i < count; i++) {
		buffer_append(&text, element, strlen(element));
		buffer_append_byte(&text, ',');
	}
	buffer_append(&text, last, strlen(last));
	buffer_append_literal(&text, "]}");
	assert_false(text.failed);
	assert_true(decode_bytes(text.data, text.bytes));
	buffer_deinit(&text);
}

/* One too many is counted, not stored; a wrong element is told all the same. */
static void
the_number_is_bounded(void **state)
{
	struct v2_keys read_keys;
	struct v2_items read_items;
	struct v2_sums read_sums;

	(void)state;
	take_many("{\"keys\":[", "1", V2_ITEMS_MAX, "1");
	assert_problem(v2_read_keys(&line, &scratch, &read_keys), NULL);
	assert_null(read_keys.at);
	assert_int_equal(read_keys.count, V2_ITEMS_MAX + 1);
	take_many("{\"keys\":[", "1", V2_ITEMS_MAX, "\"x\"");
	assert_problem(v2_read_keys(&line, &scratch, &read_keys), "Field keys[] must be an unsigned integer");
	take_many("{\"items\":[", "[1,1,1]", V2_ITEMS_MAX, "[1,1,1]");
	assert_problem(v2_read_items(&line, &scratch, &read_items), NULL);
	assert_null(read_items.at);
	take_many("{\"items\":[", "[1,1,1]", V2_ITEMS_MAX, "[1]");
	assert_problem(v2_read_items(&line, &scratch, &read_items), "Each item must be [key, bucket, value]");
	take_many("{\"items\":[", "{\"series\":\"a\",\"key\":1}", V2_ITEMS_MAX, "{\"series\":\"a\",\"key\":1}");
	assert_problem(v2_read_sums(&line, &scratch, &read_sums), NULL);
	assert_null(read_sums.at);
	take_many("{\"items\":[", "{\"series\":\"\\u0061\",\"key\":1}", V2_ITEMS_MAX - 1,
	          "{\"series\":\"b\",\"key\":2}");
	assert_problem(v2_read_sums(&line, &scratch, &read_sums), NULL);
	assert_int_equal(read_sums.count, V2_ITEMS_MAX);
	assert_int_equal(read_sums.at[V2_ITEMS_MAX - 1].key, 2);
}

/* The last one counts, and the scratch of one of each is enough. */
static void
repeated_arrays_take_no_more_scratch(void **state)
{
	enum { MANY = V2_ITEMS_MAX - 1, TIMES = 4 };
	struct v2_keys read_keys;
	struct v2_items read_items;
	struct v2_sums read_sums;
	struct buffer text;

	(void)state;
	buffer_init(&text, SIZE_MAX);
	for (int i = 0; i < TIMES; i++) {
		buffer_append_byte(&text, i == 0 ? '{' : ',');
		buffer_append_literal(&text, "\"keys\":[");
		for (int k = 0; k < MANY; k++)
			buffer_append_literal(&text, "1,");
		buffer_append_literal(&text, "7],\"items\":[");
		for (int k = 0; k < MANY; k++)
			buffer_append_literal(&text, "[1,1,1],");
		buffer_append_literal(&text, "[7,7,7]]");
	}
	buffer_append_literal(&text, "}");
	assert_false(text.failed);
	assert_true(decode_bytes(text.data, text.bytes));
	assert_true(scratch.used <= V2_ITEMS_MAX * (sizeof(uint64_t) + sizeof(struct v2_item)) + ARENA_PADDING_MAX);
	const size_t used = scratch.used;

	assert_problem(v2_read_items(&line, &scratch, &read_items), NULL);
	assert_int_equal(read_items.count, V2_ITEMS_MAX);
	assert_int_equal(read_items.at[MANY].key, 7);
	scratch.used = used;
	assert_problem(v2_read_keys(&line, &scratch, &read_keys), NULL);
	assert_int_equal(read_keys.count, V2_ITEMS_MAX);
	assert_int_equal(read_keys.at[MANY], 7);
	scratch.used = used;
	assert_problem(v2_read_sums(&line, &scratch, &read_sums), "Each item must be an object");
	buffer_deinit(&text);
}

/* Whatever is left of the scratch, the line is taken. */
static void
full_scratch(void **state)
{
	static const char text[] = "{\"keys\":[1,2,3],\"items\":[[1,2,3],[4,5,6]],\"keys\":[4,5],\"x\":1}";

	(void)state;
	takes(text);
	for (size_t capacity = scratch.capacity; capacity-- > 0;) {
		scratch.used = 0;
		scratch.capacity = capacity;
		assert_true(json_v2_decode(text, sizeof(text) - 1, &scratch, &line, &problem));
		assert_true(scratch.used <= capacity);
	}
}

/* The shortest elements that take room, and the first that is wrong is told, not that there is no room. */
static void
short_elements_find_room(void **state)
{
	struct v2_sums read;
	static const char missing[] = "Field items[].series is required";

	(void)state;
	takes("{\"items\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}");
	assert_problem(v2_read_sums(&line, &scratch, &read), "Each item must be an object");
	takes("{\"items\":[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]}");
	assert_problem(v2_read_sums(&line, &scratch, &read), missing);
	takes("{\"items\":[{\"series\":\"a\",\"key\":1},{},1,1]}");
	assert_problem(v2_read_sums(&line, &scratch, &read), missing);
}

/* Where there is no room it is said, and nothing is written. */
static void
no_room_is_told(void **state)
{
	struct v2_items read;

	(void)state;
	takes("{\"items\":[[1,2,-0],[1,2,3]]}");
	scratch.capacity = scratch.used + sizeof(struct v2_item);
	assert_problem(v2_read_items(&line, &scratch, &read), v2_no_room);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(items),
		cmocka_unit_test(sums),
		cmocka_unit_test(the_number_is_bounded),
		cmocka_unit_test(repeated_arrays_take_no_more_scratch),
		cmocka_unit_test(full_scratch),
		cmocka_unit_test(short_elements_find_room),
		cmocka_unit_test(no_room_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
