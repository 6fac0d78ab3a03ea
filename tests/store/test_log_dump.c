/* A full dump empties the log, a dump of one tree does not, and a log that has grown is dumped by itself. */
#include "store/kit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/manifest.h"
#include "wal/recover.h"

static struct manifest_log
log_of_manifest(const struct kit *kit)
{
	struct manifest manifest;
	struct dump_fault fault;

	assert_int_equal(manifest_read(kit->directory_fd, &manifest, &fault), MANIFEST_OK);
	struct manifest_log log = manifest.log;

	manifest_deinit(&manifest);
	return log;
}

static uint64_t
sequence_now(struct kit *kit)
{
	struct wal_figures figures;

	wal_figures(store_wal(kit->store), &figures);
	return figures.sequence;
}

/* Segments, of whatever number, that a recovery might read: named as needed, not as spare. */
static size_t
segments_before(const struct kit *kit, uint64_t sequence)
{
	size_t count = kit_file_count(kit, "karma-0");
	size_t before = 0;
	char limit[64];

	wal_segment_name(sequence, limit);
	for (size_t i = 0; i < count; i++) {
		char file[256];

		kit_file_find(kit, "karma-0", i, file);
		before += strcmp(file, limit) < 0 ? 1 : 0;
	}
	return before;
}

static void
the_manifest_names_the_log(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(log_of_manifest(kit).first, sequence_now(kit));
	kit_add(kit, "a", 1, 1);
	assert_int_equal(kit_dump(kit, "a"), 0);
	assert_int_equal(log_of_manifest(kit).first, sequence_now(kit));
	assert_true(log_of_manifest(kit).epoch <= engine_log_epoch(kit->engine));
	assert_true(log_of_manifest(kit).synced > 0);
	assert_true(log_of_manifest(kit).synced < log_of_manifest(kit).epoch);
}

static void
a_full_dump_empties_the_log(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	for (int i = 0; i < 3; i++) {
		kit_add(kit, "a", 1, 1);
		uint64_t before = sequence_now(kit);

		assert_int_equal(kit_dump_all(kit), 0);
		assert_true(sequence_now(kit) > before);
		assert_int_equal(log_of_manifest(kit).first, sequence_now(kit));
		assert_int_equal(segments_before(kit, sequence_now(kit)), 0);
	}
}

static void
a_dump_of_one_tree_keeps_the_log(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	kit_add(kit, "b", 1, 1);
	struct manifest_log before = log_of_manifest(kit);

	assert_int_equal(kit_dump(kit, "a"), 0);
	assert_int_equal(log_of_manifest(kit).first, before.first);
	assert_int_equal(segments_before(kit, sequence_now(kit) + 1), 1);
}

static void
a_tree_that_cannot_be_dumped_keeps_the_log(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	kit_add(kit, "b", 1, 2);
	struct manifest_log before = log_of_manifest(kit);

	kit_file_foreign(kit, "18446744073709551615_a.tree", 1, 1); /* no stamp is above that */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kit_dump_all(kit), -1);
		assert_int_equal(log_of_manifest(kit).first, before.first);
	}
	kit_add(kit, "a", 1, 1);
	kit_crash(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 2);
	assert_int_equal(kit_total(kit, "b", 1), 2);
	assert_int_equal(unlinkat(kit->directory_fd, "18446744073709551615_a.tree", 0), 0);
	assert_int_equal(kit_dump_all(kit), 0);
	assert_int_equal(segments_before(kit, sequence_now(kit)), 0);
}

