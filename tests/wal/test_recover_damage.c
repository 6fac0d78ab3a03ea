/* Wherever a log is cut, exactly the blocks before are seen; whatever bit flips, it is told, and no other block ever seen. */
#include "wal/hand_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wal/random.h"

static size_t
blocks_before(const struct hand_log *log, size_t segment, size_t offset)
{
	size_t count = 0;

	for (size_t i = 0; i < log->block_count; i++)
		count += log->blocks[i].sequence < log->segments[segment].sequence ||
		         (log->blocks[i].sequence == log->segments[segment].sequence && log->blocks[i].end <= offset);
	return count;
}

static uint8_t *
file_copy(struct hand_log *log, size_t segment)
{
	uint8_t *copy = malloc(log->segments[segment].bytes);

	assert_non_null(copy);
	memcpy(copy, hand_file(log, segment)->data, log->segments[segment].bytes);
	return copy;
}

/* ---- the file ends early ---- */

static void
cut_last_at_every_byte(struct hand_log *log)
{
	const struct hand_segment *segment = &log->segments[log->segment_count - 1];
	uint8_t *copy = file_copy(log, log->segment_count - 1);

	for (size_t bytes = 0; bytes <= segment->bytes; bytes++) {
		size_t blocks = blocks_before(log, log->segment_count - 1, bytes);
		size_t end = blocks > 0 && log->blocks[blocks - 1].sequence == segment->sequence
		                 ? log->blocks[blocks - 1].end
		                 : WAL_HEADER_BYTES;
		bool headless = bytes < WAL_HEADER_BYTES;

		memory_device_put(log->memory, segment->name, copy, bytes);
		assert_int_equal(hand_recover(log), 0);
		assert_int_equal(log->seen_count, blocks);
		/* Fewer than eight bytes of a block tell nothing in a file that was used before. */
		size_t cut = headless || bytes - end < 8 || bytes > segment->end ? 0 : bytes - end;

		assert_int_equal(log->recovered.cut_bytes, cut);
		if (cut > 0) {
			assert_string_equal(log->recovered.cut_file, segment->name);
			assert_int_equal(log->recovered.cut_offset, end);
		}
		/* What the manifest knows to be there makes it damage. */
		log->options.synced = log->position.epoch;
		assert_int_equal(hand_recover(log), blocks == log->block_count ? 0 : -EBADMSG);
		log->options.synced = 0;
	}
	free(copy);
}

static void
the_last_file_ends_early(void **state)
{
	struct hand_log *log = *state;

	hand_usual(log);
	cut_last_at_every_byte(log);
}

static void
the_last_file_ends_early_unsynced(void **state)
{
	struct hand_log *log = *state;

	log->syncs = false;
	hand_usual(log);
	cut_last_at_every_byte(log);
}

/* Without synced blocks, a cut in an earlier segment cuts all that follows; with them, it is damage. */
static void
an_earlier_file_ends_early(void **state)
{
	for (int syncs = 0; syncs < 2; syncs++) {
		struct hand_log *log = *state;

		log->syncs = syncs;
		hand_usual(log);
		for (size_t s = 0; s < 2; s++) {
			uint8_t *copy = file_copy(log, s);

			for (size_t bytes = 0; bytes < log->segments[s].end; bytes++) {
				memory_device_put(log->memory, log->segments[s].name, copy, bytes);
				log->options.truncate_at_damage = false;
				if (bytes < WAL_HEADER_BYTES || log->syncs)
					hand_expect_damage(log, log->segments[s].name);
				else
					hand_expect(log, blocks_before(log, s, bytes), true);
				log->options.truncate_at_damage = true;
				hand_expect(log, bytes < WAL_HEADER_BYTES && s == 0 ? 0 : blocks_before(log, s, bytes),
				            true);
				assert_int_equal(log->recovered.damage, bytes < WAL_HEADER_BYTES || log->syncs);
			}
			memory_device_put(log->memory, log->segments[s].name, copy, log->segments[s].bytes);
			free(copy);
		}
		assert_int_equal(hand_teardown(state), 0);
		assert_int_equal(hand_setup(state), 0);
	}
}

/* ---- the end was not written ---- */

/* From `at` on zeros, or what an earlier use left: a tail that never reached the disk. */
static void
unwritten_from_every_byte(struct hand_log *log, bool zeros)
{
	size_t last = log->segment_count - 1;
	const struct hand_segment *segment = &log->segments[last];
	uint8_t *copy = file_copy(log, last);
	uint8_t *torn = malloc(segment->bytes);

	assert_non_null(torn);
	for (size_t at = WAL_HEADER_BYTES; at <= segment->end; at++) {
		memcpy(torn, copy, segment->bytes);
		if (zeros)
			memset(torn + at, 0, segment->bytes - at);
		else
			memset(torn + at, 0xa5, segment->bytes - at);
		memory_device_put(log->memory, segment->name, torn, segment->bytes);
		assert_int_equal(hand_recover(log), 0);
		/* The last bytes of a block may be those that were to be written. */
		size_t blocks = 0;

		while (blocks < log->block_count && memcmp(torn, copy, log->blocks[blocks].end) == 0)
			blocks++;
		assert_int_equal(log->seen_count, blocks);
	}
	free(torn);
	free(copy);
}

