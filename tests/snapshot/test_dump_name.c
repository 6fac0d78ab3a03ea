/* Every tree name becomes a valid file name, different names different ones; names of files are taken apart as written. */
#include "snapshot/kit.h"

#include <string.h>

#include "snapshot/dump_name.h"

static void
assert_encoded(const char *tree, size_t bytes, const char *expected)
{
	char name[DUMP_FILE_NAME_MAX + 1];

	dump_name_encode(1688, tree, bytes, name);
	assert_string_equal(name, expected);
}

static void
encodes_what_a_file_name_cannot_hold(void **state)
{
	(void)state;
	assert_encoded("articles", 8, "1688_articles.tree");
	assert_encoded("page_views", 10, "1688_page_views.tree");
	assert_encoded("", 0, "1688_.tree");
	assert_encoded("a/b%c", 5, "1688_a%2Fb%25c.tree");
	assert_encoded("../x", 4, "1688_%2E.%2Fx.tree");
	assert_encoded(".", 1, "1688_%2E.tree");
	assert_encoded("x.tree", 6, "1688_x.tree.tree");
	assert_encoded("\0\n\x1f \x7f~", 6, "1688_%00%0A%1F %7F~.tree");
	assert_encoded("\xd1\x81\xf0\x9f\x98\x80", 6, "1688_\xd1\x81\xf0\x9f\x98\x80.tree");
}

static void
names_that_are_too_long_become_a_hash(void **state)
{
	char tree[TREE_NAME_BYTES_MAX];
	char name[DUMP_FILE_NAME_MAX + 1];
	char other[DUMP_FILE_NAME_MAX + 1];

	(void)state;
	memset(tree, 'x', sizeof(tree));
	dump_name_encode(UINT64_MAX, tree, 200, name);
	assert_int_equal(strlen(name), 20 + 1 + 200 + 5);
	dump_name_encode(UINT64_MAX, tree, 201, name);
	assert_int_equal(strlen(name), 20 + 1 + 18 + 5);
	assert_memory_equal(name + 20, "_%h", 3);
	dump_name_encode(UINT64_MAX, tree, 202, other);
	assert_string_not_equal(name, other);

	/* 199 bytes with an encoded one at the end are 201. */
	tree[198] = '/';
	dump_name_encode(1, tree, 198, name);
	assert_null(strstr(name, "%h"));
	dump_name_encode(1, tree, 199, name);
	assert_non_null(strstr(name, "%h"));
	tree[197] = '/';
	dump_name_encode(1, tree, 198, name);
	assert_int_equal(strlen(name), 2 + 200 + 5);

	memset(tree, 0, sizeof(tree));
	dump_name_encode(1, tree, sizeof(tree), name);
	assert_non_null(strstr(name, "1_%h"));
}

static void
assert_split(const char *name, uint64_t stamp, const char *tree)
{
	uint64_t seen;
	const char *seen_tree;
	size_t bytes;

	assert_true(dump_name_split(name, &seen, &seen_tree, &bytes));
	assert_int_equal(seen, stamp);
	assert_int_equal(bytes, strlen(tree));
	assert_memory_equal(seen_tree, tree, bytes);
}

static void
assert_no_split(const char *name)
{
	uint64_t stamp;
	const char *tree;
	size_t bytes;

	assert_false(dump_name_split(name, &stamp, &tree, &bytes));
}

static void
splits_names_of_dumps_only(void **state)
{
	(void)state;
	assert_split("1688299200_articles.tree", 1688299200, "articles");
	assert_split("1688385600_page_views.tree", 1688385600, "page_views");
	assert_split("5_.tree", 5, "");
	assert_split("5_x.tree.tree", 5, "x.tree");
	assert_split("007_%2E.tree", 7, "%2E");
	assert_split("18446744073709551615_x.tree", UINT64_MAX, "x");
	assert_no_split("18446744073709551616_x.tree");
	assert_no_split("99999999999999999999_x.tree");
	assert_no_split("");
	assert_no_split(".tree");
	assert_no_split("_x.tree");
	assert_no_split("5x.tree");
	assert_no_split("5_x");
	assert_no_split("5_tree");
	assert_no_split("5.tree");
	assert_no_split("x_5.tree");
	assert_no_split("-5_x.tree");
	assert_no_split(" 5_x.tree");
	assert_no_split("5_x.tree.meta.json");
}

static void
assert_tree(const char *name, const char *tree)
{
	const char *seen;
	size_t bytes;

	dump_name_tree(name, &seen, &bytes);
	assert_int_equal(bytes, strlen(tree));
	assert_memory_equal(seen, tree, bytes);
}

static void
derives_a_tree_from_any_name(void **state)
{
	(void)state;
	assert_tree("1688_articles.tree", "articles");
	assert_tree("1688_page_views.tree", "page_views");
	assert_tree("5_a.dat", "a.dat");
	assert_tree("articles.tree", "articles");
	assert_tree("articles", "articles");
	assert_tree("5_.tree", "");
	assert_tree(".tree", "");
	assert_tree("", "");
	assert_tree("5_%2E.tree", "%2E");
}

static void
temporary_names_are_known_and_no_dumps(void **state)
{
	char name[DUMP_FILE_NAME_MAX + 1];
	char other[DUMP_FILE_NAME_MAX + 1];

	(void)state;
	assert_int_equal(dump_name_temporary(name), 0);
	assert_int_equal(dump_name_temporary(other), 0);
	assert_string_not_equal(name, other);
	assert_true(dump_name_is_temporary(name));
	assert_no_split(name);
	dump_name_encode(1, ".tmp-x", 6, name);
	assert_false(dump_name_is_temporary(name));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_what_a_file_name_cannot_hold),
		cmocka_unit_test(names_that_are_too_long_become_a_hash),
		cmocka_unit_test(splits_names_of_dumps_only),
		cmocka_unit_test(derives_a_tree_from_any_name),
		cmocka_unit_test(temporary_names_are_known_and_no_dumps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