/* What was written by nobody is in no manifest: drops are in the log. */
static void
the_manifest_is_left_alone_between_dumps(void **state)
{
	struct kit *kit = *state;
	struct stat before;
	struct stat after;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	assert_int_equal(kit_dump_all(kit), 0);
	assert_int_equal(fstatat(kit->directory_fd, MANIFEST_FILE, &before, 0), 0);
	kit_drop(kit, "a");
	kit_idle();
	assert_int_equal(fstatat(kit->directory_fd, MANIFEST_FILE, &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void
old_dumps_go_but_for_those_that_count(void **state)
{
	struct kit *kit = *state;

	kit->options.dump_retention_per_tree = 1;
	assert_int_equal(kit_open(kit), 0);
	for (int i = 0; i < 3; i++) {
		kit_add(kit, "a", 1, 1);
		assert_int_equal(kit_dump(kit, "a"), 0);
	}
	assert_int_equal(kit_file_count(kit, "_a.tree"), 3);
	kit_file_foreign(kit, "10_a.tree", 1, 9);
	assert_int_equal(kit_load(kit, "10_a.tree"), 0);
	assert_int_equal(kit_file_count(kit, "_a.tree"), 5); /* the loaded tree's own */
	assert_int_equal(kit_dump_all(kit), 0);
	assert_int_equal(kit_file_count(kit, "_a.tree"), 2);
	assert_true(kit_file_exists(kit, "10_a.tree"));
	kit_crash(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 9);
}

/* ---- by itself ---- */

static bool
wait_for_first(struct kit *kit, uint64_t above)
{
	const struct timespec tick = { .tv_nsec = 20000000 };

	for (int i = 0; i < 150 && log_of_manifest(kit).first <= above; i++)
		(void)nanosleep(&tick, NULL);
	return log_of_manifest(kit).first > above;
}

static void
a_log_that_has_grown_is_dumped(void **state)
{
	struct kit *kit = *state;

	kit->options.wal_max_bytes = 20000;
	assert_int_equal(kit_open(kit), 0);
	for (int round = 0; round < 2; round++) {
		uint64_t before = log_of_manifest(kit).first;

		for (int i = 0; i < 50; i++)
			kit_add(kit, "a", (uint64_t)i, 1);
		kit_idle();
		assert_int_equal(log_of_manifest(kit).first, before); /* not yet */
		for (int i = 0; i < 300; i++)
			kit_add(kit, "a", (uint64_t)i, 1);
		assert_true(wait_for_first(kit, before));
	}
	kit_crash(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 4);
}

/* Of the run before: it is too large when the next begins. */
static void
a_log_that_was_too_large_before_is_dumped(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	for (int i = 0; i < 400; i++)
		kit_add(kit, "a", (uint64_t)i, 1);
	kit_crash(kit);
	kit->options.wal_max_bytes = 20000;
	assert_int_equal(kit_open(kit), 0);
	uint64_t before = log_of_manifest(kit).first;

	kit_add(kit, "a", 1, 1);
	assert_true(wait_for_first(kit, before));
	kit_crash(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 2);
}

/* ---- deletes ---- */

enum { MANY = 1000 };

static void
a_whole_tree_delete_is_logged(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_delete(kit, "a", 0, UINT64_MAX), ENGINE_MISSING);
	for (uint64_t key = 0; key < MANY; key++) {
		kit_add_day(kit, "a", key, 20200101, 2);
		kit_add_day(kit, "a", key, 20200102, 3);
	}
	assert_int_equal(kit_delete(kit, "a", 20200102, 20200102), 0);
	kit_crash(kit);
	assert_int_equal(kit_open(kit), 0);
	for (uint64_t key = 0; key < MANY; key++)
		assert_int_equal(kit_total(kit, "a", key), 2);
	assert_int_equal(kit_delete(kit, "a", 20200101, 20200101), 0);
	kit_crash(kit);
	assert_int_equal(kit_open(kit), 0);
	for (uint64_t key = 0; key < MANY; key++)
		assert_int_equal(kit_total(kit, "a", key), 0);
}

/* A key may need all of the log's room, but not more. */
static void
a_key_with_very_many_days_is_deleted(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	for (uint32_t day = 0; day < MANY; day++)
		kit_add_day(kit, "a", 1, day, 1);
	kit_add(kit, "a", 2, 1);
	assert_int_equal(kit_delete(kit, "a", 0, UINT64_MAX), 0);
	assert_int_equal(kit_total(kit, "a", 1), 0);
	for (uint32_t day = 0; day < 2 * MANY; day++)
		kit_add_day(kit, "a", 1, day, 1);
	assert_int_equal(kit_delete(kit, "a", 0, UINT64_MAX), -1);
	assert_non_null(strstr(kit->fault.text, "more days than the log can take"));
	assert_int_equal(kit_total(kit, "a", 1), 2 * MANY);
	kit_crash(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 2 * MANY);
	assert_int_equal(kit_total(kit, "a", 2), 0);
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup_log, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(the_manifest_names_the_log),
		kit_test(a_full_dump_empties_the_log),
		kit_test(a_dump_of_one_tree_keeps_the_log),
		kit_test(a_tree_that_cannot_be_dumped_keeps_the_log),
		kit_test(the_manifest_is_left_alone_between_dumps),
		kit_test(old_dumps_go_but_for_those_that_count),
		kit_test(a_log_that_has_grown_is_dumped),
		kit_test(a_log_that_was_too_large_before_is_dumped),
		kit_test(a_whole_tree_delete_is_logged),
		kit_test(a_key_with_very_many_days_is_deleted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
