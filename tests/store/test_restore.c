/* A start restores what the manifest promises. */
#include "store/kit.h"

#include <sys/stat.h>

#include "store/manifest.h"

static void
a_new_directory_is_empty(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	assert_string_equal(kit_trees(kit), "");
	assert_true(kit_file_exists(kit, MANIFEST_FILE));
}

static void
unfinished_files_are_removed(void **state)
{
	struct kit *kit = *state;

	kit_file_write(kit, ".tmp-0123456789abcdef", "x", 1);
	kit_file_write(kit, ".tmp-karma.manifest", "x", 1);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_file_count(kit, ".tmp-"), 0);
}

static void
a_directory_that_is_missing_is_named(void **state)
{
	struct kit *kit = *state;

	kit->options.directory = "/nonexistent/karma";
	assert_int_equal(kit_open(kit), -1);
	assert_string_equal(kit->fault.text,
	                    "directory \"/nonexistent/karma\" cannot be opened: No such file or directory");
}

/* So a server starts, and can be read, on a disk that is full. */
static void
a_start_that_changes_nothing_writes_nothing(void **state)
{
	struct kit *kit = *state;
	struct stat before;
	struct stat after;

	kit_file_foreign(kit, "5_a.tree", 1, 1);
	assert_int_equal(kit_open(kit), 0);
	kit_close(kit);
	assert_int_equal(fstatat(kit->directory_fd, MANIFEST_FILE, &before, 0), 0);
	assert_int_equal(kit_open(kit), 0);
	kit_close(kit);
	assert_int_equal(fstatat(kit->directory_fd, MANIFEST_FILE, &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

static void
counts_come_back_in_order_of_creation(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "zebra", 1, 3);
	kit_add(kit, "apple", 2, 5);
	kit_add(kit, "page_views/x", UINT64_MAX, 7);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_close(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_string_equal(kit_trees(kit), "zebra,apple,page_views/x");
	assert_int_equal(kit_total(kit, "zebra", 1), 3);
	assert_int_equal(kit_total(kit, "apple", 2), 5);
	assert_int_equal(kit_total(kit, "page_views/x", UINT64_MAX), 7);
}

static void
the_newest_dump_counts(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	for (int i = 1; i <= 3; i++) {
		kit_add(kit, "a", 1, 1);
		assert_int_equal(kit_dump(kit, "a"), 0);
	}
	kit_add(kit, "a", 1, 1); /* lost: never dumped */
	kit_close(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 3);
}

/* A crash between the rename of a dump and the manifest that names it. */
static void
a_dump_newer_than_the_manifest_counts(void **state)
{
	struct kit *kit = *state;
	char before[4096];

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	assert_int_equal(kit_dump(kit, "a"), 0);
	size_t bytes = kit_file_read(kit, MANIFEST_FILE, before, sizeof(before));

	kit_add(kit, "a", 1, 1);
	assert_int_equal(kit_dump(kit, "a"), 0);
	kit_close(kit);
	kit_file_write(kit, MANIFEST_FILE, before, bytes);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 2);
}

static void
tree_ids_are_never_given_twice(void **state)
{
	struct kit *kit = *state;
	char before[4096];

	assert_int_equal(kit_open(kit), 0);
	size_t bytes = kit_file_read(kit, MANIFEST_FILE, before, sizeof(before));

	kit_add(kit, "a", 1, 1);
	kit_add(kit, "b", 1, 1);
	uint64_t next = engine_tree_id_next(kit->engine);

	assert_int_equal(kit_dump(kit, "a"), 0);
	kit_close(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_true(engine_tree_id_next(kit->engine) >= next);
	kit_add(kit, "b", 1, 1);
	next = engine_tree_id_next(kit->engine);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_close(kit);
	/* Also when a crash left the files, but not the manifest. */
	kit_file_write(kit, MANIFEST_FILE, before, bytes);
	assert_int_equal(kit_open(kit), 0);
	assert_true(engine_tree_id_next(kit->engine) >= next);
}

static void
today_never_goes_back(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	engine_today_advance(kit->engine, KIT_TODAY + 1);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_close(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(engine_today(kit->engine), KIT_TODAY + 1);
}

/* ---- trees that went ---- */

static void
a_dropped_tree_stays_dropped(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	kit_add(kit, "b", 1, 1);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_drop(kit, "a");
	kit_close(kit);
	assert_int_equal(kit_file_count(kit, "_a.tree"), 1); /* the file stays, for load */
	assert_int_equal(kit_open(kit), 0);
	assert_string_equal(kit_trees(kit), "b");
}

static void
a_dropped_tree_stays_dropped_after_a_crash(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_drop(kit, "a");
	kit_idle();
	kit_crash(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_string_equal(kit_trees(kit), "");
}

static void
a_reset_tree_goes_back_to_its_dump(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 4);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_reset(kit, "a");
	kit_idle();
	kit_crash(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 4);
	kit_reset(kit, "a");
	kit_add(kit, "a", 1, 1);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_close(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 1);
}

static void
a_tree_never_dumped_is_not_there(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 4);
	kit_close(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_string_equal(kit_trees(kit), "");
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(a_new_directory_is_empty),
		kit_test(unfinished_files_are_removed),
		kit_test(a_directory_that_is_missing_is_named),
		kit_test(a_start_that_changes_nothing_writes_nothing),
		kit_test(counts_come_back_in_order_of_creation),
		kit_test(the_newest_dump_counts),
		kit_test(a_dump_newer_than_the_manifest_counts),
		kit_test(tree_ids_are_never_given_twice),
		kit_test(today_never_goes_back),
		kit_test(a_dropped_tree_stays_dropped),
		kit_test(a_dropped_tree_stays_dropped_after_a_crash),
		kit_test(a_reset_tree_goes_back_to_its_dump),
		kit_test(a_tree_never_dumped_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
