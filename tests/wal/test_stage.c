/* Blocks that are written around the cache: what stands in the pages, and what a disk does that tears, fails or cannot do it. */
#include "wal/log_kit.h"

#include <errno.h>
#include <stdlib.h>

enum { SEGMENT_BYTES = 1 << 18 };

static struct wal_writer *
begin(struct log_kit *kit)
{
	log_kit_begin(kit);
	kit->memory->direct = true;
	kit->options.segment_bytes = SEGMENT_BYTES;
	log_kit_open(kit);
	assert_true(kit->wal->current.direct);
	return log_kit_writer(kit, NULL);
}

/* The sum of all keys that are read back. */
static uint64_t
sum_read(struct log_kit *kit)
{
	struct log_kit_read *read = log_kit_read(kit, 5);
	uint64_t sum = 0;

	for (size_t i = 0; i < read->count; i++)
		sum += read->blocks[i].keys_sum;
	free(read);
	return sum;
}

/* Nothing survives but what a write says is on the disk. */
static uint64_t
crash_and_read(struct log_kit *kit)
{
	log_kit_close(kit);
	memory_device_crash_all(kit->memory, false);
	return sum_read(kit);
}

static void
a_write_is_a_sync(void **state)
{
	struct log_kit kit;
	struct wal_writer *writer = begin(&kit);
	uint64_t syncs = kit.memory->calls[MEMORY_SYNC];

	(void)state;
	for (uint64_t epoch = 10; epoch < 300; epoch++) { /* over many pages */
		assert_int_equal(log_kit_append(&kit, writer, 10, 1 + (unsigned)epoch % 30), epoch);
		assert_true(wal_commit(kit.wal));
		assert_int_equal(wal_released(kit.wal), epoch);
		assert_int_equal(wal_synced(kit.wal), epoch);
		assert_int_equal(wal_sync(kit.wal, epoch), 0);
		assert_int_equal(kit.memory->calls[MEMORY_SYNC], ++syncs); /* the write's own */
	}
	uint64_t sum = 0;

	for (uint64_t epoch = 10; epoch < 300; epoch++)
		sum += 10 * (1 + epoch % 30);
	wal_writer_destroy(writer);
	assert_int_equal(crash_and_read(&kit), sum);
	log_kit_end(&kit);
}

static void
segments_follow_each_other(void **state)
{
	struct log_kit kit;
	struct wal_writer *writer = begin(&kit);
	uint64_t sequence = kit.wal->current.sequence;
	uint64_t blocks = 0;

	(void)state;
	for (; kit.wal->current.sequence < sequence + 3; blocks++) {
		(void)wal_prepare(kit.wal);
		(void)log_kit_append(&kit, writer, 1, 30);
		assert_true(wal_commit(kit.wal));
		assert_true(kit.wal->current.direct);
	}
	wal_writer_destroy(writer);
	assert_int_equal(crash_and_read(&kit), blocks * 30);
	log_kit_end(&kit);
}

/* The page in which an acknowledged block ends is written again with the next one, and any part of that gets to the disk. */
static void
a_torn_write_leaves_what_was_acknowledged(void **state)
{
	unsigned cut = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct log_kit kit;
		struct wal_writer *writer = begin(&kit);

		kit.memory->random = seed;
		for (uint64_t i = 0; i < seed; i++) { /* to another place in the page each time */
			(void)log_kit_append(&kit, writer, 1, 1);
			assert_true(wal_commit(kit.wal));
		}
		(void)log_kit_append(&kit, writer, 1000, 20);
		kit.memory->fault[MEMORY_SYNC].countdown = 1;
		kit.memory->fault[MEMORY_SYNC].error = -EIO;
		kit.memory->fault[MEMORY_SYNC].forever = true;
		assert_true(wal_commit(kit.wal));
		assert_int_equal(wal_state(kit.wal), WAL_FAILED);
		assert_int_equal(wal_released(kit.wal), 9 + seed);
		wal_writer_destroy(writer);
		log_kit_close(&kit);
		kit.memory->fault[MEMORY_SYNC].countdown = 0;
		memory_device_crash(kit.memory);
		uint64_t sum = sum_read(&kit);

		assert_true(sum == seed || sum == seed + 20000);
		cut += sum == seed;
		log_kit_end(&kit);
	}
	assert_in_range(cut, 10, 90);
}

static void
a_failed_write_is_the_end(void **state)
{
	struct log_kit kit;
	struct wal_writer *writer = begin(&kit);

	(void)state;
	(void)log_kit_append(&kit, writer, 2, 1);
	kit.memory->fault[MEMORY_WRITE].countdown = 1;
	kit.memory->fault[MEMORY_WRITE].error = -EIO;
	assert_true(wal_commit(kit.wal));
	assert_int_equal(wal_state(kit.wal), WAL_FAILED);
	assert_int_equal(kit.error_said, -EIO);
	assert_int_equal(wal_released(kit.wal), 9);
	uint64_t calls = kit.memory->calls[MEMORY_WRITE];

	(void)log_kit_append(&kit, writer, 4, 1);
	assert_false(wal_commit(kit.wal));
	wal_writer_destroy(writer);
	assert_int_equal(kit.memory->calls[MEMORY_WRITE], calls);
	assert_int_equal(crash_and_read(&kit), 0);
	log_kit_end(&kit);
}

/* Some say only at the first write that they cannot; then everything goes through the cache, the next segments, too. */
static void
a_disk_that_cannot(void **state)
{
	static const int errors[] = { 0, -EINVAL, -EOPNOTSUPP };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct log_kit kit;

		log_kit_begin(&kit);
		kit.memory->direct = errors[i] != 0;
		kit.memory->fault[MEMORY_WRITE].countdown = errors[i] != 0;
		kit.memory->fault[MEMORY_WRITE].error = errors[i];
		log_kit_open(&kit);
		struct wal_writer *writer = log_kit_writer(&kit, NULL);

		assert_false(kit.wal->current.direct);
		(void)wal_prepare(kit.wal);
		assert_false(kit.wal->spare.direct);
		for (uint64_t epoch = 10; epoch < 20; epoch++) {
			(void)log_kit_append(&kit, writer, 1, 1);
			assert_true(wal_commit(kit.wal));
			assert_int_equal(wal_released(kit.wal), epoch);
		}
		wal_writer_destroy(writer);
		assert_int_equal(crash_and_read(&kit), 10);
		log_kit_end(&kit);
	}
}

/* Where no reply waits for the disk the cache is what makes it fast. */
static void
other_modes_use_the_cache(void **state)
{
	static const enum wal_fsync modes[] = { WAL_FSYNC_FALSE, WAL_FSYNC_EVERYSEC };

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct log_kit kit;

		log_kit_begin(&kit);
		kit.memory->direct = true;
		kit.options.fsync = modes[i];
		log_kit_open(&kit);
		assert_false(kit.wal->current.direct);
		log_kit_close(&kit);
		log_kit_end(&kit);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_is_a_sync),
		cmocka_unit_test(segments_follow_each_other),
		cmocka_unit_test(a_torn_write_leaves_what_was_acknowledged),
		cmocka_unit_test(a_failed_write_is_the_end),
		cmocka_unit_test(a_disk_that_cannot),
		cmocka_unit_test(other_modes_use_the_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
