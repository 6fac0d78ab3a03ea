/* Recovery finds the line, counts what is on it, and looks at the rest for numbers only. */
#include "wal/hand_log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "wal/random.h"

static void
a_whole_log(void **state)
{
	struct hand_log *log = *state;

	hand_usual(log);
	log->options.synced = log->position.epoch;
	hand_expect(log, 7, false);
	assert_int_equal(log->recovered.segments, 3);
	assert_int_equal(log->recovered.today, HAND_TODAY);
	assert_int_equal(log->recovered.sequence_highest, 3);
	assert_int_equal(log->recovered.epoch_highest, log->epoch > log->position.epoch ? log->position.epoch : 0);
	assert_memory_equal(&log->recovered.last, &log->position, sizeof(log->position));
	assert_int_equal(log->recovered.bytes, log->segments[0].end + log->segments[1].end + log->segments[2].end);
	assert_string_equal(log->recovered.cut_file, "");
	assert_false(log->recovered.damage);
}

static void
transfers_may_be_short(void **state)
{
	struct hand_log *log = *state;

	hand_usual(log);
	log->memory->short_transfers = true;
	for (int i = 0; i < 50; i++)
		hand_expect(log, 7, false);
}

static void
nothing_is_needed(void **state)
{
	struct hand_log *log = *state;

	hand_usual(log);
	log->options.sequence_first = 0;
	log->options.synced = 1000;
	hand_expect(log, 0, false);
	assert_int_equal(log->recovered.last.sequence, 0);
	assert_int_equal(log->recovered.segments, 0);
	assert_int_equal(log->recovered.sequence_highest, 3);
	assert_int_equal(log->recovered.epoch_highest, 1000);
	log->options.synced = 0;
	hand_expect(log, 0, false);
	assert_int_equal(log->recovered.epoch_highest, log->position.epoch);
}

static void
an_empty_directory(void **state)
{
	struct hand_log *log = *state;

	log->options.sequence_first = 0;
	hand_expect(log, 0, false);
	assert_int_equal(log->recovered.sequence_highest, 0);
	log->options.sequence_first = 4;
	hand_expect_damage(log, "karma-00000000000000000004.wal: offset 0: it is missing, but the manifest names it");
	log->options.truncate_at_damage = true;
	hand_expect(log, 0, false);
	assert_true(log->recovered.damage);
	assert_string_equal(log->recovered.cut_file, "karma-00000000000000000004.wal");
}

/* Segments before the first needed are not read for blocks. */
static void
earlier_segments_are_left_out(void **state)
{
	struct hand_log *log = *state;

	hand_usual(log);
	log->options.sequence_first = 2;
	memmove(log->blocks, log->blocks + 2, 5 * sizeof(*log->blocks));
	log->block_count = 5;
	hand_expect(log, 5, false);
	assert_int_equal(log->recovered.segments, 2);
	memory_device_put(log->memory, log->segments[0].name, "", 0);
	hand_expect(log, 5, false);
}

/* Without a block, the log ends behind the header, at the epoch that the header tells. */
static void
segments_without_blocks(void **state)
{
	struct hand_log *log = *state;

	hand_segment(log, 1, 512, false);
	hand_expect(log, 0, false);
	assert_memory_equal(&log->recovered.last, &log->position, sizeof(log->position));
	hand_block(log, 10);
	hand_segment(log, 5, 512, true);
	hand_segment(log, 6, 512, true);
	hand_expect(log, 1, false);
	assert_memory_equal(&log->recovered.last, &log->position, sizeof(log->position));
	log->options.sequence_first = 6;
	log->options.synced = log->position.epoch;
	log->block_count = 0;
	hand_expect(log, 0, false);
	assert_int_equal(log->recovered.last.epoch, log->position.epoch);
	log->options.synced = log->position.epoch + 1;
	hand_expect_damage(log, "karma-00000000000000000006.wal: offset 128: damaged");
}

