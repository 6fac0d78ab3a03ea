/* Without a manifest a start restores the newest dump of each name; with one, no file of another directory. */
#include "store/kit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "store/manifest.h"

static void
without_a_manifest_the_newest_of_each_name(void **state)
{
	struct kit *kit = *state;

	kit_file_foreign(kit, "100_page_views.tree", 1, 1);
	kit_file_foreign(kit, "99_page_views.tree", 1, 2);
	kit_file_foreign(kit, "1000_articles.tree", 2, 3);
	kit_file_foreign(kit, "5_.tree", 3, 4);
	kit_file_foreign(kit, "notes.tree", 1, 9);
	kit_file_foreign(kit, "100_x.dat", 1, 9);
	assert_int_equal(mkdirat(kit->directory_fd, "7_dir.tree", 0755), 0);
	assert_int_equal(kit_open(kit), 0);
	assert_string_equal(kit_trees(kit), ",page_views,articles");
	assert_int_equal(kit_total(kit, "page_views", 1), 1);
	assert_int_equal(kit_total(kit, "articles", 2), 3);
	assert_int_equal(kit_total(kit, "", 3), 4);
	assert_int_equal(kit_file_count(kit, ".tree"), 6); /* nothing was written or removed */
}

static void
the_originals_trees_survive_a_crash_before_their_first_dump(void **state)
{
	struct kit *kit = *state;

	kit_file_foreign(kit, "100_a.tree", 1, 1);
	kit_file_foreign(kit, "100_b.tree", 1, 2);
	assert_int_equal(kit_open(kit), 0);
	kit_drop(kit, "a");
	kit_idle();
	kit_crash(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_string_equal(kit_trees(kit), "b");
	assert_int_equal(kit_total(kit, "b", 1), 2);
	kit_add(kit, "b", 1, 1);
	assert_int_equal(kit_dump(kit, "b"), 0);
	kit_close(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "b", 1), 3);
}

/* The name in our own second object wins over that of the file. */
static void
a_renamed_file_of_ours_keeps_its_tree(void **state)
{
	struct kit *kit = *state;
	char file[256];

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a/b", 1, 1);
	assert_int_equal(kit_dump(kit, "a/b"), 0);
	kit_close(kit);
	kit_file_find(kit, ".tree", 0, file);
	kit_file_rename(kit, file, "12_copy.tree");
	assert_int_equal(unlinkat(kit->directory_fd, MANIFEST_FILE, 0), 0);
	for (int i = 0; i < 2; i++) { /* found by its name, then by the manifest */
		assert_int_equal(kit_open(kit), 0);
		assert_string_equal(kit_trees(kit), "a/b");
		kit_close(kit);
	}
}

static void
files_of_another_directory_are_left_alone(void **state)
{
	struct kit *kit = *state;
	void *other_state = NULL;
	char file[256];
	char data[4096];

	assert_int_equal(kit_setup(&other_state), 0);
	struct kit *other = other_state;

	assert_int_equal(kit_open(other), 0);
	kit_add(other, "a", 1, 50);
	for (int i = 0; i < 5; i++)
		assert_int_equal(kit_dump(other, "a"), 0); /* of a higher generation */
	kit_close(other);
	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	assert_int_equal(kit_dump(kit, "a"), 0);
	kit_close(kit);
	kit_file_find(other, "_a.tree", 4, file);
	size_t bytes = kit_file_read(other, file, data, sizeof(data));

	kit_file_write(kit, "99999999999_a.tree", data, bytes);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 1);
	assert_int_equal(kit_load(kit, "99999999999_a.tree"), 0);
	assert_int_equal(kit_total(kit, "a", 1), 50);
	kit_close(kit);
	/* Not even under the name that the manifest gives. */
	kit_file_find(kit, "_a.tree", 0, file);
	kit_file_write(kit, file, data, bytes);
	assert_int_equal(kit_open(kit), -1);
	kit_assert_fault(kit, file);
	kit_teardown(&other_state);
}

static void
a_damaged_file_of_the_originals_stops_the_start(void **state)
{
	struct kit *kit = *state;

	kit_file_foreign(kit, "10_a.tree", 1, 1);
	kit_file_write(kit, "11_a.tree", "\x82", 1);
	assert_int_equal(kit_open(kit), -1);
	kit_assert_fault(kit, "11_a.tree");
	kit->options.restore_skip_damaged = true;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 1);
	assert_int_equal(kit_file_count(kit, "_a.tree"), 3);
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(without_a_manifest_the_newest_of_each_name),
		kit_test(the_originals_trees_survive_a_crash_before_their_first_dump),
		kit_test(a_renamed_file_of_ours_keeps_its_tree),
		kit_test(files_of_another_directory_are_left_alone),
		kit_test(a_damaged_file_of_the_originals_stops_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
