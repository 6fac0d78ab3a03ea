/* The reader takes every form of a tree that the original takes, and refuses the rest naming file, offset and key. */
#include "snapshot/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The names, and all that may stand around one counter, one branch, one tree. */
#define NUM                   "\254branches_num"
#define BRANCHES              "\250branches"
#define TABLE                 "\245table"
#define TOTAL                 "\245total"
#define TREE(branches)        "\x82" NUM "\x01" BRANCHES "\x91" branches
#define COUNTER(table, total) "\x82" TABLE table TOTAL total
#define KEY5(table, total)    TREE("\x81\x05" COUNTER(table, total))

static int
read_bytes(const void *data, size_t bytes, struct kit_tree *tree, struct dump_fault *fault)
{
	struct dump_info info;

	*tree = (struct kit_tree){ 0 };
	fault->text[0] = '\0';
	/* A copy of the exact size: AddressSanitizer sees a read behind it. */
	char *copy = malloc(bytes > 0 ? bytes : 1);

	assert_non_null(copy);
	memcpy(copy, data, bytes);
	int r = dump_bytes_read(copy, bytes, "5_x.tree", kit_tree_visit, tree, &info, fault);

	if (r == DUMP_OK) {
		assert_false(info.ours);
		assert_int_equal(info.bytes, bytes);
		assert_int_equal(info.name_bytes, 1);
		assert_int_equal(info.name[0], 'x');
	}
	free(copy);
	return r;
}

/* `expected` lists keys as "key=total{day:count,…} …", by key, days ascending. */
static void
assert_reads(const void *data, size_t bytes, const char *expected)
{
	struct kit_tree tree;
	struct kit_tree none = { 0 };
	struct dump_fault fault;
	char text[1000] = "";
	size_t used = 0;

	if (read_bytes(data, bytes, &tree, &fault) != DUMP_OK)
		fail_msg("%s", fault.text);
	for (size_t i = 0; i < tree.count; i++) {
		const struct kit_key *key = &tree.keys[i];

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%llu=%llu{", i > 0 ? " " : "",
		                         (unsigned long long)key->key, (unsigned long long)key->total);
		for (size_t d = 0; d < key->day_count; d++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u:%llu", d > 0 ? "," : "",
			                         key->days[d].day, (unsigned long long)key->days[d].count);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "}");
	}
	assert_string_equal(text, expected);
	kit_tree_deinit(&tree);
	kit_tree_deinit(&none);
}

static void
assert_refuses(const void *data, size_t bytes, const char *expected)
{
	struct kit_tree tree;
	struct dump_fault fault;

	assert_int_equal(read_bytes(data, bytes, &tree, &fault), DUMP_DAMAGED);
	if (strncmp(fault.text, "5_x.tree: offset ", 17) != 0 || strstr(fault.text, expected) == NULL)
		fail_msg("\"%s\" says nothing of \"%s\"", fault.text, expected);
	kit_tree_deinit(&tree);
}

#define READS(literal, expected)   assert_reads("" literal, sizeof(literal) - 1, expected)
#define REFUSES(literal, expected) assert_refuses("" literal, sizeof(literal) - 1, expected)

static void
reads_what_the_original_writes(void **state)
{
	(void)state;
	READS(TREE("\x80"), "");
	READS(KEY5("\x81\xce\x01\x34\xb2\x2d\x02", "\x02"), "5=2{20230701:2}");
	READS(KEY5("\x80", "\x00"), "5=0{}");
	READS(KEY5("\x81\xce\x01\x34\xb2\x2d\x00", "\x07"), "5=7{20230701:0}");
	READS("\x82" NUM "\x02" BRANCHES "\x92\x80\x81\x01" COUNTER("\x80", "\x01"), "1=1{}");
	READS("\x82" NUM "\x01" BRANCHES "\x91\x81\xcf\xff\xff\xff\xff\xff\xff\xff\xff" COUNTER("\x80", "\x01"),
	      "18446744073709551615=1{}");
}

static void
members_may_come_in_any_order(void **state)
{
	(void)state;
	READS("\x82" BRANCHES "\x91\x81\x05\x82" TOTAL "\x09" TABLE "\x81\x01\x02" NUM "\x01", "5=9{1:2}");
	READS(KEY5("\x82\x09\x01\x03\x02", "\x03"), "5=3{3:2,9:1}");
}

