/* Room is there before it is needed, or the log says full; segments follow each other as their headers say; files come back. */
#include "wal/log_kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned
files_like(struct log_kit *kit, const char *prefix)
{
	unsigned count = 0;

	for (size_t i = 0; i < kit->memory->now.count; i++)
		count += strncmp(kit->memory->now.names[i].name, prefix, strlen(prefix)) == 0;
	return count;
}

static uint64_t
segment_now(const struct log_kit *kit)
{
	struct wal_figures figures;

	wal_figures(kit->wal, &figures);
	return figures.sequence;
}

/* Full blocks until the log is in the segment. */
static void
go_to_segment(struct log_kit *kit, struct wal_writer *writer, uint64_t sequence)
{
	for (int i = 0; segment_now(kit) < sequence && i < 1000; i++) {
		(void)wal_prepare(kit->wal);
		(void)log_kit_fill(kit, writer, 1);
		assert_true(wal_commit(kit->wal));
	}
	assert_int_equal(segment_now(kit), sequence);
}

static void
segments_follow_each_other(void **state)
{
	struct log_kit kit;

	(void)state;
	for (int mode = WAL_FSYNC_FALSE; mode <= WAL_FSYNC_EVERYSEC; mode++) {
		log_kit_begin(&kit);
		kit.options.fsync = (enum wal_fsync)mode;
		log_kit_open(&kit);
		struct wal_writer *writer = log_kit_writer(&kit, NULL);

		go_to_segment(&kit, writer, 8);
		struct wal_segment_header last = log_kit_header(&kit, 8);
		struct wal_segment_header before = log_kit_header(&kit, 7);

		assert_int_equal(last.previous.sequence, 7);
		assert_int_equal(last.epoch, last.previous.epoch + 1);
		/* In every mode what came before was synced. */
		assert_int_equal(last.synced, last.previous.epoch);
		assert_int_equal(before.previous.sequence, 6);
		wal_writer_destroy(writer);
		log_kit_close(&kit);
		struct log_kit_read *read = log_kit_read(&kit, 5);

		assert_int_equal(read->recovered.segments, 4);
		assert_int_equal(read->count, read->blocks[read->count - 1].header.epoch - 9);
		free(read);
		log_kit_end(&kit);
	}
}

/* As a crash that loses everything unsynced would leave it. */
static bool
on_disk(struct log_kit *kit, uint64_t sequence, struct wal_segment_header *ret)
{
	char name[64];

	wal_segment_name(sequence, name);
	for (size_t i = 0; i < kit->memory->durable.count; i++) {
		const struct memory_name *one = &kit->memory->durable.names[i];

		if (strcmp(one->name, name) == 0)
			return wal_segment_header_decode(kit->memory->files[one->file].durable, ret);
	}
	return false;
}

static void
rotates_with_and_without_records(void **state)
{
	struct log_kit kit;
	struct wal_segment_header header;
	uint64_t sequence = 0;

	(void)state;
	for (int mode = WAL_FSYNC_FALSE; mode <= WAL_FSYNC_EVERYSEC; mode++) {
		log_kit_begin(&kit);
		kit.options.fsync = (enum wal_fsync)mode;
		log_kit_open(&kit);
		struct wal_writer *writer = log_kit_writer(&kit, NULL);

		assert_int_equal(wal_rotate(kit.wal, &sequence), 0);
		assert_int_equal(sequence, 6);
		assert_int_equal(log_kit_header(&kit, 6).previous.end, WAL_HEADER_BYTES);
		(void)log_kit_append(&kit, writer, 1, 1);
		uint64_t tag = log_kit_append(&kit, writer, 1, 1);

		assert_int_equal(wal_rotate(kit.wal, &sequence), 0);
		assert_int_equal(sequence, 7);
		/* The header is on disk, and whatever is tagged from now on comes after it. */
		assert_true(on_disk(&kit, 7, &header));
		assert_int_equal(header.previous.sequence, 6);
		assert_int_equal(header.epoch, tag);
		assert_true(wal_epoch(kit.wal) > tag);
		wal_writer_destroy(writer);
		log_kit_end(&kit);
	}
}

