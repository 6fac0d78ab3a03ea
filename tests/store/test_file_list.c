/* The directory is listed by names that are dumps; what else is in it does not show. */
#include "store/kit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "store/file_list.h"

static void
put(const struct kit *kit, const char *file)
{
	kit_file_write(kit, file, "x", 1);
}

static void
lists_regular_files_with_the_name_of_a_dump(void **state)
{
	struct kit *kit = *state;
	struct file_list list;

	put(kit, "100_b.tree");
	put(kit, "99_b.tree");
	put(kit, "1000_b.tree");
	put(kit, "7_a_b.tree");
	put(kit, "8_.tree");
	put(kit, "b.tree");
	put(kit, "9_b.dat");
	put(kit, "x9_b.tree");
	put(kit, ".tmp-9_b.tree");
	put(kit, "99999999999999999999_b.tree"); /* above 2^64 */
	put(kit, "9_\xff.tree");
	assert_int_equal(mkdirat(kit->directory_fd, "10_d.tree", 0755), 0);
	assert_int_equal(symlinkat("100_b.tree", kit->directory_fd, "11_l.tree"), 0);
	assert_int_equal(file_list_read(kit->directory_fd, &list), 0);
	static const char *const expected[] = { "8_.tree", "7_a_b.tree", "1000_b.tree", "100_b.tree", "99_b.tree" };

	assert_int_equal(list.count, 5);
	for (size_t i = 0; i < list.count; i++)
		assert_string_equal(list.entries[i].file, expected[i]);
	assert_int_equal(file_list_part_end(&list, 0), 1);
	assert_int_equal(file_list_part_end(&list, 2), 5);
	file_list_deinit(&list);
}

static void
lists_newest_first_over_all_trees(void **state)
{
	struct kit *kit = *state;
	char **names = NULL;
	size_t count = 0;

	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(store_files(kit->store, &names, &count), 0);
	assert_int_equal(count, 0);
	store_files_free(names, count);
	put(kit, "1688385600_a.tree");
	put(kit, "1709251140_us_er.tree");
	put(kit, "99_b.tree");
	assert_int_equal(store_files(kit->store, &names, &count), 0);
	assert_int_equal(count, 3);
	assert_string_equal(names[0], "1709251140_us_er.tree");
	assert_string_equal(names[1], "1688385600_a.tree");
	assert_string_equal(names[2], "99_b.tree");
	store_files_free(names, count);
}

static void
finds_the_newest_stamp_of_a_tree(void **state)
{
	struct kit *kit = *state;
	struct file_list list;
	uint64_t stamp = 0;

	put(kit, "100_a.tree");
	put(kit, "99_a.tree");
	put(kit, "500_a%2Fb.tree");
	put(kit, "18446744073709551615_z.tree");
	assert_int_equal(file_list_read(kit->directory_fd, &list), 0);
	assert_true(file_list_stamp(&list, "a", 1, &stamp));
	assert_int_equal(stamp, 100);
	assert_true(file_list_stamp(&list, "a/b", 3, &stamp));
	assert_int_equal(stamp, 500);
	assert_true(file_list_stamp(&list, "z", 1, &stamp));
	assert_int_equal(stamp, UINT64_MAX);
	assert_false(file_list_stamp(&list, "", 0, &stamp));
	assert_false(file_list_stamp(&list, "b", 1, &stamp));
	file_list_deinit(&list);
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(lists_regular_files_with_the_name_of_a_dump),
		kit_test(lists_newest_first_over_all_trees),
		kit_test(finds_the_newest_stamp_of_a_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
