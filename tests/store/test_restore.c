/* A start restores what the manifest promises, and without one the newest dump of each name; damage stops it by name. */
#include "store/kit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/manifest.h"

static void
assert_fault_names(const struct kit *kit, const char *file)
{
	if (strstr(kit->fault.text, file) == NULL)
		fail_msg("\"%s\" does not name %s", kit->fault.text, file);
}

static void
assert_holds_manifest(const struct kit *kit, const char *directory)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/" MANIFEST_FILE, directory);
	assert_true(kit_file_exists(kit, path));
}

static void
a_new_directory_is_empty(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	assert_string_equal(kit_trees(kit), "");
	assert_true(kit_file_exists(kit, MANIFEST_FILE));
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

/* ---- the original's directory ---- */

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
	assert_fault_names(kit, file);
	kit_teardown(&other_state);
}

/* ---- damage ---- */

static void
make_two_dumps(struct kit *kit, char *ret_older, char *ret_newer)
{
	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	kit_add(kit, "b", 1, 7);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_add(kit, "a", 1, 1);
	assert_int_equal(kit_dump(kit, "a"), 0);
	kit_close(kit);
	kit_file_find(kit, "_a.tree", 0, ret_older);
	kit_file_find(kit, "_a.tree", 1, ret_newer);
}

static void
a_damaged_dump_stops_the_start(void **state)
{
	struct kit *kit = *state;
	char older[256];
	char newer[256];

	make_two_dumps(kit, older, newer);
	/* In the tree, in the second object, in the last byte. */
	for (size_t offset = 1; offset < 180; offset += 17) {
		kit_file_flip(kit, newer, offset);
		assert_int_equal(kit_open(kit), -1);
		assert_fault_names(kit, newer);
		kit_file_flip(kit, newer, offset);
	}
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 2);
}

static void
an_older_dump_serves(struct kit *kit, size_t damage_from_end)
{
	char older[256];
	char newer[256];

	make_two_dumps(kit, older, newer);
	kit_file_flip(kit, newer, damage_from_end);
	kit->options.restore_skip_damaged = true;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 1);
	assert_int_equal(kit_total(kit, "b", 1), 7);
	assert_int_equal(kit_file_count(kit, "_a.tree"), 3); /* the start ended with a full dump */
	kit_close(kit);
	/* So the next start does not meet the damage, skipping or not. */
	kit->options.restore_skip_damaged = false;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 1);
}

/* In the second object: the file is known by its name alone. */
static void
an_older_dump_serves_for_one_without_its_end(void **state)
{
	an_older_dump_serves(*state, 60);
}

/* In the tree: the file still says that it is the newest dump of the tree. */
static void
an_older_dump_serves_for_one_with_a_damaged_tree(void **state)
{
	an_older_dump_serves(*state, 180);
}

/* The tree that serves must not take up a place before the damaged ones: the next start would meet them again. */
static void
an_older_dump_serves_for_two(void **state)
{
	struct kit *kit = *state;
	char older[256];
	char newer[256];
	char newest[256];

	make_two_dumps(kit, older, newer);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_dump(kit, "a"), 0);
	kit_close(kit);
	kit_file_find(kit, "_a.tree", 2, newest);
	kit_file_flip(kit, newer, 180);
	kit_file_flip(kit, newest, 180);
	kit->options.restore_skip_damaged = true;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 1);
	kit_close(kit);
	kit->options.restore_skip_damaged = false;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 1);
}

static void
no_dump_is_left_when_all_are_damaged(void **state)
{
	struct kit *kit = *state;
	char older[256];
	char newer[256];

	make_two_dumps(kit, older, newer);
	kit_file_flip(kit, newer, 60);
	kit_file_flip(kit, older, 60);
	kit->options.restore_skip_damaged = true;
	assert_int_equal(kit_open(kit), 0);
	assert_string_equal(kit_trees(kit), "b");
}

static void
a_missing_dump_stops_the_start(void **state)
{
	struct kit *kit = *state;
	char older[256];
	char newer[256];

	make_two_dumps(kit, older, newer);
	assert_int_equal(unlinkat(kit->directory_fd, newer, 0), 0);
	assert_int_equal(kit_open(kit), -1); /* the older one is older than the manifest says */
	assert_fault_names(kit, newer);
	kit->options.restore_skip_damaged = true;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 1);
}

/* An older dump under the newest one's name: whole, but of another generation. */
static void
a_dump_older_than_the_manifest_says_stops_the_start(void **state)
{
	struct kit *kit = *state;
	char older[256];
	char newer[256];

	make_two_dumps(kit, older, newer);
	kit_file_rename(kit, older, newer);
	assert_int_equal(kit_open(kit), -1);
	assert_fault_names(kit, newer);
}