static void
recycles_what_is_forgotten(void **state)
{
	struct log_kit kit;

	(void)state;
	log_kit_begin(&kit);
	log_kit_open(&kit);
	struct wal_writer *writer = log_kit_writer(&kit, NULL);

	go_to_segment(&kit, writer, 10);
	(void)wal_prepare(kit.wal);
	assert_int_equal(files_like(&kit, "karma-0"), 7);
	wal_forget(kit.wal, 7);
	assert_int_equal(files_like(&kit, "karma-0"), 5);
	assert_int_equal(files_like(&kit, "karma-spare-"), 2);
	wal_forget(kit.wal, 10);
	assert_int_equal(files_like(&kit, "karma-0"), 2); /* the current one and the one that is ready */
	assert_int_equal(files_like(&kit, "karma-spare-"), 2);
	go_to_segment(&kit, writer, 13);
	assert_int_equal(files_like(&kit, "karma-spare-"), 0);
	assert_false(log_kit_header(&kit, 11).reused); /* was ready before */
	assert_true(log_kit_header(&kit, 12).reused);
	assert_true(log_kit_header(&kit, 13).reused);
	wal_writer_destroy(writer);
	log_kit_close(&kit);
	struct log_kit_read *read = log_kit_read(&kit, 10);

	assert_int_equal(read->recovered.segments, 4);
	free(read);
	log_kit_end(&kit);
}

static void
says_once_that_it_has_grown(void **state)
{
	struct log_kit kit;
	uint64_t sequence = 0;
	struct wal_figures figures;

	(void)state;
	log_kit_begin(&kit);
	kit.options.bytes_max = 20000;
	log_kit_open(&kit);
	struct wal_writer *writer = log_kit_writer(&kit, NULL);

	go_to_segment(&kit, writer, 6);
	assert_int_equal(kit.grown, 0);
	go_to_segment(&kit, writer, 9);
	assert_int_equal(kit.grown, 1);
	wal_figures(kit.wal, &figures);
	assert_true(figures.bytes > 20000);
	/* Not small enough: it says so again. */
	wal_forget(kit.wal, 6);
	go_to_segment(&kit, writer, 10);
	assert_int_equal(kit.grown, 2);
	assert_int_equal(wal_rotate(kit.wal, &sequence), 0);
	wal_forget(kit.wal, sequence);
	wal_figures(kit.wal, &figures);
	assert_int_equal(figures.bytes, WAL_HEADER_BYTES);
	assert_int_equal(kit.grown, 2);
	go_to_segment(&kit, writer, sequence + 4);
	assert_int_equal(kit.grown, 3);
	wal_writer_destroy(writer);
	log_kit_end(&kit);
}

