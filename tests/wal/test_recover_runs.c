/* Run after run: each recovery accepts an end, the next run goes on from there, and what was cut never comes back. */
#include "wal/hand_log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "wal/random.h"

static void
tear_last(struct hand_log *log, size_t back)
{
	const struct hand_block *block = &log->blocks[log->block_count - 1];

	hand_file(log, log->segment_count - 1)->data[block->end - back] ^= 0x40;
}

/* The next run's segment names the accepted end, and what stands behind it neither counts nor is damage. */
static void
a_torn_tail_is_cut_for_good(void **state)
{
	struct hand_log *log = *state;
	size_t accepted = 0;

	for (uint64_t run = 1; run <= 6; run++) {
		hand_segment(log, 3 * run, 1024, run % 2 == 0);
		log->options.sequence_first = 3;
		for (uint64_t i = 0; i < 1 + run % 3; i++)
			hand_block(log, 5 + 20 * i);
		accepted = log->block_count - 1;
		tear_last(log, 3);
		hand_expect(log, accepted, true);
		if (accepted == 0) { /* nothing to name but the header */
			log->block_count = 0;
			log->position = log->recovered.last;
			log->synced = 0;
			continue;
		}
		log->block_count = accepted;
		log->position = log->recovered.last;
		log->synced = log->position.epoch;
	}
	hand_segment(log, 40, 512, true);
	hand_expect(log, accepted, false);
	assert_int_equal(log->recovered.segments, 7);
	hand_block(log, 10);
	hand_expect(log, accepted + 1, false);
}

/* Whole blocks behind a torn one, which never were synced: they are cut with it, and stay so. */
static void
whole_blocks_behind_are_cut_for_good(void **state)
{
	struct hand_log *log = *state;

	log->syncs = false;
	hand_segment(log, 1, 1024, false);
	for (int i = 0; i < 6; i++)
		hand_block(log, 30);
	hand_file(log, 0)->data[log->blocks[2].offset + 80] ^= 1;
	hand_expect(log, 2, true);
	assert_int_equal(log->recovered.cut_bytes, log->blocks[5].end - log->blocks[2].offset);
	assert_int_equal(log->recovered.epoch_highest, log->blocks[5].epoch);
	hand_accept(log, 2);
	log->syncs = true;
	hand_segment(log, 2, 1024, true);
	hand_expect(log, 2, false);
	hand_block(log, 10);
	hand_block(log, 10);
	hand_expect(log, 4, false);
	/* If the hit block came back, it would not count either. */
	hand_file(log, 0)->data[log->blocks[1].end + 80] ^= 1;
	hand_expect(log, 4, false);
}

/* Damage that was cut on request: what lies behind it makes much noise, but the next start is clean. */
static void
truncated_damage_stays_cut(void **state)
{
	struct hand_log *log = *state;

	hand_usual(log);
	hand_file(log, 1)->data[log->blocks[3].offset + 75] ^= 2;
	hand_expect_damage(log, log->segments[1].name);
	log->options.truncate_at_damage = true;
	hand_expect(log, 3, true);
	assert_true(log->recovered.damage);
	assert_string_equal(log->recovered.cut_file, log->segments[1].name);
	assert_int_equal(log->recovered.cut_offset, log->blocks[3].offset);
	/* To the last block of the line. */
	assert_int_equal(log->recovered.cut_bytes, log->segments[1].end - log->blocks[3].offset + log->segments[2].end);
	assert_int_equal(log->recovered.epoch_highest, log->blocks[6].epoch);

	/* The next run, before and after its first block. Segment 3 is off the line now, and so is the rest of 2. */
	log->options.truncate_at_damage = false;
	hand_accept(log, 3);
	hand_segment(log, 4, 512, false);
	hand_expect(log, 3, false);
	assert_int_equal(log->recovered.segments, 3);
	hand_block(log, 9);
	hand_expect(log, 4, false);
	/* A file of the line that goes on from what was cut is missed no more. */
	memory_device_put(log->memory, log->segments[2].name, "", 0);
	hand_expect(log, 4, false);
}

/* The header says what recovery synced: losing it afterwards is damage. */
static void
headers_claim(void **state)
{
	struct hand_log *log = *state;

	log->syncs = false;
	hand_segment(log, 1, 512, false);
	hand_block(log, 10);
	hand_block(log, 10);
	hand_segment(log, 2, 512, false); /* of the same run: it claims nothing */
	hand_file(log, 0)->data[log->blocks[1].offset + 80] ^= 1;
	hand_expect(log, 1, true);
	hand_file(log, 0)->data[log->blocks[1].offset + 80] ^= 1;
	hand_accept(log, 2);
	hand_segment(log, 3, 512, false); /* of the next run */
	hand_expect(log, 2, false);
	hand_file(log, 0)->data[log->blocks[1].offset + 80] ^= 1;
	hand_expect_damage(log, log->segments[0].name);
	assert_non_null(strstr(log->fault.text, log->segments[2].name));
}

/* Blocks claim with some delay when they are synced once a second. */
static void
claims_count_up_to_what_they_say(void **state)
{
	struct hand_log *log = *state;

	log->syncs = false;
	hand_segment(log, 1, 2048, false);
	for (int i = 0; i < 8; i++) {
		if (i == 5)
			log->synced = log->blocks[2].epoch;
		hand_block(log, 16);
	}
	for (size_t i = 0; i < 8; i++) {
		uint8_t *byte = &hand_file(log, 0)->data[log->blocks[i].end - 1];

		*byte ^= 0x80;
		if (i < 3)
			hand_expect_damage(log, log->segments[0].name);
		else
			hand_expect(log, i, true);
		*byte ^= 0x80;
	}
}

/* A segment's file used again and again, each use lower behind the next. */
static void
files_are_reused_for_ever(void **state)
{
	struct hand_log *log = *state;
	struct wal_device *device = &log->options.device;

	for (uint64_t sequence = 1; sequence <= 20; sequence++) {
		hand_segment(log, sequence, 2048, true);
		for (uint64_t i = 0; i <= random_below(&log->random, 8); i++)
			hand_block(log, random_below(&log->random, 100));
		if (sequence > 4) {
			char name[64];

			(void)snprintf(name, sizeof(name), "karma-spare-%u.wal", (unsigned)(sequence % 3));
			assert_int_equal(device->rename(device->context, log->segments[sequence - 5].name, name), 0);
			while (log->blocks[0].sequence == sequence - 4) {
				memmove(log->blocks, log->blocks + 1, --log->block_count * sizeof(*log->blocks));
			}
		}
		log->options.sequence_first = sequence > 4 ? sequence - 3 : 1;
		hand_expect(log, log->block_count, false);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, hand_setup, hand_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_torn_tail_is_cut_for_good),      TEST(whole_blocks_behind_are_cut_for_good),
		TEST(truncated_damage_stays_cut),       TEST(headers_claim),
		TEST(claims_count_up_to_what_they_say), TEST(files_are_reused_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