static void
a_damaged_file_of_the_originals_stops_the_start(void **state)
{
	struct kit *kit = *state;

	kit_file_foreign(kit, "10_a.tree", 1, 1);
	kit_file_write(kit, "11_a.tree", "\x82", 1);
	assert_int_equal(kit_open(kit), -1);
	assert_fault_names(kit, "11_a.tree");
	kit->options.restore_skip_damaged = true;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 1);
	assert_int_equal(kit_file_count(kit, "_a.tree"), 3);
}

static void
a_damaged_manifest_stops_the_start(void **state)
{
	struct kit *kit = *state;
	char older[256];
	char newer[256];
	char aside[256];

	make_two_dumps(kit, older, newer);
	kit_file_flip(kit, MANIFEST_FILE, 5);
	assert_int_equal(kit_open(kit), -1);
	assert_fault_names(kit, MANIFEST_FILE);
	assert_fault_names(kit, "offset");
	kit->options.restore_skip_damaged = true;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 2);
	assert_int_equal(kit_total(kit, "b", 1), 7);
	kit_file_find(kit, "set-aside-", 0, aside);
	assert_holds_manifest(kit, aside);
	kit_close(kit);
	kit->options.restore_skip_damaged = false;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 2);
}

/* ---- starting over ---- */

static void
read_identity(const struct kit *kit, uint8_t *ret)
{
	static const uint8_t none[DIRECTORY_IDENTITY_BYTES];
	struct manifest manifest;
	struct dump_fault fault;

	assert_int_equal(manifest_read(kit->directory_fd, &manifest, &fault), MANIFEST_OK);
	memcpy(ret, manifest.identity, DIRECTORY_IDENTITY_BYTES);
	assert_memory_not_equal(ret, none, DIRECTORY_IDENTITY_BYTES);
	manifest_deinit(&manifest);
}

static void
without_restoring_the_manifest_is_set_aside(void **state)
{
	struct kit *kit = *state;
	uint8_t before[DIRECTORY_IDENTITY_BYTES];
	uint8_t first[DIRECTORY_IDENTITY_BYTES];
	char older[256];
	char newer[256];
	char aside[256];

	make_two_dumps(kit, older, newer);
	read_identity(kit, before);
	kit->options.restore = false;
	assert_int_equal(kit_open(kit), 0);
	read_identity(kit, first);
	assert_memory_not_equal(before, first, DIRECTORY_IDENTITY_BYTES);
	assert_string_equal(kit_trees(kit), "");
	kit_file_find(kit, "set-aside-2", 0, aside);
	assert_int_equal(strlen(aside), strlen("set-aside-20261123T211230Z"));
	assert_holds_manifest(kit, aside);
	assert_true(kit_file_exists(kit, newer)); /* dump files stay, for load */
	assert_int_equal(kit_load(kit, newer), 0);
	assert_int_equal(kit_total(kit, "a", 1), 2);
	kit_add(kit, "c", 1, 3);
	assert_int_equal(kit_dump(kit, "c"), 0);
	kit_close(kit);
	/* Nor do they come back later: they are of another identity. */
	kit->options.restore = true;
	assert_int_equal(kit_open(kit), 0);
	assert_string_equal(kit_trees(kit), "c");
}

static void
a_new_directory_without_restoring_has_nothing_to_set_aside(void **state)
{
	struct kit *kit = *state;

	kit->options.restore = false;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_file_count(kit, "set-aside"), 0);
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

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(a_new_directory_is_empty),
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
		kit_test(without_a_manifest_the_newest_of_each_name),
		kit_test(the_originals_trees_survive_a_crash_before_their_first_dump),
		kit_test(a_renamed_file_of_ours_keeps_its_tree),
		kit_test(files_of_another_directory_are_left_alone),
		kit_test(a_damaged_dump_stops_the_start),
		kit_test(an_older_dump_serves_for_one_without_its_end),
		kit_test(an_older_dump_serves_for_one_with_a_damaged_tree),
		kit_test(an_older_dump_serves_for_two),
		kit_test(no_dump_is_left_when_all_are_damaged),
		kit_test(a_missing_dump_stops_the_start),
		kit_test(a_dump_older_than_the_manifest_says_stops_the_start),
		kit_test(a_damaged_file_of_the_originals_stops_the_start),
		kit_test(a_damaged_manifest_stops_the_start),
		kit_test(without_restoring_the_manifest_is_set_aside),
		kit_test(a_new_directory_without_restoring_has_nothing_to_set_aside),
		kit_test(unfinished_files_are_removed),
		kit_test(a_directory_that_is_missing_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