static void
is_full_before_it_is_too_late(void **state)
{
	struct log_kit kit;
	struct wal_writer *writers[LOG_KIT_WRITERS];
	uint64_t sequence = 0;

	(void)state;
	log_kit_begin(&kit);
	log_kit_open(&kit);
	for (int i = 0; i < LOG_KIT_WRITERS; i++)
		writers[i] = log_kit_writer(&kit, NULL);
	kit.memory->room = 0;
	int blocks = 0;

	for (; wal_state(kit.wal) == WAL_OK; blocks++) {
		for (int i = 0; i < LOG_KIT_WRITERS; i++)
			(void)log_kit_fill(&kit, writers[i], UINT64_MAX);
		assert_true(wal_commit(kit.wal));
	}
	assert_in_range(blocks, 3, 4); /* a segment has room for four, rounded up to whole pages */
	assert_int_equal(kit.state_said, WAL_FULL);
	assert_int_equal(kit.error_said, -ENOSPC);
	/* It goes on where it is, so that the segments before can go. */
	struct wal_figures figures;

	wal_figures(kit.wal, &figures);
	assert_int_equal(wal_rotate(kit.wal, &sequence), 0);
	assert_int_equal(sequence, figures.sequence);
	/* What looked at the state before still fits. */
	for (int i = 0; i < LOG_KIT_WRITERS; i++)
		(void)log_kit_fill(&kit, writers[i], UINT64_MAX);
	assert_true(wal_commit(kit.wal));
	assert_int_equal(wal_state(kit.wal), WAL_FULL);
	/* Epochs go on. */
	assert_int_equal(wal_sync(kit.wal, wal_epoch(kit.wal)), 0);
	assert_false(wal_prepare(kit.wal));
	kit.memory->room = UINT64_MAX;
	assert_true(wal_prepare(kit.wal));
	assert_int_equal(wal_state(kit.wal), WAL_OK);
	assert_int_equal(kit.states_said, 2);
	for (int i = 0; i < LOG_KIT_WRITERS; i++)
		(void)log_kit_fill(&kit, writers[i], UINT64_MAX);
	assert_true(wal_commit(kit.wal));
	assert_int_equal(segment_now(&kit), 6);
	assert_int_equal(wal_state(kit.wal), WAL_OK);
	for (int i = 0; i < LOG_KIT_WRITERS; i++)
		wal_writer_destroy(writers[i]);
	log_kit_end(&kit);
}

static void
other_errors_of_preparing_are_like_full(void **state)
{
	static const enum memory_call calls[] = { MEMORY_OPEN, MEMORY_ALLOCATE, MEMORY_SYNC, MEMORY_SYNC_DIRECTORY };
	struct log_kit kit;

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		log_kit_begin(&kit);
		log_kit_open(&kit);
		struct wal_writer *writer = log_kit_writer(&kit, NULL);

		for (int round = 0; round < 40 && wal_state(kit.wal) == WAL_OK; round++) {
			(void)log_kit_fill(&kit, writer, UINT64_MAX);
			/* The call of a commit itself has to succeed. */
			kit.memory->fault[calls[i]].error = -EIO;
			kit.memory->fault[calls[i]].countdown =
			    kit.wal->segment_bytes - kit.wal->last.end < 3 * kit.wal->block_bytes_max ? 1 : 0;
			assert_true(wal_commit(kit.wal));
		}
		assert_int_equal(wal_state(kit.wal), WAL_FULL);
		assert_int_equal(kit.error_said, -EIO);
		assert_int_equal(files_like(&kit, "karma-"), 1);
		kit.memory->fault[calls[i]].countdown = 0;
		assert_true(wal_prepare(kit.wal));
		assert_int_equal(wal_state(kit.wal), WAL_OK);
		wal_writer_destroy(writer);
		log_kit_end(&kit);
	}
}

/* ---- what a start finds ---- */

static void
a_start_goes_on_where_another_ended(void **state)
{
	struct log_kit kit;

	(void)state;
	log_kit_begin(&kit);
	log_kit_open(&kit);
	struct wal_writer *writer = log_kit_writer(&kit, NULL);

	go_to_segment(&kit, writer, 7);
	(void)wal_prepare(kit.wal); /* 8 is ready, and not used */
	wal_writer_destroy(writer);
	log_kit_close(&kit);
	for (int run = 0; run < 3; run++) {
		struct log_kit_read *read = log_kit_read(&kit, 5);

		kit.options.last = read->recovered.last;
		kit.options.epoch_first = read->recovered.epoch_highest + 1;
		kit.options.sequence_first = read->recovered.sequence_highest + 1;
		kit.options.sequence_needed = 5;
		log_kit_open(&kit);
		writer = log_kit_writer(&kit, NULL);
		assert_int_equal(segment_now(&kit), kit.options.sequence_first);
		(void)log_kit_append(&kit, writer, 1, 1);
		assert_true(wal_commit(kit.wal));
		wal_writer_destroy(writer);
		log_kit_close(&kit);
		/* The run before is left with what counts of it. */
		char name[MEMORY_NAME_MAX];

		wal_segment_name(kit.options.last.sequence, name);
		assert_int_equal(memory_device_file(kit.memory, name)->bytes, kit.options.last.end);
		struct log_kit_read *again = log_kit_read(&kit, 5);

		assert_int_equal(again->count, read->count + 1);
		free(again);
		free(read);
	}
	assert_int_equal(files_like(&kit, "karma-0"), 6);
	assert_int_equal(files_like(&kit, "karma-spare-"), 0);
	/* All that is needed now is the last one. */
	kit.options.last = (struct wal_position){ 0 };
	kit.options.sequence_needed = 11;
	kit.options.sequence_first = 12;
	kit.options.epoch_first += 10;
	log_kit_open(&kit);
	assert_int_equal(files_like(&kit, "karma-0"), 2);
	assert_int_equal(files_like(&kit, "karma-spare-"), 1); /* another one was taken at once */
	assert_true(log_kit_header(&kit, 12).reused);
	log_kit_end(&kit);
}

