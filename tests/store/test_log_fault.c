/* A log that is full refuses changes and no dumps; one that has failed refuses both; neither waits for ever. */
#include "store/kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "store/manifest.h"

/* The disk: the calls of the log's device, made to fail by the linker. */
static _Atomic int sync_error;
static _Atomic int allocate_error;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
ssize_t __real_pwritev64v2(int fd, const struct iovec *pieces, int count, off_t offset, int flags);
ssize_t __wrap_pwritev64v2(int fd, const struct iovec *pieces, int count, off_t offset, int flags);
int __real_fallocate64(int fd, int mode, off_t offset, off_t bytes);
int __wrap_fallocate64(int fd, int mode, off_t offset, off_t bytes);

int
__wrap_fdatasync(int fd)
{
	if (sync_error == 0)
		return __real_fdatasync(fd);
	errno = sync_error;
	return -1;
}

/* Around the cache a write syncs, too. */
ssize_t
__wrap_pwritev64v2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
	if (sync_error == 0)
		return __real_pwritev64v2(fd, pieces, count, offset, flags);
	errno = sync_error;
	return -1;
}

int
__wrap_fallocate64(int fd, int mode, off_t offset, off_t bytes)
{
	if (allocate_error == 0)
		return __real_fallocate64(fd, mode, offset, bytes);
	errno = allocate_error;
	return -1;
}

static int
setup(void **state)
{
	sync_error = 0;
	allocate_error = 0;
	return kit_setup_log(state);
}

static int
teardown(void **state)
{
	sync_error = 0;
	allocate_error = 0;
	return kit_teardown(state);
}

/* ---- failed ---- */

static void
fail_log(struct kit *kit)
{
	sync_error = EIO;
	engine_batch_begin(kit->worker);
	effect_log_room(&kit->effects);
	assert_int_equal(tree_add(kit->worker, tree_find(kit->worker, "a", 1), 1, KIT_TODAY, 100), 0);
	uint64_t tag = effect_log_append(&kit->effects);

	engine_batch_end(kit->worker);
	wal_writer_flush(kit->effects.writer);
	assert_int_equal(wal_sync(store_wal(kit->store), tag), -EIO);
	sync_error = 0;
}

static void
a_failed_log_makes_all_read_only(void **state)
{
	static const char text[] = "The log has failed, the server is read-only until restarted";
	struct kit *kit = *state;
	char manifest[4096];
	char now[4096];

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	kit_file_foreign(kit, "10_a.tree", 2, 5);
	size_t bytes = kit_file_read(kit, MANIFEST_FILE, manifest, sizeof(manifest));

	assert_false(store_is_read_only(kit->store));
	fail_log(kit);
	assert_true(store_is_read_only(kit->store));
	assert_int_equal(kit_dump(kit, "a"), -1);
	assert_string_equal(kit->fault.text, text);
	assert_int_equal(kit_dump_all(kit), -1);
	assert_string_equal(kit->fault.text, text);
	assert_int_equal(kit_load(kit, "10_a.tree"), -1);
	assert_string_equal(kit->fault.text, text);
	assert_int_equal(kit_delete(kit, "a", 0, UINT64_MAX), -1);
	assert_non_null(strstr(kit->fault.text, text));
	assert_int_equal(kit_total(kit, "a", 1), 101);
	assert_int_equal(kit_file_count(kit, "_a.tree"), 1);
	assert_int_equal(kit_file_read(kit, MANIFEST_FILE, now, sizeof(now)), bytes);
	assert_memory_equal(now, manifest, bytes);
	kit_crash(kit);
	assert_int_equal(kit_open(kit), 0); /* what was not synced may be there or not */
	assert_true(kit_total(kit, "a", 1) == 1 || kit_total(kit, "a", 1) == 101);
}

/* It fails while a dump waits for it. */
static void
a_dump_that_waits_ends_when_the_log_fails(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	sync_error = EIO;
	engine_batch_begin(kit->worker);
	effect_log_room(&kit->effects);
	assert_int_equal(tree_add(kit->worker, tree_find(kit->worker, "a", 1), 1, KIT_TODAY, 100), 0);
	(void)effect_log_append(&kit->effects);
	engine_batch_end(kit->worker);
	assert_int_equal(kit_dump(kit, "a"), -1);
	assert_non_null(strstr(kit->fault.text, "read-only until restarted"));
	assert_int_equal(kit_file_count(kit, "_a.tree"), 0);
	assert_int_equal(kit_file_count(kit, ".tmp-"), 0);
}

static void
a_start_says_that_there_is_no_room_for_a_log(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	kit_crash(kit);
	allocate_error = ENOSPC;
	assert_int_equal(kit_open(kit), -1);
	assert_non_null(strstr(kit->fault.text, "--wal-segment-bytes"));
	allocate_error = 0;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 1);
}

/* ---- full ---- */

enum { KEYS = 500 };