static void
the_end_was_not_written(void **state)
{
	struct hand_log *log = *state;

	hand_segment(log, 1, 640, false);
	for (int i = 0; i < 4; i++)
		hand_block(log, 20);
	unwritten_from_every_byte(log, true);
}

static void
the_end_is_of_an_earlier_use(void **state)
{
	struct hand_log *log = *state;

	hand_segment(log, 2, 640, true);
	log->options.sequence_first = 2;
	for (int i = 0; i < 4; i++)
		hand_block(log, 20);
	unwritten_from_every_byte(log, false);
}

/* A hole in the middle, whole blocks behind: a sector that a power cut lost, or damage if it was synced. */
static void
a_hole_before_whole_blocks(void **state)
{
	for (int syncs = 0; syncs < 2; syncs++) {
		struct hand_log *log = *state;

		log->syncs = syncs;
		hand_segment(log, 1, 1024, false);
		for (int i = 0; i < 6; i++)
			hand_block(log, 24);
		for (size_t i = 0; i < 6; i++) {
			uint8_t *copy = file_copy(log, 0);
			const struct hand_block *block = &log->blocks[i];

			memset(hand_file(log, 0)->data + block->offset, 0, block->end - block->offset);
			if (syncs && i < 5) {
				hand_expect_damage(log, log->segments[0].name);
			} else {
				/* Up to the end of the last whole block; of the last there is nothing. */
				hand_expect(log, i, i < 5);
				assert_int_equal(log->recovered.cut_bytes,
				                 i < 5 ? log->blocks[5].end - block->offset : 0);
			}
			log->options.truncate_at_damage = true;
			hand_expect(log, i, i < 5);
			assert_int_equal(log->recovered.damage, syncs && i < 5);
			log->options.truncate_at_damage = false;
			memory_device_put(log->memory, log->segments[0].name, copy, log->segments[0].bytes);
			free(copy);
		}
		assert_int_equal(hand_teardown(state), 0);
		assert_int_equal(hand_setup(state), 0);
	}
}

/* ---- flipped bits ---- */

/* What is to be seen when a bit flips there. */
enum outcome { ALL, CUT, DAMAGE };

static enum outcome
expected_of_flip(const struct hand_log *log, size_t segment, size_t offset)
{
	size_t last = log->segment_count - 1;

	if (offset >= log->segments[segment].end)
		return ALL;
	if (segment < last || offset < WAL_HEADER_BYTES)
		return DAMAGE;
	return offset >= log->blocks[log->block_count - 1].offset ? CUT : DAMAGE;
}

static void
flip_and_recover(struct hand_log *log, size_t segment, size_t bit)
{
	uint8_t *byte = &hand_file(log, segment)->data[bit / 8];
	enum outcome expected = expected_of_flip(log, segment, bit / 8);

	*byte ^= (uint8_t)(1 << bit % 8);
	if (expected == DAMAGE) {
		hand_expect_damage(log, log->segments[segment].name);
	} else if (expected == CUT) {
		const struct hand_block *block = &log->blocks[log->block_count - 1];

		hand_expect(log, log->block_count - 1, true);
		assert_string_equal(log->recovered.cut_file, log->segments[segment].name);
		assert_int_equal(log->recovered.cut_offset, block->offset);
		assert_false(log->recovered.damage);
	} else {
		assert_int_equal(hand_recover(log), 0);
		assert_int_equal(log->seen_count, log->block_count);
	}
	*byte ^= (uint8_t)(1 << bit % 8);
}

static void
every_bit_flipped(void **state)
{
	struct hand_log *log = *state;

	hand_usual(log);
	for (size_t segment = 0; segment < log->segment_count; segment++) {
		for (size_t bit = 0; bit < 8 * log->segments[segment].bytes; bit++)
			flip_and_recover(log, segment, bit);
	}
	hand_expect(log, 7, false);
}

/* The cut in full, as far as the lengths are not what was hit. */
static void
a_hit_last_block_is_cut_in_full(void **state)
{
	struct hand_log *log = *state;

	hand_usual(log);
	const struct hand_block *block = &log->blocks[6];

	for (size_t at = block->offset; at < block->end; at++) {
		if (at - block->offset >= 56 && at - block->offset < 60)
			continue;
		hand_file(log, 2)->data[at] ^= 0x10;
		hand_expect(log, 6, true);
		assert_int_equal(log->recovered.cut_bytes, block->end - block->offset);
		hand_file(log, 2)->data[at] ^= 0x10;
	}
}