static void
wider_forms_are_the_same_numbers(void **state)
{
	(void)state;
	READS(KEY5("\x81\xcc\x07\xcd\x00\x08", "\xce\x00\x00\x00\x09"), "5=9{7:8}");
	READS(KEY5("\x81\xd0\x07\xd1\x00\x08", "\xd2\x00\x00\x00\x09"), "5=9{7:8}");
	READS(KEY5("\x81\xd3\x00\x00\x00\x00\x00\x00\x00\x07\xcf\x00\x00\x00\x00\x00\x00\x00\x08",
	           "\xd3\x00\x00\x00\x00\x00\x00\x00\x09"),
	      "5=9{7:8}");
	READS(TREE("\x81\xd3\x00\x00\x00\x00\x00\x00\x00\x05" COUNTER("\x80", "\x01")), "5=1{}");
	READS("\xde\x00\x02\xd9\014branches_"
	      "num\xd1\x00\x01\xd9\010branches\xdc\x00\x01\xdf\x00\x00\x00\x01\xcc\005\xdf\x00\x00\x00\x02\xda\x00\005t"
	      "able\xde\x00\x01\x07\x08\xdb\x00\x00\x00\005total\x09",
	      "5=9{7:8}");
	READS("\xdf\x00\x00\x00\x02" NUM "\x01" BRANCHES "\xdd\x00\x00\x00\x01\x80", "");
}

static void
unknown_members_are_read_over(void **state)
{
	(void)state;
	READS("\x83\241x\x82\241a\x93\xc0\xc2\xcb\x01\x02\x03\x04\x05\x06\x07\x08\x01\x81\xc4\002zz\xc7\x03\005abc" NUM
	      "\x01" BRANCHES "\x91\x80",
	      "");
	READS(TREE("\x81\x05\x84\xa0\xd6\001abcd" TABLE "\x80\241y\xff" TOTAL "\x01"), "5=1{}");
	/* Longer and shorter than a known name. */
	READS(TREE("\x81\x05\x84\246table2\x01\244tota\xc0" TABLE "\x80" TOTAL "\x01"), "5=1{}");
	/* Longer than any window. */
	char long_name[400] = "\x83\xda\x01\x00";

	static const char rest[] = "\xda\x00\005value" NUM "\x01" BRANCHES "\x91\x80";

	memset(long_name + 4, 'n', 256);
	memcpy(long_name + 260, rest, sizeof(rest));
	assert_reads(long_name, 293, "");
}

static void
what_comes_twice_counts_once(void **state)
{
	(void)state;
	READS(KEY5("\x83\x07\x01\x08\x02\x07\x03", "\x01"), "5=1{7:3,8:2}");
	READS(TREE("\x82\x05" COUNTER("\x81\x01\x01", "\x01") "\x05" COUNTER("\x81\x02\x02", "\x02")), "5=2{2:2}");
	READS(TREE("\x81\x05\x83" TABLE "\x81\x01\x01" TOTAL "\x01" TABLE "\x81\x02\x02"), "5=1{2:2}");
	READS(TREE("\x81\x05\x83" TOTAL "\x01" TABLE "\x80" TOTAL "\x02"), "5=2{}");
	READS("\x83" NUM "\x09" BRANCHES "\x91\x80" NUM "\x01", "");
	REFUSES("\x83" NUM "\x01" BRANCHES "\x91\x80" BRANCHES "\x91\x80", "offset 26: branches for the second time");
}

static void
a_key_in_the_wrong_branch_is_served(void **state)
{
	(void)state;
	READS("\x82" NUM "\x02" BRANCHES "\x92\x81\x05" COUNTER("\x80", "\x01") "\x81\x06" COUNTER("\x80", "\x02"),
	      "5=1{} 6=2{}");
}

static void
branches_num_has_to_be_true(void **state)
{
	(void)state;
	REFUSES("\x82" NUM "\x02" BRANCHES "\x91\x80", "branches_num is 2 and there are 1 branches");
	REFUSES("\x82" NUM "\x01" BRANCHES "\x92\x80\x80", "branches_num is 1 and there are 2 branches");
	REFUSES("\x82" NUM "\x00" BRANCHES "\x90", "branches_num is 0");
	REFUSES("\x81" NUM "\x01", "the tree has no branches");
	REFUSES("\x81" BRANCHES "\x91\x80", "the tree has no branches_num");
	REFUSES("\x80", "the tree has no branches");
}