/* Adds until there is no room for a next segment. */
static void
fill_disk(struct kit *kit)
{
	struct wal *wal = store_wal(kit->store);

	allocate_error = ENOSPC;
	for (uint64_t i = 0; wal_state(wal) == WAL_OK; i++) {
		engine_batch_begin(kit->worker);
		effect_log_room(&kit->effects);
		struct tree *tree = tree_find(kit->worker, "a", 1);

		while (kit->effects.buffer.count + 8 < kit->effects.buffer.capacity)
			assert_int_equal(tree_add(kit->worker, tree, i % KEYS, KIT_TODAY, 1), 0);
		(void)effect_log_append(&kit->effects);
		engine_batch_end(kit->worker);
		wal_writer_flush(kit->effects.writer);
		kit_sync(kit);
	}
	assert_int_equal(wal_state(wal), WAL_FULL);
}

static void
a_full_disk_refuses_changes(void **state)
{
	struct kit *kit = *state;
	uint64_t totals[KEYS];

	assert_int_equal(kit_open(kit), 0);
	for (uint64_t key = 0; key < KEYS; key++)
		kit_add(kit, "a", key, 1);
	kit_file_foreign(kit, "10_b.tree", 2, 5);
	fill_disk(kit);
	for (uint64_t key = 0; key < KEYS; key++)
		totals[key] = kit_total(kit, "a", key);
	assert_int_equal(kit_delete(kit, "a", 0, UINT64_MAX), -1);
	assert_string_equal(kit->fault.text, "Disk is full, writes are refused");
	assert_int_equal(kit_load(kit, "10_b.tree"), -1);
	assert_string_equal(kit->fault.text, "Disk is full, writes are refused");
	assert_string_equal(kit_trees(kit), "a");
	assert_int_equal(kit_file_count(kit, "_b.tree"), 1);
	assert_false(store_is_read_only(kit->store));
	assert_int_equal(kit_dump(kit, "a"), 0); /* a dump changes nothing */
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(kit_total(kit, "a", key), totals[key]);
	/* It goes on by itself. */
	allocate_error = 0;
	const struct timespec tick = { .tv_nsec = 20000000 };

	for (int i = 0; i < 250 && wal_state(store_wal(kit->store)) != WAL_OK; i++)
		(void)nanosleep(&tick, NULL);
	assert_int_equal(kit_delete(kit, "a", 0, UINT64_MAX), 0);
	kit_crash(kit);
	assert_int_equal(kit_open(kit), 0);
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(kit_total(kit, "a", key), 0);
}

enum { TREE_KEYS = 4000, DAYS = 30 };

static void
fill_tree(struct kit *kit)
{
	for (uint64_t key = 0; key < TREE_KEYS; key++) {
		struct tree *tree = NULL;

		effect_log_room(&kit->effects);
		engine_batch_begin(kit->worker);
		assert_true(tree_create(kit->worker, "a", 1, &tree) >= 0);
		for (uint32_t day = 0; day < DAYS; day++)
			assert_int_equal(tree_add(kit->worker, tree, key, day, UINT64_C(1) << 40), 0);
		(void)effect_log_append(&kit->effects);
		engine_batch_end(kit->worker);
		if (key % 64 == 0)
			kit_sync(kit);
	}
	kit_sync(kit);
}

/* It fills up in the middle of a delete: what was done is done, also after a crash, and a repeat does the rest. */
static void
a_delete_ends_when_the_disk_is_full(void **state)
{
	const struct timespec moment = { .tv_nsec = 100000000 };
	static uint64_t totals[TREE_KEYS];
	struct kit *kit = *state;
	uint64_t deleted = 0;

	assert_int_equal(kit_open(kit), 0);
	fill_tree(kit);
	assert_int_equal(kit_dump_all(kit), 0);
	(void)nanosleep(&moment, NULL); /* the next segment is ready by now; more is logged than both take */
	allocate_error = ENOSPC;
	assert_int_equal(kit_delete(kit, "a", 0, UINT64_MAX), -1);
	assert_string_equal(kit->fault.text, "Disk is full, writes are refused, a part of the tree may be deleted: "
	                                     "repeat the request");
	assert_false(store_is_read_only(kit->store));
	kit_sync(kit);
	for (uint64_t key = 0; key < TREE_KEYS; key++) {
		totals[key] = kit_total(kit, "a", key);
		deleted += totals[key] == 0 ? 1 : 0;
	}
	assert_true(deleted > 0 && deleted < TREE_KEYS);
	kit_crash(kit);
	allocate_error = 0;
	assert_int_equal(kit_open(kit), 0);
	for (uint64_t key = 0; key < TREE_KEYS; key++)
		assert_int_equal(kit_total(kit, "a", key), totals[key]);
	assert_int_equal(kit_delete(kit, "a", 0, UINT64_MAX), 0);
	for (uint64_t key = 0; key < TREE_KEYS; key++)
		assert_int_equal(kit_total(kit, "a", key), 0);
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(a_failed_log_makes_all_read_only),
		kit_test(a_dump_that_waits_ends_when_the_log_fails),
		kit_test(a_start_says_that_there_is_no_room_for_a_log),
		kit_test(a_full_disk_refuses_changes),
		kit_test(a_delete_ends_when_the_disk_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
