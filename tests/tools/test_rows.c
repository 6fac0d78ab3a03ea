/* Rows come back from both formats exactly as they were written, whatever the names; what is none is refused by line. */
#include "tools/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

static const enum row_format formats[] = { ROW_CSV, ROW_JSONL };

/* ---- there and back ---- */

static uint64_t random_state;

static uint64_t
random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Of few different characters, so that the special ones meet. */
static size_t
random_name(char *name)
{
	static const char *const pieces[] = { "a", "\"",   ",", "\n", "\r",   "\r\n", " ",    "\t",           "\\",
		                              "é", "€",    "😀", "\0", "tree", "\x7f", "\x1b", "\xef\xbb\xbf", "'",
		                              ";", "null", "0" };
	size_t bytes = 0;

	for (uint64_t i = random_next() % 8; i > 0; i--) {
		const char *piece = pieces[random_next() % (sizeof(pieces) / sizeof(pieces[0]))];
		size_t piece_bytes = piece[0] == '\0' ? 1 : strlen(piece);

		memcpy(name + bytes, piece, piece_bytes);
		bytes += piece_bytes;
	}
	return bytes;
}

static struct row
random_row(char *name)
{
	static const uint64_t keys[] = { 0, 1, 12345, UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 53 };
	struct row row = { .has_tree = true, .tree = name, .tree_bytes = random_name(name) };

	row.has_key = random_next() % 8 > 0;
	if (!row.has_key)
		return row;
	row.key = keys[random_next() % 6];
	row.has_day = random_next() % 4 > 0;
	row.has_total = !row.has_day || random_next() % 4 == 0;
	if (row.has_day) {
		row.day = random_next() % 2 ? 20261123 : (uint32_t)(random_next() % (DAY_MAX + UINT64_C(1)));
		row.count = random_next() % 4 ? random_next() % 10 : COUNT_MAX;
	}
	if (row.has_total)
		row.total = random_next() % 4 ? random_next() % 10 : COUNT_MAX;
	return row;
}

static void
assert_same(const struct row *got, const struct row *want)
{
	assert_int_equal(got->has_tree, want->has_tree);
	assert_int_equal(got->tree_bytes, want->tree_bytes);
	assert_memory_equal(got->tree, want->tree, want->tree_bytes);
	assert_int_equal(got->has_key, want->has_key);
	assert_int_equal(got->key, want->key);
	assert_int_equal(got->has_day, want->has_day);
	assert_int_equal(got->day, want->day);
	assert_int_equal(got->count, want->count);
	assert_int_equal(got->has_total, want->has_total);
	assert_int_equal(got->total, want->total);
}

static void
test_round_trip(void **state)
{
	enum { ROWS = 2000 };
	static struct row rows[ROWS];
	static char names[ROWS][64];

	(void)state;
	for (int f = 0; f < 2; f++) {
		struct buffer out;
		struct row_reader reader;
		struct row_fault fault = { "" };
		struct row row;

		random_state = 4711;
		buffer_init(&out, SIZE_MAX);
		rows_begin(formats[f], &out);
		for (int i = 0; i < ROWS; i++) {
			rows[i] = random_row(names[i]);
			row_append(formats[f], &rows[i], &out);
		}
		FILE *stream = fmemopen(out.data, out.bytes, "r");

		row_reader_init(&reader, stream, formats[f], &fault);
		for (int i = 0; i < ROWS; i++) {
			if (row_read(&reader, &row) != 1)
				fail_msg("row %d: %s", i, fault.text);
			assert_same(&row, &rows[i]);
		}
		assert_int_equal(row_read(&reader, &row), 0);
		row_reader_deinit(&reader);
		(void)fclose(stream);
		buffer_deinit(&out);
	}
}

/* ---- other people's rows ---- */

/* Reads all rows; returns how many there are, or -1 with the fault. */
static int
read_all(enum row_format format, const char *text, size_t bytes, struct row *ret_last, struct row_fault *fault)
{
	static struct row_reader reader;
	FILE *stream = fmemopen((void *)(uintptr_t)text, bytes, "r");
	struct row row;
	int count = 0, r;

	row_reader_deinit(&reader);
	row_reader_init(&reader, stream, format, fault);
	while ((r = row_read(&reader, &row)) > 0) {
		count++;
		*ret_last = row;
	}
	(void)fclose(stream);
	return r < 0 ? r : count;
}

