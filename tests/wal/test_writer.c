/* A writer's groups come out whole and in order, its room counts both buffers and comes back, its wakes come exactly once. */
#include "wal/log_kit.h"

#include <errno.h>
#include <stdlib.h>

static int
kicks(const struct log_kit *kit)
{
	int value = 0;

	assert_int_equal(sem_getvalue(&kit->wal->kick, &value), 0);
	return value;
}

/* What the committer's thread does before it looks. */
static void
take_kick(struct log_kit *kit)
{
	while (sem_trywait(&kit->wal->kick) == 0)
		;
	atomic_store(&kit->wal->kicked, false);
}

static void
room_counts_both_buffers(void **state)
{
	struct log_kit kit;

	(void)state;
	log_kit_begin(&kit);
	log_kit_open(&kit);
	struct wal_writer *writer = log_kit_writer(&kit, NULL);
	size_t capacity = wal_writer_capacity(writer);

	assert_int_equal(capacity, LOG_KIT_WRITER_BYTES);
	assert_int_equal(log_kit_append(&kit, writer, 1, 3), 10);
	size_t three = capacity - wal_writer_room(writer);

	assert_in_range(three, 3 * 5, 3 * WAL_RECORD_BYTES_MAX);
	/* As if the section had begun before E moved: the next epoch's buffer is another one. */
	atomic_store(&kit.epoch, 11);
	(void)log_kit_append(&kit, writer, 1, 3);
	assert_int_equal(wal_writer_room(writer), capacity - three);
	(void)log_kit_append(&kit, writer, 1, 3);
	assert_int_equal(wal_writer_room(writer), capacity - 2 * three);
	atomic_store(&kit.epoch, 10);
	assert_true(wal_commit(kit.wal));
	assert_int_equal(wal_released(kit.wal), 10);
	assert_int_equal(wal_writer_room(writer), capacity - 2 * three); /* those of 11 */
	assert_true(wal_commit(kit.wal));
	assert_int_equal(wal_writer_room(writer), capacity);
	assert_false(wal_commit(kit.wal));
	wal_writer_destroy(writer);
	struct log_kit_read *read = log_kit_read(&kit, 5);

	assert_int_equal(read->count, 2);
	assert_int_equal(read->blocks[0].groups, 1);
	assert_int_equal(read->blocks[0].records, 3);
	assert_int_equal(read->blocks[1].groups, 2);
	assert_int_equal(read->blocks[1].records, 6);
	free(read);
	log_kit_end(&kit);
}

static void
a_full_buffer_is_written_whole(void **state)
{
	struct log_kit kit;

	(void)state;
	log_kit_begin(&kit);
	log_kit_open(&kit);
	struct wal_writer *writer = log_kit_writer(&kit, NULL);

	for (int i = 0; i < 20; i++) {
		uint64_t tag = log_kit_fill(&kit, writer, UINT64_MAX);

		assert_true(wal_writer_room(writer) < WAL_RECORD_BYTES_MAX);
		assert_true(wal_commit(kit.wal));
		assert_int_equal(wal_released(kit.wal), tag);
	}
	wal_writer_destroy(writer);
	log_kit_end(&kit);
}

static void
an_empty_group_is_nothing(void **state)
{
	struct log_kit kit;

	(void)state;
	log_kit_begin(&kit);
	log_kit_open(&kit);
	struct wal_writer *writer = log_kit_writer(&kit, NULL);

	(void)log_kit_append(&kit, writer, 1, 0);
	wal_writer_flush(writer);
	assert_int_equal(kicks(&kit), 0);
	assert_false(wal_commit(kit.wal));
	wal_writer_destroy(writer);
	log_kit_end(&kit);
}

static void
a_flush_kicks_once(void **state)
{
	struct log_kit kit;

	(void)state;
	log_kit_begin(&kit);
	log_kit_open(&kit);
	struct wal_writer *one = log_kit_writer(&kit, NULL);
	struct wal_writer *two = log_kit_writer(&kit, NULL);

	wal_writer_flush(one);
	assert_int_equal(kicks(&kit), 0);
	(void)log_kit_append(&kit, one, 1, 1);
	(void)log_kit_append(&kit, two, 1, 1);
	wal_writer_flush(one);
	wal_writer_flush(two);
	wal_writer_flush(one);
	assert_int_equal(kicks(&kit), 1);
	take_kick(&kit);
	wal_writer_flush(one);
	assert_int_equal(kicks(&kit), 0);
	(void)log_kit_append(&kit, one, 1, 1);
	wal_writer_flush(one);
	assert_int_equal(kicks(&kit), 1);
	assert_true(wal_commit(kit.wal));
	wal_writer_destroy(one);
	wal_writer_destroy(two);
	log_kit_end(&kit);
}

static void
wakes_when_the_epoch_is_released(void **state)
{
	struct log_kit kit;
	unsigned woken = 0;

	(void)state;
	log_kit_begin(&kit);
	log_kit_open(&kit);
	struct wal_writer *writer = log_kit_writer(&kit, &woken);

	assert_false(wal_writer_wait(writer, 9));
	assert_false(wal_commit(kit.wal));
	/* A wait asks for the commit, also of an epoch without records. */
	assert_true(wal_writer_wait(writer, 10));
	assert_int_equal(kicks(&kit), 1);
	assert_true(wal_commit(kit.wal));
	assert_int_equal(woken, 1);
	assert_int_equal(wal_released(kit.wal), 10);
	assert_false(wal_writer_wait(writer, 10));
	assert_false(wal_commit(kit.wal));
	assert_int_equal(woken, 1);
	/* 0 ends it. */
	assert_true(wal_writer_wait(writer, 11));
	assert_false(wal_writer_wait(writer, 0));
	assert_false(wal_commit(kit.wal));
	(void)log_kit_append(&kit, writer, 1, 1);
	assert_true(wal_commit(kit.wal));
	assert_int_equal(woken, 1);
	/* A writer that goes is not woken. */
	assert_true(wal_writer_wait(writer, 12));
	wal_writer_destroy(writer);
	assert_int_equal(woken, 1);
	log_kit_end(&kit);
}

static void
writers_are_limited_and_used_again(void **state)
{
	struct log_kit kit;
	struct wal_writer *writers[LOG_KIT_WRITERS];
	struct wal_writer *more = NULL;

	(void)state;
	log_kit_begin(&kit);
	log_kit_open(&kit);
	for (int i = 0; i < LOG_KIT_WRITERS; i++)
		writers[i] = log_kit_writer(&kit, NULL);
	assert_int_equal(wal_writer_create(kit.wal, log_kit_wake, NULL, &more), -EMFILE);
	/* What it appended goes out before its memory is used again. */
	uint64_t tag = log_kit_append(&kit, writers[1], 7, 2);

	wal_writer_destroy(writers[1]);
	assert_int_equal(wal_released(kit.wal), tag);
	writers[1] = log_kit_writer(&kit, NULL);
	for (int i = 0; i < LOG_KIT_WRITERS; i++)
		wal_writer_destroy(writers[i]);
	wal_writer_destroy(NULL);
	log_kit_end(&kit);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(room_counts_both_buffers),
		cmocka_unit_test(a_full_buffer_is_written_whole),
		cmocka_unit_test(an_empty_group_is_nothing),
		cmocka_unit_test(a_flush_kicks_once),
		cmocka_unit_test(wakes_when_the_epoch_is_released),
		cmocka_unit_test(writers_are_limited_and_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
