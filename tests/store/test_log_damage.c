/* A torn end of the log is cut, damage and what is missing stop the start; an older dump serves where it was told to. */
#include "store/kit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/manifest.h"
#include "wal/recover.h"

static void
flip(struct kit *kit, const char *file, uint64_t offset)
{
	char byte;
	int fd = openat(kit->directory_fd, file, O_RDWR);

	assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
	(void)close(fd);
}

/* The last block was not synced when the power went: only what nobody was told of is lost. */
static void
a_torn_end_is_cut(void **state)
{
	struct kit *kit = *state;
	struct wal_position end;
	char file[256];

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 5);
	kit_add(kit, "a", 1, 1);
	kit_crash(kit);
	kit_last_segment(kit, file, &end);
	flip(kit, file, end.end - 9);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 5);
	kit_add(kit, "a", 1, 2);
	kit_crash_open(kit);
	assert_int_equal(kit_total(kit, "a", 1), 7);
}

static void
damage_a_block_in_the_middle(struct kit *kit, char file[256])
{
	struct wal_position middle;
	struct wal_position end;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 5);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_add(kit, "a", 1, 1);
	kit_last_segment(kit, file, &middle);
	for (int i = 0; i < 4; i++)
		kit_add(kit, "a", 1, 1);
	kit_add(kit, "b", 1, 1);
	kit_crash(kit);
	kit_last_segment(kit, file, &end);
	flip(kit, file, middle.end + 80);
}

static void
damage_in_the_log_stops_the_start(void **state)
{
	struct kit *kit = *state;
	char file[256];
	char aside[256];
	char path[600];

	damage_a_block_in_the_middle(kit, file);
	for (int i = 0; i < 2; i++) {
		kit->options.restore_skip_damaged = i == 1; /* is about dumps */
		assert_int_equal(kit_open(kit), -1);
		assert_non_null(strstr(kit->fault.text, file));
		assert_non_null(strstr(kit->fault.text, "offset"));
		assert_non_null(strstr(kit->fault.text, "--wal-truncate-at-damage"));
	}
	kit->options.restore_skip_damaged = false;
	kit->options.wal_truncate_at_damage = true;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 6);
	assert_string_equal(kit_trees(kit), "a");
	assert_int_equal(kit_file_count(kit, "_a.tree"), 2); /* everything was dumped */
	kit_file_find(kit, "set-aside-", 0, aside);
	(void)snprintf(path, sizeof(path), "%s/%s", aside, file);
	assert_true(kit_file_exists(kit, path));
	assert_false(kit_file_exists(kit, file));
	kit_add(kit, "a", 1, 2);
	kit->options.wal_truncate_at_damage = false;
	kit_crash_open(kit);
	assert_int_equal(kit_total(kit, "a", 1), 8);
	assert_int_equal(kit_file_count(kit, "set-aside-"), 1);
}

static void
damage_ends_a_log_that_is_switched_off(void **state)
{
	struct kit *kit = *state;
	char file[256];

	damage_a_block_in_the_middle(kit, file);
	kit->options.wal = false;
	assert_int_equal(kit_open(kit), -1);
	kit->options.wal_truncate_at_damage = true;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 6);
	assert_int_equal(kit_file_count(kit, ".wal"), 0);
	kit_crash_open(kit);
	assert_int_equal(kit_total(kit, "a", 1), 6);
}

static void
a_missing_segment_stops_the_start(void **state)
{
	struct kit *kit = *state;
	struct wal_position end;
	char file[256];

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 5);
	kit_last_segment(kit, file, &end);
	kit_crash_open(kit);
	kit_add(kit, "a", 1, 1);
	kit_crash(kit);
	assert_int_equal(unlinkat(kit->directory_fd, file, 0), 0);
	assert_int_equal(kit_open(kit), -1);
	assert_non_null(strstr(kit->fault.text, file));
}

/* A log whose records do not fit its dumps: here a dump of the same tree and generation, but with less in it. */
static void
counts_that_cannot_be_stop_the_start(void **state)
{
	struct kit *kit = *state;
	char file[256];
	char data[65536];

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 77, 5);
	kit_add(kit, "a", 1, 1);
	assert_int_equal(kit_dump_all(kit), 0);
	struct kit *other = kit_copy(kit);

	kit_add(kit, "a", 77, 5);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_subtract(kit, "a", 77, 10);
	kit_crash(kit);
	/* The same history without the add. */
	assert_int_equal(kit_open(other), 0);
	assert_int_equal(kit_dump_all(other), 0);
	kit_crash(other);
	kit_file_find(other, "_a.tree", 1, file);
	size_t bytes = kit_file_read(other, file, data, sizeof(data));
	kit_file_find(kit, "_a.tree", 1, file);
	kit_file_write(kit, file, data, bytes);
	kit->options.restore_skip_damaged = true;
	kit->options.wal_truncate_at_damage = true;
	assert_int_equal(kit_open(kit), -1);
	assert_non_null(strstr(kit->fault.text, "tree \"a\", key 77"));
	(void)kit_teardown((void **)&other);
}

/* ---- damaged dumps ---- */

static void
make_two_dumps(struct kit *kit, char older[256], char newer[256])
{
	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 5);
	assert_int_equal(kit_dump(kit, "a"), 0);
	kit_file_find(kit, "_a.tree", 0, older);
	kit_add(kit, "a", 1, 1);
	assert_int_equal(kit_dump(kit, "a"), 0);
	kit_file_find(kit, "_a.tree", 1, newer);
	kit_add(kit, "a", 1, 1);
}

