/* What a log holds comes back, on top of the dumps, any number of times. */
#include "store/kit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/manifest.h"
#include "wal/recover.h"

static void
counts_come_back_without_a_dump(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "zebra", 1, 3);
	kit_add(kit, "apple", UINT64_MAX, 5);
	kit_add_day(kit, "apple", UINT64_MAX, 20200101, 7);
	kit_add(kit, "", 1, COUNT_MAX);
	for (int i = 0; i < 3; i++) { /* also behind recoveries that were not followed by a dump */
		kit_crash_open(kit);
		assert_string_equal(kit_trees(kit), "zebra,apple,");
		assert_int_equal(kit_total(kit, "zebra", 1), 3 + i);
		assert_int_equal(kit_total(kit, "apple", UINT64_MAX), 12);
		assert_true(kit_total(kit, "", 1) == COUNT_MAX);
		kit_add(kit, "zebra", 1, 1);
	}
	assert_int_equal(kit_file_count(kit, ".tree"), 0);
}

/* Each part of the log meets each kind of dump: the tree's of before, of between, of after, and none. */
static void
dumps_and_log_are_added_up_once(void **state)
{
	struct kit *kit = *state;
	uint64_t wanted = 0;

	assert_int_equal(kit_open(kit), 0);
	for (uint64_t round = 1; round <= 6; round++) {
		kit_add(kit, "a", 1, 10);
		kit_add(kit, "a", round, 100);
		kit_subtract(kit, "a", 1, 3);
		wanted += round == 1 ? 107 : 7;
		if (round == 2)
			assert_int_equal(kit_dump(kit, "a"), 0);
		if (round == 4)
			assert_int_equal(kit_dump_all(kit), 0);
		kit_add(kit, "a", 1, 1);
		wanted += 1;
		kit_crash_open(kit);
		assert_int_equal(kit_total(kit, "a", 1), wanted);
		for (uint64_t key = 2; key <= round; key++)
			assert_int_equal(kit_total(kit, "a", key), 100);
	}
	assert_int_equal(kit_total(kit, "a", 7), 0);
}

/* A dump that was finished after the last manifest: it is used, and what it holds is skipped in the log. */
static void
a_dump_newer_than_the_manifest_counts_once(void **state)
{
	struct kit *kit = *state;
	char manifest[4096];

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 5);
	assert_int_equal(kit_dump(kit, "a"), 0);
	size_t bytes = kit_file_read(kit, MANIFEST_FILE, manifest, sizeof(manifest));

	kit_add(kit, "a", 1, 7);
	assert_int_equal(kit_dump(kit, "a"), 0);
	kit_add(kit, "a", 1, 1);
	kit_crash(kit);
	kit_file_write(kit, MANIFEST_FILE, manifest, bytes);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 13);
	/* And a dump of now is newer than that one. */
	kit_add(kit, "a", 1, 1);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_crash_open(kit);
	assert_int_equal(kit_total(kit, "a", 1), 14);
}

/* The log is emptied by a full dump: nothing follows, and then something does. */
static void
a_log_emptied_by_a_full_dump(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 5);
	assert_int_equal(kit_dump_all(kit), 0);
	for (int i = 0; i < 3; i++)
		kit_crash_open(kit);
	assert_int_equal(kit_total(kit, "a", 1), 5);
	kit_add(kit, "a", 1, 1);
	assert_int_equal(kit_dump_all(kit), 0);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_crash_open(kit);
	kit_add(kit, "a", 1, 1);
	kit_crash_open(kit);
	assert_int_equal(kit_total(kit, "a", 1), 7);
}