static void
test_taken(void **state)
{
	static const struct {
		enum row_format format;
		const char *text;
		int rows;
		struct row last;
	} cases[] = {
		{ ROW_CSV,
		  "tree,key,day,count\r\na,1,2,3\r\n",
		  1,
		  { .has_day = true, .key = 1, .day = 2, .count = 3 } },
		{ ROW_CSV,
		  "\xef\xbb\xbf"
		  "count,day,key,tree\n\n3,2,1,a\n\r\n\n",
		  1,
		  { .has_day = true, .key = 1, .day = 2, .count = 3 } },
		{ ROW_CSV,
		  "\"key\",\"total\",\"tree\"\n\"007\",\"5\",a",
		  1,
		  { .has_total = true, .key = 7, .total = 5 } },
		{ ROW_CSV,
		  "tree,key,day,count,total\na,1,2,3,9\na,1,,,9\n",
		  2,
		  { .has_total = true, .key = 1, .total = 9 } },
		{ ROW_JSONL,
		  "\n  \n { \"count\" : 3 , \"day\":\"2\",\"total\":null,\"key\":1, \"tree\":\"\\u0061\"}\r\n",
		  1,
		  { .has_day = true, .key = 1, .day = 2, .count = 3 } },
		{ ROW_JSONL,
		  "{\"tree\":\"\\u0061\",\"key\":\"\\u0031\",\"total\":\"\\u0037\"}",
		  1,
		  { .has_total = true, .key = 1, .total = 7 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct row_fault fault = { "" };
		struct row want = cases[i].last;
		struct row last;

		want.has_tree = want.has_key = true;
		want.tree = "a";
		want.tree_bytes = 1;
		if (read_all(cases[i].format, cases[i].text, strlen(cases[i].text), &last, &fault) != cases[i].rows)
			fail_msg("case %zu: %s", i, fault.text);
		assert_same(&last, &want);
	}
}

static void
test_refused(void **state)
{
	static const struct {
		enum row_format format;
		const char *text;
		const char *fault;
	} cases[] = {
		{ ROW_CSV, "tree,kee\n",
		  "line 1: the first line must name the columns, of tree, key, day, count and total, not \"kee\"" },
		{ ROW_CSV, "tree,tree\n", "line 1: the column tree is there twice" },
		{ ROW_CSV, "tree,key,day,count\na,1,2,3\n\na,1,2\n",
		  "line 4: there must be 4 fields as in the first line, not 3" },
		{ ROW_CSV, "tree,key,day,count\n\"a\n\n\",1,2,3\na,1,2,3,4\n",
		  "line 5: there must be 4 fields as in the first line, not 5" },
		{ ROW_CSV, "tree,key,day,count\na,1,2,3,4,5,6\n",
		  "line 2: more than 5 fields: tree, key, day, count and total" },
		{ ROW_CSV, "tree,key,day,count\n\"a\"b,1,2,3\n",
		  "line 2: a comma or the end of the line must follow a closing quote" },
		{ ROW_CSV, "tree,key,day,count\na\"b\",1,2,3\n", "line 2: a quote inside a field that is not quoted" },
		{ ROW_CSV, "tree,key,day,count\n\"a,1,2,3\n", "line 2: a quoted field does not end" },
		{ ROW_CSV, "tree,key,day,count\na\rb,1,2,3\n",
		  "line 2: a carriage return that is neither quoted nor at the end of the line" },
		{ ROW_CSV, "tree,key,day,count\na,-1,2,3\n",
		  "line 2: key must be an integer from 0 to 18446744073709551615, not \"-1\"" },
		{ ROW_CSV, "tree,key,day,count\na,18446744073709551616,2,3\n",
		  "line 2: key must be an integer from 0 to 18446744073709551615, not \"18446744073709551616\"" },
		{ ROW_CSV, "tree,key,day,count\na,1,100000000,3\n",
		  "line 2: day must be an integer from 0 to 99999999, not \"100000000\"" },
		{ ROW_CSV, "tree,key,day,count\na,1,2,2305840810190438401\n",
		  "line 2: count must be an integer from 0 to 2305840810190438400, not \"2305840810190438401\"" },
		{ ROW_CSV, "tree,key,day,count\na,1,2, 3\n",
		  "line 2: count must be an integer from 0 to 2305840810190438400, not \" 3\"" },
		{ ROW_CSV, "tree,key,day,count\na,1,2,\n", "line 2: count is missing: day and count go together" },
		{ ROW_CSV, "tree,key,day,count\na,1,,2\n", "line 2: day is missing: day and count go together" },
		{ ROW_CSV, "tree,key,day,count\na,,1,2\n", "line 2: key is missing" },
		{ ROW_CSV, "tree,key,day,count\na,1,,\n", "line 2: a key needs day and count, or total" },
		{ ROW_CSV, "tree,key,day,count\n\xff,1,2,3\n", "line 2: tree must be UTF-8" },
		{ ROW_JSONL, "{}\n[1]\n", "line 2: Unexpected character '[' (column 1)" },
		{ ROW_JSONL, "{\"tree\":\"a\"} x\n", "line 1: Unexpected character 'x' (column 14)" },
		{ ROW_JSONL, "{\"tree\":\"a\",}\n", "line 1: Unexpected character '}' (column 13)" },
		{ ROW_JSONL, "{\"tree\":\"a\"", "line 1: the line ends inside a JSON object" },
		{ ROW_JSONL, "{\"tree\":", "line 1: the line ends inside a JSON object" },
		{ ROW_JSONL, "{\"tree\":\"a\nb\"}", "line 1: String does not end (column 11)" },
		{ ROW_JSONL, "{\"tree\":1}", "line 1: tree must be a string" },
		{ ROW_JSONL, "{\"tree\":\"a\",\"tree\":\"b\"}", "line 1: tree is there twice" },
		{ ROW_JSONL, "{\"name\":\"a\"}",
		  "line 1: the members are tree, key, day, count and total, not \"name\"" },
		{ ROW_JSONL, "{\"tree\":\"a\",\"key\":1.5,\"total\":1}",
		  "line 1: key must be an integer from 0 to 18446744073709551615, not \"1.5\"" },
		{ ROW_JSONL, "{\"tree\":\"a\",\"key\":[1],\"total\":1}",
		  "line 1: key must be an integer from 0 to 18446744073709551615, not \"[1]\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct row_fault fault = { "" };
		struct row last;

		assert_int_equal(read_all(cases[i].format, cases[i].text, strlen(cases[i].text), &last, &fault), -1);
		assert_string_equal(fault.text, cases[i].fault);
	}
}

/* A row that never ends takes no memory without bound. */
static void
test_too_long(void **state)
{
	static char text[3 * ROW_BYTES_MAX];
	struct row_fault fault;
	struct row last;

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(read_all(ROW_JSONL, text, sizeof(text), &last, &fault), -1);
	assert_string_equal(fault.text, "line 1: longer than 65536 bytes");
	assert_int_equal(read_all(ROW_CSV, text, sizeof(text), &last, &fault), -1);
	assert_string_equal(fault.text, "line 1: longer than 65536 bytes");
	memcpy(text, "tree\n\"", 6);
	text[6 + TREE_NAME_BYTES_MAX] = '"';
	text[7 + TREE_NAME_BYTES_MAX] = '\n';
	assert_int_equal(read_all(ROW_CSV, text, 8 + TREE_NAME_BYTES_MAX, &last, &fault), 1);
	assert_int_equal(last.tree_bytes, TREE_NAME_BYTES_MAX);
	text[6 + TREE_NAME_BYTES_MAX] = 'a';
	text[7 + TREE_NAME_BYTES_MAX] = '"';
	assert_int_equal(read_all(ROW_CSV, text, 8 + TREE_NAME_BYTES_MAX, &last, &fault), -1);
	assert_string_equal(fault.text, "line 2: tree must have at most 1024 bytes, not 1025");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