/* The tree was created in the log that is still there: with any dump of it, or with none, nothing is lost. */
static void
a_log_that_has_all_of_a_tree_makes_up_for_its_dumps(void **state)
{
	struct kit *kit = *state;
	char older[256];
	char newer[256];

	make_two_dumps(kit, older, newer);
	kit_crash(kit);
	kit_file_flip(kit, newer, 180);
	assert_int_equal(kit_open(kit), -1);
	assert_non_null(strstr(kit->fault.text, newer));
	kit->options.restore_skip_damaged = true;
	struct kit *other = kit_copy(kit);

	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 7);
	kit_close(kit);
	kit_file_flip(other, older, 60);
	assert_int_equal(kit_open(other), 0);
	assert_int_equal(kit_total(other, "a", 1), 7);
	other->options.restore_skip_damaged = false; /* a full dump made all of it right */
	kit_crash_open(other);
	assert_int_equal(kit_total(other, "a", 1), 7);
	(void)kit_teardown((void **)&other);
}

static void
an_older_dump_serves_without_its_log(void **state)
{
	struct kit *kit = *state;
	char older[256];
	char newer[256];
	char newest[256];

	make_two_dumps(kit, older, newer);
	kit_add(kit, "b", 1, 1);
	assert_int_equal(kit_dump_all(kit), 0); /* now the log begins behind the creation */
	kit_file_find(kit, "_a.tree", 2, newest);
	kit_add(kit, "a", 1, 100);
	kit_add(kit, "b", 1, 100);
	kit_crash(kit);
	kit_file_flip(kit, newest, 60);
	assert_int_equal(kit_open(kit), -1);
	kit->options.restore_skip_damaged = true;
	assert_int_equal(kit_open(kit), 0);
	assert_string_equal(kit_trees(kit), "a,b");
	assert_int_equal(kit_total(kit, "a", 1), 6);
	assert_int_equal(kit_total(kit, "b", 1), 101);
	kit_add(kit, "a", 1, 1);
	kit->options.restore_skip_damaged = false;
	kit_crash_open(kit);
	assert_int_equal(kit_total(kit, "a", 1), 7);
}

/* Dropped or replaced after all: what stands in for the damaged dump goes with it. */
static void
an_older_dump_does_not_outlive_its_tree(void **state)
{
	struct kit *kit = *state;
	char older[256];
	char newer[256];

	make_two_dumps(kit, older, newer);
	kit_add(kit, "b", 1, 1);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_file_find(kit, "_a.tree", 2, newer);
	kit_reset(kit, "a");
	kit_add(kit, "a", 2, 2);
	kit_file_find(kit, "_b.tree", 0, older);
	kit_drop(kit, "b");
	kit_crash(kit);
	kit_file_flip(kit, newer, 60);
	kit_file_flip(kit, older, 60);
	kit->options.restore_skip_damaged = true;
	assert_int_equal(kit_open(kit), 0);
	assert_string_equal(kit_trees(kit), "a");
	assert_int_equal(kit_total(kit, "a", 1), 0);
	assert_int_equal(kit_total(kit, "a", 2), 2);
}

static void
a_dump_between_manifest_and_damage_keeps_its_log(void **state)
{
	struct kit *kit = *state;
	char manifest[4096];
	char newest[256];

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 5);
	assert_int_equal(kit_dump_all(kit), 0);
	size_t bytes = kit_file_read(kit, MANIFEST_FILE, manifest, sizeof(manifest));

	kit_add(kit, "a", 1, 1);
	assert_int_equal(kit_dump(kit, "a"), 0);
	kit_file_find(kit, "_a.tree", 1, newest);
	kit_add(kit, "a", 1, 1);
	kit_crash(kit);
	kit_file_write(kit, MANIFEST_FILE, manifest, bytes);
	kit_file_flip(kit, newest, 180);
	assert_int_equal(kit_open(kit), -1);
	assert_non_null(strstr(kit->fault.text, newest));
	kit->options.restore_skip_damaged = true;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 7);
}

/* They hold nothing new, so nothing but their own numbers tells how new they are. */
static void
what_was_skipped_is_not_met_again(void **state)
{
	struct kit *kit = *state;
	char manifest[4096];
	char file[256];

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 5);
	assert_int_equal(kit_dump_all(kit), 0);
	size_t bytes = kit_file_read(kit, MANIFEST_FILE, manifest, sizeof(manifest));

	for (int i = 0; i < 5; i++)
		assert_int_equal(kit_dump(kit, "a"), 0);
	kit_crash(kit);
	kit_file_write(kit, MANIFEST_FILE, manifest, bytes);
	for (size_t i = 1; i <= 5; i++) {
		kit_file_find(kit, "_a.tree", i, file);
		kit_file_flip(kit, file, 180); /* the tree, not its numbers */
	}
	kit->options.restore_skip_damaged = true;
	assert_int_equal(kit_open(kit), 0);
	kit->options.restore_skip_damaged = false;
	kit_crash_open(kit);
	assert_int_equal(kit_total(kit, "a", 1), 5);
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup_log, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(a_torn_end_is_cut),
		kit_test(damage_in_the_log_stops_the_start),
		kit_test(damage_ends_a_log_that_is_switched_off),
		kit_test(a_missing_segment_stops_the_start),
		kit_test(counts_that_cannot_be_stop_the_start),
		kit_test(a_log_that_has_all_of_a_tree_makes_up_for_its_dumps),
		kit_test(an_older_dump_serves_without_its_log),
		kit_test(an_older_dump_does_not_outlive_its_tree),
		kit_test(a_dump_between_manifest_and_damage_keeps_its_log),
		kit_test(what_was_skipped_is_not_met_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