static void
trees_come_go_and_come_again(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	kit_add(kit, "b", 1, 2);
	kit_add(kit, "c", 1, 3);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_drop(kit, "a");
	kit_reset(kit, "b");
	kit_add(kit, "b", 2, 20);
	kit_add(kit, "d", 1, 4);
	kit_drop(kit, "d");
	kit_add(kit, "a", 9, 9); /* a new one, last in order */
	for (int i = 0; i < 2; i++) {
		kit_crash_open(kit);
		assert_string_equal(kit_trees(kit), "b,c,a");
		assert_int_equal(kit_total(kit, "a", 1), 0);
		assert_int_equal(kit_total(kit, "a", 9), 9);
		assert_int_equal(kit_total(kit, "b", 1), 0);
		assert_int_equal(kit_total(kit, "b", 2), 20);
		assert_int_equal(kit_total(kit, "c", 1), 3);
	}
	kit_reset(kit, "b");
	kit_reset(kit, "b");
	assert_int_equal(kit_dump(kit, "c"), 0); /* a manifest that does not list b and a */
	kit_drop(kit, "a");
	kit_crash_open(kit);
	assert_string_equal(kit_trees(kit), "b,c");
	assert_int_equal(kit_total(kit, "b", 2), 0);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_crash_open(kit);
	assert_string_equal(kit_trees(kit), "b,c");
}

/* Many small trees: their records are interleaved. */
static void
many_trees(void **state)
{
	enum { TREES = 300 };
	struct kit *kit = *state;
	char name[16];

	assert_int_equal(kit_open(kit), 0);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < TREES; i++) {
			(void)snprintf(name, sizeof(name), "t%u", (i * 7) % TREES);
			kit_add(kit, name, i, i + 1);
			if (round == 1 && i % 3 == 0)
				kit_reset(kit, name);
		}
		if (round == 0)
			assert_int_equal(kit_dump(kit, "t5"), 0);
	}
	kit_crash_open(kit);
	for (unsigned i = 0; i < TREES; i++) {
		(void)snprintf(name, sizeof(name), "t%u", (i * 7) % TREES);
		assert_int_equal(kit_total(kit, name, i), i % 3 == 0 ? 0 : 2 * (i + 1));
	}
}

/* The original's decrement and reset, and a key that was counted down to nothing. */
static void
all_kinds_of_effects(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add_day(kit, "a", 1, 20200101, 5);
	kit_decrement(kit, "a", 1); /* today has no entry: off the total alone */
	kit_add(kit, "a", 2, 2);
	kit_decrement(kit, "a", 2);
	kit_add(kit, "a", 3, 2);
	kit_reset_key(kit, "a", 3);
	kit_add_day(kit, "a", 4, 20200101, 4);
	kit_add_day(kit, "a", 4, 20200102, 6);
	kit_add(kit, "a", 4, 1);
	assert_int_equal(kit_delete(kit, "a", 20200102, 20200102), 0);
	for (int i = 0; i < 3; i++) {
		kit_crash_open(kit);
		assert_int_equal(kit_total(kit, "a", 1), 4);
		assert_int_equal(kit_total(kit, "a", 2), 1);
		assert_int_equal(kit_total(kit, "a", 3), 0);
		assert_int_equal(kit_total(kit, "a", 4), 5);
		if (i == 1)
			assert_int_equal(kit_dump_all(kit), 0);
	}
	kit_decrement(kit, "a", 1);
	kit_reset_key(kit, "a", 1);
	kit_add(kit, "a", 1, 2);
	kit_crash_open(kit);
	assert_int_equal(kit_total(kit, "a", 1), 2);
}

static int
count_key(void *context, uint64_t key, struct key_record *record)
{
	(void)record;
	*(uint64_t *)context += key;
	return 0;
}

/* Listed keys, added up. */
static uint64_t
keys_of(struct kit *kit, const char *tree)
{
	uint64_t sum = 0;

	engine_scan_begin(kit->engine);
	(void)tree_scan_keys(engine_scan_tree(kit->engine, tree, strlen(tree)), count_key, &sum);
	engine_scan_end(kit->engine);
	return sum;
}

