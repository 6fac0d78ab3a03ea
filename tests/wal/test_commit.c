/* One commit writes one block of all writers, syncs as the mode says, and publishes after that; its headers tell the truth. */
#include "wal/log_kit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t
syncs(const struct log_kit *kit)
{
	return kit->memory->calls[MEMORY_SYNC];
}

static void
one_block_of_all_writers(void **state)
{
	struct log_kit kit;

	(void)state;
	log_kit_begin(&kit);
	kit.options.last = (struct wal_position){ .sequence = 3, .end = 500, .checksum = 77, .epoch = 8 };
	log_kit_open(&kit);
	struct wal_writer *one = log_kit_writer(&kit, NULL);
	struct wal_writer *two = log_kit_writer(&kit, NULL);
	struct wal_segment_header header = log_kit_header(&kit, 5);

	assert_memory_equal(&header.previous, &kit.options.last, sizeof(header.previous));
	assert_int_equal(header.epoch, 10);
	assert_int_equal(header.synced, 8); /* recovery synced everything */
	assert_int_equal(wal_synced(kit.wal), 8);
	assert_false(header.reused);
	assert_int_equal(header.bytes, kit.wal->segment_bytes);
	wal_writer_destroy(one);
	wal_writer_destroy(two);
	log_kit_end(&kit);

	log_kit_begin(&kit);
	log_kit_open(&kit);
	one = log_kit_writer(&kit, NULL);
	two = log_kit_writer(&kit, NULL);
	(void)log_kit_append(&kit, one, 1, 1);
	(void)log_kit_append(&kit, two, 100, 2);
	(void)log_kit_append(&kit, one, 10, 1);
	assert_true(wal_commit(kit.wal));
	(void)log_kit_append(&kit, two, 1000, 1);
	assert_true(wal_commit(kit.wal));
	assert_int_equal(wal_synced(kit.wal), 11);
	wal_writer_destroy(one);
	wal_writer_destroy(two);
	struct log_kit_read *read = log_kit_read(&kit, 5);

	assert_int_equal(read->count, 2);
	assert_int_equal(read->blocks[0].header.epoch, 10);
	assert_int_equal(read->blocks[0].header.synced, 0);
	assert_int_equal(read->blocks[0].header.today, LOG_KIT_TODAY);
	assert_int_equal(read->blocks[0].header.before, log_kit_header(&kit, 5).checksum);
	assert_int_equal(read->blocks[0].groups, 3);
	assert_int_equal(read->blocks[0].keys_sum, 211);
	assert_int_equal(read->blocks[1].header.epoch, 11);
	assert_int_equal(read->blocks[1].header.synced, 10);
	assert_int_equal(read->blocks[1].header.before, read->blocks[0].header.checksum);
	assert_int_equal(read->blocks[1].keys_sum, 1000);
	assert_int_equal(read->recovered.cut_bytes, 0);
	free(read);
	log_kit_end(&kit);
}

static void
an_empty_epoch_has_no_block(void **state)
{
	struct log_kit kit;

	(void)state;
	log_kit_begin(&kit);
	log_kit_open(&kit);
	struct wal_writer *writer = log_kit_writer(&kit, NULL);
	uint64_t before = syncs(&kit);
	uint64_t written = kit.memory->calls[MEMORY_WRITE];

	assert_false(wal_commit(kit.wal));
	for (uint64_t epoch = 10; epoch < 20; epoch++) {
		assert_int_equal(wal_sync(kit.wal, epoch), 0);
		assert_int_equal(wal_released(kit.wal), epoch);
		assert_int_equal(wal_epoch(kit.wal), epoch + 1);
	}
	assert_int_equal(syncs(&kit), before);
	assert_int_equal(kit.memory->calls[MEMORY_WRITE], written);
	assert_int_equal(wal_synced(kit.wal), 0); /* no block */
	wal_writer_destroy(writer);
	log_kit_end(&kit);
}

/* What a device call of the committer finds published. */
struct witness {
	struct log_kit *kit;
	uint64_t released_at_write, released_at_sync;
};

static void
look_at_released(void *context, enum memory_call call, const char *name)
{
	struct witness *witness = context;

	(void)name;
	if (call == MEMORY_WRITE)
		witness->released_at_write = wal_released(witness->kit->wal);
	if (call == MEMORY_SYNC)
		witness->released_at_sync = wal_released(witness->kit->wal);
}