static void
other_kinds_are_refused(void **state)
{
	(void)state;
	REFUSES("", "offset 0: the file is empty");
	REFUSES("\xc0", "offset 0: a tree has to be a map, not nil");
	REFUSES("\x90", "offset 0: a tree has to be a map, not an array");
	REFUSES("{\"branches_num\":9}", "a tree has to be a map, not an integer");
	REFUSES("\xc1", "offset 0: a byte that is not MessagePack");
	REFUSES("\x81\xc4\001x\x01", "offset 1: the name of a member has to be a string, not binary data");
	REFUSES("\x81\x01\x01", "the name of a member has to be a string, not an integer");
	REFUSES("\x82" NUM "\xc0" BRANCHES "\x91\x80", "offset 14: branches_num has to be an integer, not nil");
	REFUSES("\x82" NUM "\x01" BRANCHES "\x81\x01\x80", "branches has to be an array, not a map");
	REFUSES("\x82" NUM "\x01" BRANCHES "\x91\x90", "a branch has to be a map, not an array");
	REFUSES(TREE("\x81\2415" COUNTER("\x80", "\x01")), "offset 26: key has to be an integer, not a string");
	REFUSES(TREE("\x81\xff" COUNTER("\x80", "\x01")), "key has to be an integer, not a negative number");
	REFUSES(TREE("\x81\xca\x00\x00\x00\x00" COUNTER("\x80", "\x01")), "key has to be an integer, not a float");
	REFUSES(TREE("\x81\xc3" COUNTER("\x80", "\x01")), "key has to be an integer, not a boolean");
	REFUSES(TREE("\x81\xd4\x01\x01" COUNTER("\x80", "\x01")), "key has to be an integer, not an extension");
	REFUSES(TREE("\x81\x05\xc0"), "offset 27: key 5: a counter has to be a map, not nil");
	REFUSES(KEY5("\xc0", "\x01"), "key 5: table has to be a map, not nil");
	REFUSES(KEY5("\x90", "\x01"), "key 5: table has to be a map, not an array");
	REFUSES(KEY5("\x80", "\xc0"), "key 5: total has to be an integer, not nil");
	REFUSES(KEY5("\x80", "\xff"), "key 5: total has to be an integer, not a negative number");
	REFUSES(KEY5("\x80", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"),
	        "key 5: total has to be an integer, not a negative number");
	REFUSES(KEY5("\x80", "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"), "key 5: total has to be an integer, not a float");
	REFUSES(KEY5("\x81\25020230701\x01", "\x01"), "key 5: day has to be an integer, not a string");
	REFUSES(KEY5("\x81\x01\xff", "\x01"), "key 5: count has to be an integer, not a negative number");
	REFUSES(KEY5("\x81\x01\xc0", "\x01"), "key 5: count has to be an integer, not nil");
	REFUSES(TREE("\x81\x05\x81" TABLE "\x80"), "offset 27: key 5: the counter has no total");
	REFUSES(TREE("\x81\x05\x81" TOTAL "\x01"), "key 5: the counter has no table");
	REFUSES(TREE("\x81\x05\x80"), "key 5: the counter has no table");
}

static void
numbers_have_bounds(void **state)
{
	(void)state;
	READS(KEY5("\x81\xce\x05\xf5\xe0\xff\x01", "\x01"), "5=1{99999999:1}");
	REFUSES(KEY5("\x81\xce\x05\xf5\xe1\x00\x01", "\x01"), "key 5: day 100000000 is above 99999999");
	REFUSES(KEY5("\x81\xcf\x00\x00\x00\x01\x00\x00\x00\x07\x01", "\x01"),
	        "key 5: day 4294967303 is above 99999999");
	READS(KEY5("\x81\x01\xcf\x1f\xff\xfe\x00\x00\x00\x00\x00", "\xcf\x1f\xff\xfe\x00\x00\x00\x00\x00"),
	      "5=2305840810190438400{1:2305840810190438400}");
	REFUSES(KEY5("\x81\x01\xcf\x1f\xff\xfe\x00\x00\x00\x00\x01", "\x01"),
	        "key 5: count 2305840810190438401 is above 2305840810190438400");
	REFUSES(KEY5("\x80", "\xcf\x1f\xff\xfe\x00\x00\x00\x00\x01"), "key 5: total 2305840810190438401 is above");
	REFUSES(KEY5("\x80", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "key 5: total 18446744073709551615 is above");
}

static void
lengths_that_lie_are_refused_at_once(void **state)
{
	(void)state;
	REFUSES("\xdf\xff\xff\xff\xff" NUM, "offset 0: a map of 4294967295 that does not fit");
	REFUSES("\xdf\x80\x00\x00\x01" NUM "\x01", "offset 0: a map of 2147483649 that does not fit");
	REFUSES("\x82" NUM "\x01" BRANCHES "\xdd\xff\xff\xff\xff\x80", "offset 24: an array of 4294967295");
	REFUSES(TREE("\xdf\xff\xff\xff\xff\x05" COUNTER("\x80", "\x01")), "a map of 4294967295");
	REFUSES(KEY5("\xdf\xff\xff\xff\xff\x01\x01", "\x01"), "key 5: a map of 4294967295");
	REFUSES(KEY5("\xdf\x80\x00\x00\x00\x01\x01", "\x01"), "key 5: a map of 2147483648");
	REFUSES("\x81\xdb\xff\xff\xff\377x", "offset 1: a string of 4294967295");
	REFUSES("\x81\241x\xc6\xff\xff\xff\377x", "binary data of 4294967295");
	REFUSES("\x81\241x\xc9\xff\xff\xff\xff\001x", "an extension of 4294967295");
	REFUSES("\x81\241x\xdd\xff\xff\xff\377x", "an array of 4294967295");
}

static void
nesting_is_bounded(void **state)
{
	enum { DEPTH = 100000 };
	static const char start[] = "\x83\xa1x";
	static const char rest[] = NUM "\x01" BRANCHES "\x91\x80";
	char *data = malloc(DEPTH + 100);

	(void)state;
	assert_non_null(data);
	memcpy(data, start, sizeof(start));
	memset(data + 3, 0x91, DEPTH);
	data[3 + 31] = (char)0xc0;
	memcpy(data + 3 + 32, rest, sizeof(rest));
	assert_reads(data, 3 + 32 + 25, ""); /* 31 arrays, and the value in the innermost */
	memset(data + 3, 0x91, DEPTH);
	assert_refuses(data, 3 + DEPTH, "offset 34: values nested deeper than 32");
	memset(data + 3, 0x81, DEPTH); /* maps in the place of keys */
	assert_refuses(data, 3 + DEPTH, "values nested deeper than 32");
	free(data);
}

static void
every_truncation_and_stray_byte_is_refused(void **state)
{
	static const char file[] = "\x82" NUM "\x02" BRANCHES "\x92\x81\xcd\x01\x02" COUNTER(
	    "\x82\xce\x01\x34\xb2\x2d\x7e\x01\xcc\x88", "\x01") "\x81\x05\x83\241x\xc4\002zz" TABLE "\x80" TOTAL
	                                                        "\xcd\x01\x02";
	char stray[sizeof(file)];

	(void)state;
	for (size_t bytes = 1; bytes < sizeof(file) - 1; bytes++)
		assert_refuses(file, bytes, "");
	assert_reads(file, sizeof(file) - 1, "258=1{1:136,20230701:126} 5=258{}");
	memcpy(stray, file, sizeof(file) - 1);
	for (int byte = 0; byte < 256; byte++) {
		stray[sizeof(file) - 1] = (char)byte;
		assert_refuses(stray, sizeof(file), "1 stray bytes behind the tree");
	}
}

static int
visit_refuses(void *context, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count)
{
	(void)total, (void)days, (void)day_count;
	return key == 6 ? *(int *)context : 0;
}

static void
the_visitor_may_refuse(void **state)
{
	static const char file[] = TREE("\x82\x05" COUNTER("\x80", "\x01") "\x06" COUNTER("\x80", "\x01"));
	struct dump_fault fault = { "" };
	struct dump_info info;
	int answer = ENGINE_INVALID;

	(void)state;
	assert_int_equal(dump_bytes_read(file, sizeof(file) - 1, "f", visit_refuses, &answer, &info, &fault),
	                 DUMP_DAMAGED);
	assert_string_equal(fault.text, "f: offset 42: key 6: the counter cannot be loaded");
	answer = 4711;
	assert_int_equal(dump_bytes_read(file, sizeof(file) - 1, "f", visit_refuses, &answer, &info, &fault), 4711);
	answer = -12;
	assert_int_equal(dump_bytes_read(file, sizeof(file) - 1, "f", visit_refuses, &answer, &info, &fault), -12);
	assert_non_null(strstr(fault.text, "key 6: loading the counter failed: Cannot allocate memory"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_the_original_writes),
		cmocka_unit_test(members_may_come_in_any_order),
		cmocka_unit_test(wider_forms_are_the_same_numbers),
		cmocka_unit_test(unknown_members_are_read_over),
		cmocka_unit_test(what_comes_twice_counts_once),
		cmocka_unit_test(a_key_in_the_wrong_branch_is_served),
		cmocka_unit_test(branches_num_has_to_be_true),
		cmocka_unit_test(other_kinds_are_refused),
		cmocka_unit_test(numbers_have_bounds),
		cmocka_unit_test(lengths_that_lie_are_refused_at_once),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(every_truncation_and_stray_byte_is_refused),
		cmocka_unit_test(the_visitor_may_refuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