/* Workers' groups stand in a block in any order; which of listed and unlisted came last tells the sequence. */
static void
the_last_of_listed_and_unlisted_counts(void **state)
{
	static const struct {
		enum effect_kind kind;
		uint64_t key;
		uint64_t sequence;
	} order[] = {
		{ EFFECT_LISTED, 1000, 1003 }, { EFFECT_UNLISTED, 1000, 1002 }, { EFFECT_UNLISTED, 100, 1005 },
		{ EFFECT_UNLISTED, 10, 1001 }, { EFFECT_LISTED, 100, 1004 },
	};
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	for (uint64_t key = 10; key <= 1000; key *= 10) {
		kit_add(kit, "a", key, 1);
		assert_int_equal(kit_delete(kit, "a", 0, UINT64_MAX), 0);
	}
	assert_int_equal(keys_of(kit, "a"), 1111);
	engine_batch_begin(kit->worker);
	effect_log_room(&kit->effects);
	for (uint32_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		kit->effects.buffer.effects[kit->effects.buffer.count++] = (struct effect){
			.tree_id = tree_id(tree_find(kit->worker, "a", 1)),
			.generation = tree_generation(tree_find(kit->worker, "a", 1)),
			.tag = engine_log_epoch(kit->engine),
			.key = order[i].key,
			.delta = order[i].sequence,
			.kind = order[i].kind,
		};
	(void)effect_log_append(&kit->effects);
	engine_batch_end(kit->worker);
	wal_writer_flush(kit->effects.writer);
	kit_sync(kit);
	kit_crash_open(kit);
	assert_int_equal(keys_of(kit, "a"), 1001);
}

/* ---- the original's ---- */

static void
files_of_the_originals_get_a_log(void **state)
{
	struct kit *kit = *state;

	kit_file_foreign(kit, "10_a.tree", 1, 5);
	kit_file_foreign(kit, "11_b.tree", 1, 6);
	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 10);
	kit_reset(kit, "b");
	kit_add(kit, "b", 2, 1);
	for (int i = 0; i < 3; i++) {
		if (i == 1)
			kit_file_foreign(kit, "12_a.tree", 1, 77); /* came from elsewhere: not the file listed */
		kit_crash_open(kit);
		assert_string_equal(kit_trees(kit), "a,b");
		assert_int_equal(kit_total(kit, "a", 1), 15 + i);
		assert_int_equal(kit_total(kit, "b", 1), 0);
		assert_int_equal(kit_total(kit, "b", 2), 1);
		kit_add(kit, "a", 1, 1);
	}
	assert_int_equal(kit_dump_all(kit), 0);
	kit_crash_open(kit);
	assert_int_equal(kit_total(kit, "a", 1), 18);
}

/* ---- switching the log on and off, starting over ---- */

static void
a_directory_without_a_log_gets_one(void **state)
{
	struct kit *kit = *state;

	kit->options.wal = false;
	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "b", 1, 5);
	kit_add(kit, "a", 1, 6);
	assert_int_equal(kit_dump_all(kit), 0);
	assert_int_equal(kit_file_count(kit, ".wal"), 0);
	kit->options.wal = true;
	kit_crash_open(kit);
	kit_add(kit, "b", 1, 1);
	kit_drop(kit, "a");
	kit_crash_open(kit);
	assert_string_equal(kit_trees(kit), "b");
	assert_int_equal(kit_total(kit, "b", 1), 6);
}

static void
switching_the_log_off_keeps_what_it_held(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 5);
	kit_add(kit, "b", 1, 6);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_add(kit, "a", 1, 1);
	kit_drop(kit, "b");
	kit_add(kit, "c", 1, 7);
	kit->options.wal = false;
	kit_crash_open(kit);
	assert_string_equal(kit_trees(kit), "a,c");
	assert_int_equal(kit_total(kit, "a", 1), 6);
	assert_int_equal(kit_file_count(kit, ".wal"), 0);
	assert_int_equal(kit_file_count(kit, "set-aside-"), 1);
	kit_crash_open(kit);
	assert_string_equal(kit_trees(kit), "a,c");
	kit->options.wal = true;
	kit_crash_open(kit);
	kit_add(kit, "c", 1, 1);
	kit_crash_open(kit);
	assert_int_equal(kit_total(kit, "c", 1), 8);
	assert_int_equal(kit_total(kit, "a", 1), 6);
	assert_int_equal(kit_file_count(kit, "set-aside-"), 1);
}