static void
missing_files(void **state)
{
	struct hand_log *log = *state;
	struct wal_device *device = &log->options.device;

	hand_usual(log);
	assert_int_equal(device->rename(device->context, log->segments[1].name, "elsewhere"), 0);
	hand_expect_damage(log, "karma-00000000000000000002.wal: offset 0: it is missing, "
	                        "but karma-00000000000000000003.wal names it");
	log->options.truncate_at_damage = true;
	hand_expect(log, 2, true);
	assert_true(log->recovered.damage);
	assert_string_equal(log->recovered.cut_file, log->segments[0].name);
	log->options.truncate_at_damage = false;
	assert_int_equal(device->rename(device->context, "elsewhere", log->segments[1].name), 0);

	assert_int_equal(device->rename(device->context, log->segments[0].name, "elsewhere"), 0);
	hand_expect_damage(log, "karma-00000000000000000001.wal: offset 0: it is missing");
	log->options.truncate_at_damage = true;
	hand_expect(log, 0, true);
	assert_int_equal(log->recovered.last.sequence, 0);
	log->options.truncate_at_damage = false;
	assert_int_equal(device->rename(device->context, "elsewhere", log->segments[0].name), 0);

	/* The last one: only the manifest can tell. */
	assert_int_equal(device->rename(device->context, log->segments[2].name, "elsewhere"), 0);
	hand_expect(log, 5, false);
	log->options.synced = log->blocks[4].epoch;
	hand_expect(log, 5, false);
	log->options.synced = log->blocks[4].epoch + 1;
	hand_expect_damage(log, "karma-00000000000000000002.wal: offset ");
	assert_non_null(strstr(log->fault.text, "but the manifest says"));
}

/* The manifest asks for a segment that the line does not pass. */
static void
a_first_segment_off_the_line(void **state)
{
	struct hand_log *log = *state;

	hand_segment(log, 1, 512, false);
	hand_block(log, 10);
	hand_segment(log, 3, 512, false);
	hand_block(log, 10);
	log->options.sequence_first = 2;
	hand_expect_damage(log, "karma-00000000000000000002.wal: offset 0: it is missing");
	log->options.sequence_first = 4;
	hand_expect_damage(log, "karma-00000000000000000004.wal: offset 0: it is missing");
}

static void
put_foreign(struct hand_log *log, const char *name, uint64_t sequence)
{
	struct wal_segment_header header = {
		.identity = "another", .sequence = sequence, .epoch = 5000, .synced = 5000
	};
	uint8_t data[512] = { 0 };

	wal_segment_header_encode(&header, data);
	memory_device_put(log->memory, name, data, sizeof(data));
}

static void
other_identities_are_ignored(void **state)
{
	struct hand_log *log = *state;

	hand_usual(log);
	put_foreign(log, "karma-00000000000000000009.wal", 9);
	put_foreign(log, "karma-spare-1.wal", 10);
	hand_expect(log, 7, false);
	assert_true(log->recovered.epoch_highest < 5000);
	assert_int_equal(log->recovered.sequence_highest, 9); /* the name is taken */
	put_foreign(log, log->segments[1].name, 2);
	hand_expect_damage(log, "karma-00000000000000000002.wal: offset 0: it is of another directory");
	log->options.identity[15] ^= 1;
	hand_expect_damage(log, "karma-00000000000000000001.wal: offset 0: it is of another directory");
}

/* A spare keeps what its last use left: it tells numbers, but is no part of the log whatever it says. */
static void
spares_give_numbers(void **state)
{
	struct hand_log *log = *state;

	hand_usual(log);
	struct hand_log later = *log;

	later.file = NULL;
	later.epoch = 500;
	hand_segment(&later, 44, 512, false);
	hand_block(&later, 10);
	hand_block(&later, 10);
	struct wal_device *device = &log->options.device;

	assert_int_equal(device->rename(device->context, later.segments[3].name, "karma-spare-x.wal"), 0);
	free(later.file);
	log->options.synced = log->position.epoch;
	hand_expect(log, 7, false);
	assert_int_equal(log->recovered.sequence_highest, 44);
	assert_int_equal(log->recovered.epoch_highest, later.position.epoch);
	assert_int_equal(log->recovered.today, HAND_TODAY);
}

static void
names_do_not_order(void **state)
{
	struct hand_log *log = *state;
	struct wal_device *device = &log->options.device;

	hand_usual(log);
	assert_int_equal(device->rename(device->context, log->segments[1].name, "karma-00000000000000000077.wal"), 0);
	hand_expect(log, 7, false);
	assert_int_equal(log->recovered.sequence_highest, 77);
}

