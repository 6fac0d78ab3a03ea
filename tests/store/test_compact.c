/* What has nothing left goes, what has something stays, and both is so after a crash. */
#include "store/kit.h"

enum { KEYS = 1000 }; /* of several sections */

/* Of every five keys one has a count, one was taken off, one counted down by v1, one reset, one stands at 0 with a day. */
static void
fill(struct kit *kit, const char *tree)
{
	for (uint64_t key = 0; key < KEYS; key += 5) {
		for (uint64_t i = 0; i < 5; i++)
			kit_add(kit, tree, key + i, 1);
		kit_subtract(kit, tree, key + 1, 1);
		kit_decrement(kit, tree, key + 2);
		kit_reset_key(kit, tree, key + 3);
		kit_add_day(kit, tree, key + 4, 20200101, 1);
		kit_decrement(kit, tree, key + 4);
	}
}

static void
assert_kept(struct kit *kit, const char *tree)
{
	assert_int_equal(kit_key_count(kit, tree), KEYS / 5 * 2);
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(kit_total(kit, tree, key), key % 5 == 0 || key % 5 == 4);
}

/* What is written without being synced before the reply is to be in the log, too. */
static void
sync_crash_open(struct kit *kit)
{
	struct wal *wal = store_wal(kit->store);

	assert_int_equal(wal_sync(wal, wal_epoch(wal)), 0);
	kit_crash_open(kit);
}

static void
keys_without_anything_go(void **state)
{
	struct kit *kit = *state;

	kit->options.wal_fsync = WAL_FSYNC_FALSE;
	assert_int_equal(kit_open(kit), 0);
	fill(kit, "a");
	fill(kit, "b");
	assert_int_equal(kit_key_count(kit, "a"), KEYS);
	assert_int_equal(kit_delete_before(kit, "a", 0), 0); /* deletes nothing */
	assert_kept(kit, "a");
	assert_int_equal(kit_key_count(kit, "b"), KEYS);
	sync_crash_open(kit);
	assert_kept(kit, "a");
	assert_int_equal(kit_key_count(kit, "b"), KEYS);
	assert_int_equal(kit_compact(kit), 0);
	sync_crash_open(kit);
	assert_kept(kit, "a");
	assert_kept(kit, "b");
	for (uint64_t key = 0; key < KEYS; key++) /* and come back as new ones */
		kit_add(kit, "b", key, 2);
	assert_int_equal(kit_dump_all(kit), 0);
	sync_crash_open(kit);
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(kit_total(kit, "b", key), 2 + (key % 5 == 0 || key % 5 == 4));
}

static void
older_days_go_and_their_keys(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add_day(kit, "a", 1, 20200101, 1);
	kit_add_day(kit, "a", 2, 20200101, 2);
	kit_add_day(kit, "a", 2, 20200102, 4);
	kit_add_day(kit, "a", 3, 0, 8);
	kit_add_day(kit, "a", 4, 99999999, 16);
	assert_int_equal(kit_delete_before(kit, "a", 20200102), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kit_key_count(kit, "a"), 2);
		assert_int_equal(kit_total(kit, "a", 2), 4);
		assert_int_equal(kit_total(kit, "a", 4), 16);
		kit_crash_open(kit);
	}
	assert_int_equal(kit_delete_before(kit, "a", UINT64_MAX), 0);
	assert_int_equal(kit_key_count(kit, "a"), 0);
}

static void
a_missing_tree_is_told(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_delete_before(kit, "a", 0), ENGINE_MISSING);
	assert_int_equal(kit_delete_before(kit, "a", 5), ENGINE_MISSING);
	assert_int_equal(kit_compact(kit), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keys_without_anything_go, kit_setup_log, kit_teardown),
		cmocka_unit_test_setup_teardown(older_days_go_and_their_keys, kit_setup_log, kit_teardown),
		cmocka_unit_test_setup_teardown(a_missing_tree_is_told, kit_setup, kit_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