static void
publishes_after_the_sync(void **state)
{
	struct log_kit kit;
	struct witness witness = { .kit = &kit };

	(void)state;
	log_kit_begin(&kit);
	log_kit_open(&kit);
	struct wal_writer *writer = log_kit_writer(&kit, NULL);

	kit.memory->before = look_at_released;
	kit.memory->before_context = &witness;
	assert_true(wal_holds_replies(kit.wal));
	for (uint64_t epoch = 10; epoch < 14; epoch++) {
		assert_int_equal(log_kit_append(&kit, writer, 1, 1), epoch);
		assert_true(wal_commit(kit.wal));
		assert_int_equal(witness.released_at_write, epoch - 1);
		assert_int_equal(witness.released_at_sync, epoch - 1);
		assert_int_equal(wal_released(kit.wal), epoch);
	}
	wal_writer_destroy(writer);
	log_kit_end(&kit);
}

static void
syncs_when_asked_only(void **state)
{
	struct log_kit kit;

	(void)state;
	log_kit_begin(&kit);
	kit.options.fsync = WAL_FSYNC_FALSE;
	log_kit_open(&kit);
	struct wal_writer *writer = log_kit_writer(&kit, NULL);
	uint64_t before = syncs(&kit);

	assert_false(wal_holds_replies(kit.wal));
	uint64_t tag = log_kit_append(&kit, writer, 1, 1);

	assert_true(wal_commit(kit.wal));
	assert_int_equal(wal_released(kit.wal), tag);
	(void)log_kit_append(&kit, writer, 1, 1);
	assert_true(wal_commit(kit.wal));
	assert_int_equal(syncs(&kit), before);
	assert_int_equal(wal_synced(kit.wal), 0);
	/* Of what is released already: no epoch is closed for it. */
	assert_int_equal(wal_sync(kit.wal, tag), 0);
	assert_int_equal(syncs(&kit), before + 1);
	assert_int_equal(wal_epoch(kit.wal), 12);
	assert_int_equal(wal_synced(kit.wal), 11);
	assert_int_equal(wal_sync(kit.wal, tag + 1), 0);
	assert_int_equal(syncs(&kit), before + 1);
	tag = log_kit_append(&kit, writer, 1, 1);
	assert_int_equal(wal_sync(kit.wal, tag), 0);
	assert_int_equal(syncs(&kit), before + 2);
	assert_int_equal(wal_synced(kit.wal), tag);
	/* The end syncs. */
	(void)log_kit_append(&kit, writer, 1, 1);
	wal_writer_destroy(writer);
	assert_int_equal(syncs(&kit), before + 2);
	log_kit_close(&kit);
	assert_int_equal(syncs(&kit), before + 3);
	log_kit_end(&kit);
}

static void
syncs_once_a_second(void **state)
{
	struct log_kit kit;

	(void)state;
	log_kit_begin(&kit);
	kit.options.fsync = WAL_FSYNC_EVERYSEC;
	log_kit_open(&kit);
	struct wal_writer *writer = log_kit_writer(&kit, NULL);
	uint64_t before = syncs(&kit);

	assert_int_equal(wal_sync_due_ns(kit.wal), -1);
	(void)log_kit_append(&kit, writer, 1, 1);
	assert_true(wal_commit(kit.wal));
	assert_int_equal(syncs(&kit), before);
	int64_t due_ns = wal_sync_due_ns(kit.wal);

	assert_true(due_ns > wal_now_ns() && due_ns <= wal_now_ns() + 1000000000);
	/* The second counts from the first unsynced block. */
	(void)log_kit_append(&kit, writer, 1, 1);
	assert_true(wal_commit(kit.wal));
	assert_int_equal(wal_sync_due_ns(kit.wal), due_ns);
	assert_false(wal_commit(kit.wal));
	kit.wal->unsynced_since_ns -= 1000000000;
	assert_true(wal_commit(kit.wal));
	assert_int_equal(syncs(&kit), before + 1);
	assert_int_equal(wal_sync_due_ns(kit.wal), -1);
	assert_false(wal_commit(kit.wal));
	assert_int_equal(wal_epoch(kit.wal), 12);
	wal_writer_destroy(writer);
	log_kit_end(&kit);
}

static void
begins_writing_back_early(void **state)
{
	struct log_kit kit;

	(void)state;
	log_kit_begin(&kit);
	kit.options.fsync = WAL_FSYNC_FALSE;
	kit.options.writer_bytes = 3 << 20;
	log_kit_open(&kit);
	struct wal_writer *writer = log_kit_writer(&kit, NULL);

	(void)log_kit_fill(&kit, writer, UINT64_MAX);
	assert_true(wal_commit(kit.wal));
	assert_int_equal(kit.memory->calls[MEMORY_PUSH], 0);
	(void)log_kit_fill(&kit, writer, UINT64_MAX);
	assert_true(wal_commit(kit.wal));
	assert_int_equal(kit.memory->calls[MEMORY_PUSH], 1);
	wal_writer_destroy(writer);
	log_kit_end(&kit);
}

/* ---- failures ---- */