static void
larger_blocks_than_a_piece(void **state)
{
	struct hand_log *log = *state;

	hand_segment(log, 1, 16 << 20, true);
	for (int i = 0; i < 40; i++)
		hand_block(log, random_below(&log->random, 200000));
	hand_block(log, 3 << 20);
	hand_block(log, 5);
	hand_block(log, (1 << 20) - WAL_BLOCK_HEADER_BYTES);
	hand_expect(log, 43, false);
	log->memory->short_transfers = true;
	hand_expect(log, 43, false);
}

static void
a_visitor_may_stop(void **state)
{
	struct hand_log *log = *state;

	hand_usual(log);
	log->stop_at = 4;
	assert_int_equal(hand_recover(log), 77);
	assert_int_equal(log->seen_count, 4);
}

/* Whatever fails, recovery says so, and shows nothing it is not sure of. */
static void
errors_are_passed_up(void **state)
{
	static const enum memory_call calls[] = { MEMORY_OPEN, MEMORY_SIZE,           MEMORY_READ,
		                                  MEMORY_SYNC, MEMORY_SYNC_DIRECTORY, MEMORY_LIST };
	struct hand_log *log = *state;

	hand_usual(log);
	memory_device_put(log->memory, "karma-spare-zeros.wal", "", 1);
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		unsigned failed = 0;

		for (uint64_t countdown = 1;; countdown++) {
			log->memory->fault[calls[i]].countdown = countdown;
			log->memory->fault[calls[i]].error = -EIO;
			int r = hand_recover(log);

			if (log->memory->fault[calls[i]].countdown > 0)
				break; /* there are not so many calls */
			assert_int_equal(r, -EIO);
			failed++;
		}
		log->memory->fault[calls[i]].countdown = 0;
		assert_true(failed > 0);
	}
	hand_expect(log, 7, false);
}

static void
names_are_exact(void **state)
{
	char name[64];
	uint64_t sequence;

	(void)state;
	wal_segment_name(WAL_SEQUENCE_MAX, name);
	assert_string_equal(name, "karma-09223372036854775807.wal");
	assert_true(wal_name_sequence(name, &sequence));
	assert_int_equal(sequence, WAL_SEQUENCE_MAX);
	assert_false(wal_name_is_segment("karma-09223372036854775808.wal"));
	assert_false(wal_name_is_segment("karma-18446744073709551617.wal"));
	assert_false(wal_name_is_segment("karma-00000000000000000000.wal"));
	assert_false(wal_name_is_segment("karma-0000000000000000001.wal"));
	assert_false(wal_name_is_segment("karma-000000000000000000001.wal"));
	assert_false(wal_name_is_segment("karma-0000000000000000000x.wal"));
	assert_false(wal_name_is_segment("karma-00000000000000000001.wax"));
	assert_false(wal_name_is_segment("Karma-00000000000000000001.wal"));
	assert_false(wal_name_is_segment(""));
	assert_true(wal_name_is_spare("karma-spare-1.wal"));
	assert_false(wal_name_is_spare("karma-spare-.wal"));
	assert_false(wal_name_is_spare("karma-spare-1.wal.tmp"));
	assert_false(wal_name_is_spare("karma-spare-0123456789012345678901234567890123456789012345678.wal"));
	assert_true(wal_name_is_spare("karma-spare-01234567890123456789012345678901234567890123456.wal"));
	assert_false(wal_name_is_spare("karma.manifest"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, hand_setup, hand_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_whole_log),
		TEST(transfers_may_be_short),
		TEST(nothing_is_needed),
		TEST(an_empty_directory),
		TEST(earlier_segments_are_left_out),
		TEST(segments_without_blocks),
		TEST(missing_files),
		TEST(a_first_segment_off_the_line),
		TEST(other_identities_are_ignored),
		TEST(spares_give_numbers),
		TEST(names_do_not_order),
		TEST(larger_blocks_than_a_piece),
		TEST(a_visitor_may_stop),
		TEST(errors_are_passed_up),
		cmocka_unit_test(names_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