static void
without_restoring_log_and_manifest_are_set_aside(void **state)
{
	struct kit *kit = *state;
	char aside[256];
	char path[600];
	char dump[256];
	char segment[256];
	struct wal_position end;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 5);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_add(kit, "a", 1, 1);
	kit_file_find(kit, "_a.tree", 0, dump);
	kit_last_segment(kit, segment, &end);
	kit->options.restore = false;
	kit_crash_open(kit);
	assert_string_equal(kit_trees(kit), "");
	assert_int_equal(kit_file_count(kit, "set-aside-"), 1);
	kit_file_find(kit, "set-aside-", 0, aside);
	(void)snprintf(path, sizeof(path), "%s/" MANIFEST_FILE, aside);
	assert_true(kit_file_exists(kit, path));
	(void)snprintf(path, sizeof(path), "%s/%s", aside, segment);
	assert_true(kit_file_exists(kit, path));
	assert_true(kit_file_exists(kit, dump));
	kit_add(kit, "b", 1, 1);
	kit->options.restore = true;
	kit_crash_open(kit);
	assert_string_equal(kit_trees(kit), "b");
	assert_int_equal(kit_load(kit, dump), 0);
	assert_int_equal(kit_total(kit, "a", 1), 5);
}

/* A crash while manifest and log are set aside, or somebody's hand: never are the dumps alone taken for all. */
static void
a_log_without_its_manifest_stops_the_start(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 5);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_add(kit, "a", 1, 1);
	kit_crash(kit);
	assert_int_equal(unlinkat(kit->directory_fd, MANIFEST_FILE, 0), 0);
	assert_int_equal(kit_open(kit), -1);
	assert_non_null(strstr(kit->fault.text, MANIFEST_FILE));
	assert_non_null(strstr(kit->fault.text, ".wal"));
	kit->options.restore_skip_damaged = true;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 5);
	assert_int_equal(kit_file_count(kit, "set-aside-"), 1);
}

static void
a_damaged_manifest_is_set_aside_with_the_log(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 5);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_add(kit, "a", 1, 1);
	kit_crash(kit);
	kit_file_flip(kit, MANIFEST_FILE, 5);
	assert_int_equal(kit_open(kit), -1);
	kit->options.restore_skip_damaged = true;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 5);
	kit_add(kit, "a", 1, 3);
	kit->options.restore_skip_damaged = false;
	kit_crash_open(kit);
	assert_int_equal(kit_total(kit, "a", 1), 8);
}

/* ---- numbers ---- */

static uint64_t
id_of(struct kit *kit, const char *tree)
{
	engine_batch_begin(kit->worker);
	uint64_t id = tree_id(tree_find(kit->worker, tree, strlen(tree)));

	engine_batch_end(kit->worker);
	return id;
}

/* Ids of dropped trees, too, stand in the log. */
static void
ids_days_and_epochs_only_rise(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	kit_add(kit, "b", 1, 1);
	uint64_t dropped = id_of(kit, "b");
	uint64_t epoch = engine_log_epoch(kit->engine);

	kit_drop(kit, "b");
	engine_today_advance(kit->engine, 20301231);
	kit_add(kit, "a", 1, 1);
	kit_crash_open(kit);
	assert_int_equal(engine_today(kit->engine), 20301231);
	assert_true(engine_log_epoch(kit->engine) > epoch);
	kit_add(kit, "c", 1, 1);
	assert_true(id_of(kit, "c") > dropped);
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup_log, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(counts_come_back_without_a_dump),
		kit_test(dumps_and_log_are_added_up_once),
		kit_test(a_dump_newer_than_the_manifest_counts_once),
		kit_test(a_log_emptied_by_a_full_dump),
		kit_test(trees_come_go_and_come_again),
		kit_test(many_trees),
		kit_test(all_kinds_of_effects),
		kit_test(the_last_of_listed_and_unlisted_counts),
		kit_test(files_of_the_originals_get_a_log),
		kit_test(a_directory_without_a_log_gets_one),
		kit_test(switching_the_log_off_keeps_what_it_held),
		kit_test(without_restoring_log_and_manifest_are_set_aside),
		kit_test(a_log_without_its_manifest_stops_the_start),
		kit_test(a_damaged_manifest_is_set_aside_with_the_log),
		kit_test(ids_days_and_epochs_only_rise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