/* The newest header hit, with one block below it: nothing says that it was synced, but it is told. */
static void
a_hit_header_over_one_block(void **state)
{
	struct hand_log *log = *state;

	hand_segment(log, 1, 512, false);
	hand_block(log, 10);
	hand_segment(log, 2, 512, true);
	hand_block(log, 10);
	for (size_t bit = 0; bit < 8 * WAL_HEADER_BYTES; bit++) {
		uint8_t *byte = &hand_file(log, 1)->data[bit / 8];

		*byte ^= (uint8_t)(1 << bit % 8);
		hand_expect(log, 1, true);
		assert_string_equal(log->recovered.cut_file, log->segments[1].name);
		assert_int_equal(log->recovered.cut_offset, 0);
		assert_int_equal(log->recovered.cut_bytes, log->segments[1].end);
		assert_int_equal(log->recovered.sequence_highest, 2);
		assert_int_equal(log->recovered.epoch_highest, log->position.epoch);
		*byte ^= (uint8_t)(1 << bit % 8);
	}
}

/* A header that a crash tore, over a file of an earlier use: as if it were not there. */
static void
a_torn_newest_header(void **state)
{
	struct hand_log *log = *state;

	hand_usual(log);
	hand_segment(log, 4, 768, true);
	for (size_t kept = 0; kept < 120; kept += 8) {
		uint8_t *copy = file_copy(log, 3);

		memset(hand_file(log, 3)->data + kept, 0, WAL_HEADER_BYTES - kept);
		hand_expect(log, 7, false);
		assert_int_equal(log->recovered.last.sequence, 3);
		assert_int_equal(log->recovered.sequence_highest, 4); /* of the name */
		memory_device_put(log->memory, log->segments[3].name, copy, log->segments[3].bytes);
		free(copy);
	}
}

/* ---- anything at all ---- */

static void
disturb(struct hand_log *log)
{
	size_t segment = (size_t)random_below(&log->random, log->segment_count);
	struct memory_file *file = hand_file(log, segment);
	size_t at = (size_t)random_below(&log->random, file->bytes);
	size_t bytes = (size_t)random_skewed(&log->random) % (file->bytes - at) + 1;
	size_t from = (size_t)random_below(&log->random, file->bytes - bytes + 1);

	switch (random_below(&log->random, 4)) {
	case 0:
		memset(file->data + at, 0, bytes);
		break;
	case 1:
		memmove(file->data + at, file->data + from, bytes); /* blocks in a wrong place */
		break;
	case 2:
		file->data[at] = (uint8_t)random_next(&log->random);
		break;
	default:
		file->bytes = at + 1;
		break;
	}
}

static void
any_damage(void **state)
{
	uint64_t counts[3] = { 0 };

	for (int round = 0; round < 3000; round++) {
		struct hand_log *log = *state;
		static uint8_t copies[3][1024];

		if (round % 300 == 0) {
			assert_int_equal(hand_teardown(state), 0);
			assert_int_equal(hand_setup(state), 0);
			log = *state;
			log->random += (uint64_t)round;
			log->syncs = round % 600 == 0;
			hand_usual(log);
			for (size_t i = 0; i < 3; i++)
				memcpy(copies[i], hand_file(log, i)->data, log->segments[i].bytes);
		}
		log->options.truncate_at_damage = random_below(&log->random, 2);
		for (uint64_t i = 0; i <= random_below(&log->random, 3); i++)
			disturb(log);
		int r = hand_recover(log); /* the visitor refuses what is no prefix */

		assert_true(r == 0 || (r == -EBADMSG && !log->options.truncate_at_damage && log->seen_count == 0));
		counts[r != 0 ? 0 : log->seen_count < log->block_count ? 1 : 2]++;
		for (size_t i = 0; i < 3; i++)
			memory_device_put(log->memory, log->segments[i].name, copies[i], log->segments[i].bytes);
	}
	for (int i = 0; i < 3; i++)
		assert_true(counts[i] > 50);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, hand_setup, hand_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_last_file_ends_early),
		TEST(the_last_file_ends_early_unsynced),
		TEST(an_earlier_file_ends_early),
		TEST(the_end_was_not_written),
		TEST(the_end_is_of_an_earlier_use),
		TEST(a_hole_before_whole_blocks),
		TEST(every_bit_flipped),
		TEST(a_hit_last_block_is_cut_in_full),
		TEST(a_hit_header_over_one_block),
		TEST(a_torn_newest_header),
		TEST(any_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