static void
leaves_names_and_files_of_others_alone(void **state)
{
	struct log_kit kit;
	uint8_t foreign[WAL_HEADER_BYTES];
	uint8_t stale[WAL_HEADER_BYTES];
	struct wal_segment_header header = { .identity = "somebody else's", .sequence = 3, .bytes = WAL_HEADER_BYTES };

	(void)state;
	log_kit_begin(&kit);
	wal_segment_header_encode(&header, foreign);
	memory_device_put(kit.memory, "karma-00000000000000000005.wal", foreign, sizeof(foreign));
	/* Renamed to be used after it was recycled, while its segment is needed by all we know. */
	memcpy(header.identity, kit.options.identity, WAL_IDENTITY_BYTES);
	wal_segment_header_encode(&header, stale);
	memory_device_put(kit.memory, "karma-00000000000000000006.wal", stale, sizeof(stale));
	/* Prepared and never used. */
	memory_device_put(kit.memory, "karma-00000000000000000007.wal", (uint8_t[1000]){ 0 }, 1000);
	memory_device_put(kit.memory, "karma.manifest", foreign, sizeof(foreign));
	log_kit_open(&kit);
	assert_int_equal(segment_now(&kit), 7);
	assert_true(log_kit_header(&kit, 7).reused);
	wal_forget(kit.wal, 4);
	assert_null(memory_device_file(kit.memory, "karma-00000000000000000006.wal"));
	assert_non_null(memory_device_file(kit.memory, "karma-spare-00000000000000000003.wal"));
	assert_memory_equal(memory_device_file(kit.memory, "karma-00000000000000000005.wal")->data, foreign,
	                    sizeof(foreign));
	assert_non_null(memory_device_file(kit.memory, "karma.manifest"));
	log_kit_end(&kit);
}

static void
a_start_may_fail(void **state)
{
	struct log_kit kit;

	(void)state;
	for (int call = MEMORY_OPEN; call < MEMORY_CALLS; call++) {
		if (call == MEMORY_PUSH || call == MEMORY_RENAME || call == MEMORY_REMOVE || call == MEMORY_TRUNCATE)
			continue;
		log_kit_begin(&kit);
		memory_device_put(kit.memory, "karma-00000000000000000003.wal", "", 0);
		kit.memory->fault[call].countdown = 1;
		kit.memory->fault[call].error = -EIO;
		assert_int_equal(wal_create(&kit.options, &kit.wal), -EIO);
		assert_null(kit.wal);
		assert_int_equal(memory_device_opened(kit.memory), 0);
		log_kit_end(&kit);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_follow_each_other),
		cmocka_unit_test(rotates_with_and_without_records),
		cmocka_unit_test(recycles_what_is_forgotten),
		cmocka_unit_test(says_once_that_it_has_grown),
		cmocka_unit_test(is_full_before_it_is_too_late),
		cmocka_unit_test(other_errors_of_preparing_are_like_full),
		cmocka_unit_test(a_start_goes_on_where_another_ended),
		cmocka_unit_test(leaves_names_and_files_of_others_alone),
		cmocka_unit_test(a_start_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