static void
fails_for_good(enum memory_call call, int error)
{
	struct log_kit kit;
	unsigned woken = 0;
	uint64_t sequence = 0;

	log_kit_begin(&kit);
	log_kit_open(&kit);
	struct wal_writer *writer = log_kit_writer(&kit, &woken);

	(void)log_kit_append(&kit, writer, 1, 1);
	assert_true(wal_commit(kit.wal));
	assert_true(wal_prepare(kit.wal)); /* it syncs too */
	kit.memory->fault[call].countdown = 1;
	kit.memory->fault[call].error = error;
	uint64_t tag = log_kit_append(&kit, writer, 1, 1);

	assert_true(wal_writer_wait(writer, tag));
	assert_true(wal_commit(kit.wal));
	assert_int_equal(wal_state(kit.wal), WAL_FAILED);
	assert_int_equal(kit.states_said, 1);
	assert_int_equal(kit.state_said, WAL_FAILED);
	assert_int_equal(kit.error_said, error);
	assert_int_equal(woken, 1);
	assert_int_equal(wal_released(kit.wal), tag - 1);
	/* And stays so, though the disk is well again. */
	uint64_t calls = kit.memory->calls[MEMORY_WRITE] + syncs(&kit);

	(void)log_kit_append(&kit, writer, 1, 1);
	assert_false(wal_commit(kit.wal));
	assert_int_equal(wal_sync(kit.wal, tag), -EIO);
	assert_int_equal(wal_sync(kit.wal, tag - 1), -EIO);
	assert_int_equal(wal_rotate(kit.wal, &sequence), -EIO);
	assert_false(wal_writer_wait(writer, tag));
	assert_false(wal_prepare(kit.wal));
	assert_int_equal(wal_released(kit.wal), tag - 1);
	wal_writer_destroy(writer);
	log_kit_close(&kit);
	assert_int_equal(kit.memory->calls[MEMORY_WRITE] + syncs(&kit), calls);
	assert_int_equal(woken, 1);
	log_kit_end(&kit);
}

static void
a_failed_write_is_final(void **state)
{
	(void)state;
	fails_for_good(MEMORY_WRITE, -EIO);
	fails_for_good(MEMORY_WRITE, -ENOSPC); /* inside reserved room */
}

static void
a_failed_sync_is_final(void **state)
{
	(void)state;
	fails_for_good(MEMORY_SYNC, -EIO);
}

static void
short_writes_are_continued(void **state)
{
	struct log_kit kit;

	(void)state;
	log_kit_begin(&kit);
	log_kit_open(&kit);
	struct wal_writer *one = log_kit_writer(&kit, NULL);
	struct wal_writer *two = log_kit_writer(&kit, NULL);

	kit.memory->short_transfers = true;
	for (int i = 0; i < 50; i++) {
		(void)log_kit_append(&kit, one, 1, 5);
		(void)log_kit_append(&kit, two, 100, 5);
		assert_true(wal_commit(kit.wal));
	}
	wal_writer_destroy(one);
	wal_writer_destroy(two);
	struct log_kit_read *read = log_kit_read(&kit, 5);

	assert_int_equal(read->count, 50);
	for (int i = 0; i < 50; i++)
		assert_int_equal(read->blocks[i].keys_sum, 505);
	free(read);
	log_kit_end(&kit);
}

static void
many_pieces_are_written_in_turns(void **state)
{
	enum { PIECES = 3000 };
	static uint8_t data[PIECES * 3];
	static struct iovec pieces[PIECES];
	struct memory_device *memory = memory_device_create(1);
	struct wal_device device = memory_device_wal(memory);
	int file = device.open(device.context, "file", true);
	size_t bytes = 0;

	(void)state;
	for (size_t i = 0; i < PIECES; i++) {
		pieces[i] = (struct iovec){ data + bytes, i % 4 };
		for (size_t j = 0; j < i % 4; j++)
			data[bytes++] = (uint8_t)(i + j);
	}
	assert_int_equal(wal_write_all(&device, file, pieces, PIECES, 10), 0);
	assert_true(memory->calls[MEMORY_WRITE] >= 3);
	assert_int_equal(memory_device_file(memory, "file")->bytes, 10 + bytes);
	assert_memory_equal(memory_device_file(memory, "file")->data + 10, data, bytes);
	device.close(device.context, file);
	memory_device_destroy(memory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_block_of_all_writers),   cmocka_unit_test(an_empty_epoch_has_no_block),
		cmocka_unit_test(publishes_after_the_sync),   cmocka_unit_test(syncs_when_asked_only),
		cmocka_unit_test(syncs_once_a_second),        cmocka_unit_test(begins_writing_back_early),
		cmocka_unit_test(a_failed_write_is_final),    cmocka_unit_test(a_failed_sync_is_final),
		cmocka_unit_test(short_writes_are_continued), cmocka_unit_test(many_pieces_are_written_in_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
