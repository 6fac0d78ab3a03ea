/* Each thing that recovery asks of a block or a header matters by itself: whole, right in all but one, it does not count. */
#include "wal/hand_log.h"

#include <errno.h>
#include <string.h>

static struct wal_block_header
next_block(const struct hand_log *log)
{
	struct wal_block_header block = {
		.sequence = log->position.sequence,
		.epoch = log->epoch,
		.before = log->position.checksum,
		.payload_bytes = 16,
		.today = HAND_TODAY,
	};

	memcpy(block.identity, log->identity, WAL_IDENTITY_BYTES);
	return block;
}

/* Writes it behind the last block, with the right checksum. */
static void
put_behind(struct hand_log *log, struct wal_block_header *block, size_t offset)
{
	uint8_t *at = hand_file(log, log->segment_count - 1)->data + offset;

	wal_block_header_encode(block, at);
	memset(at + WAL_BLOCK_HEADER_BYTES, 0, wal_block_padded(block->payload_bytes));
	block->checksum = wal_block_seal(at, at + WAL_BLOCK_HEADER_BYTES, wal_block_padded(block->payload_bytes));
}

static void
begin(struct hand_log *log)
{
	hand_segment(log, 3, 1024, true);
	hand_block(log, 10);
	log->options.sequence_first = 3;
	log->options.synced = log->position.epoch;
}

/* The block itself would be taken: so it is the one field that makes the difference in the tests below. */
static void
a_right_block_counts(void **state)
{
	struct hand_log *log = *state;

	begin(log);
	struct wal_block_header block = next_block(log);

	put_behind(log, &block, log->position.end);
	log->blocks[log->block_count++] = (struct hand_block){
		.sequence = 3,
		.epoch = block.epoch,
		.checksum = block.checksum,
		.offset = log->position.end,
		.end = log->position.end + WAL_BLOCK_HEADER_BYTES + 16,
	};
	hand_expect(log, 2, false);
}

static void
another_sequence(void **state)
{
	struct hand_log *log = *state;

	begin(log);
	for (uint64_t sequence = 2; sequence <= 4; sequence += 2) {
		struct wal_block_header block = next_block(log);

		block.sequence = sequence;
		block.synced = 5000;
		put_behind(log, &block, log->position.end);
		/* Its claim is not of this segment. But something was written here that names the block before. */
		hand_expect(log, 1, true);
		block.before ^= 1;
		put_behind(log, &block, log->position.end);
		hand_expect(log, 1, false);
	}
}

static void
another_identity(void **state)
{
	struct hand_log *log = *state;

	begin(log);
	struct wal_block_header block = next_block(log);

	block.identity[7] ^= 1;
	block.synced = 5000;
	put_behind(log, &block, log->position.end);
	hand_expect(log, 1, true);
	block.before ^= 1;
	put_behind(log, &block, log->position.end);
	hand_expect(log, 1, false);
}

static void
another_block_before(void **state)
{
	struct hand_log *log = *state;

	begin(log);
	struct wal_block_header block = next_block(log);

	block.before ^= 1;
	put_behind(log, &block, log->position.end);
	hand_expect(log, 1, true);
	/* It is whole and of this segment: its claim counts. */
	block.synced = log->position.epoch;
	put_behind(log, &block, log->position.end);
	hand_expect(log, 1, true);
	block.synced++;
	put_behind(log, &block, log->position.end);
	hand_expect_damage(log, log->segments[0].name);
}

static void
an_epoch_not_higher(void **state)
{
	struct hand_log *log = *state;

	begin(log);
	struct wal_block_header block = next_block(log);

	block.epoch = log->position.epoch;
	put_behind(log, &block, log->position.end);
	hand_expect(log, 1, true);
}

/* Found at any multiple of eight, and only there; not if it leaves the file. */
static void
strays_are_found_anywhere(void **state)
{
	struct hand_log *log = *state;

	begin(log);
	struct memory_file *file = hand_file(log, 0);
	uint8_t before[1024];

	memcpy(before, file->data, sizeof(before));
	for (size_t offset = log->position.end + 8; offset + WAL_BLOCK_HEADER_BYTES + 16 <= 1024; offset++) {
		struct wal_block_header block = next_block(log);

		block.synced = 5000;
		put_behind(log, &block, offset);
		if (offset % 8 == 0)
			hand_expect_damage(log, log->segments[0].name);
		else
			hand_expect(log, 1, false);
		file->bytes = offset + WAL_BLOCK_HEADER_BYTES + 15;
		hand_expect(log, 1, false);
		file->bytes = 1024;
		memcpy(file->data, before, sizeof(before));
	}
}

/* Ends where it says, but in another block. */
static void
a_header_that_names_another_checksum(void **state)
{
	struct hand_log *log = *state;

	begin(log);
	log->position.checksum ^= 1;
	hand_segment(log, 4, 512, true);
	log->position.checksum ^= 1;
	hand_expect(log, 1, true); /* nothing is missing, but what follows is of another log */
	assert_int_equal(log->recovered.last.sequence, 3);
	log->options.synced = log->position.epoch + 1;
	hand_expect_damage(log, log->segments[0].name);
}

/* There would be no number for the next segment. */
static void
a_header_of_the_last_sequence(void **state)
{
	struct hand_log *log = *state;
	struct wal_segment_header header = { .sequence = WAL_SEQUENCE_MAX + 1, .epoch = 10 };
	uint8_t data[WAL_HEADER_BYTES];

	begin(log);
	memcpy(header.identity, log->identity, WAL_IDENTITY_BYTES);
	wal_segment_header_encode(&header, data);
	memory_device_put(log->memory, "karma-00000000000000000007.wal", data, sizeof(data));
	hand_expect(log, 1, false);
	assert_int_equal(log->recovered.sequence_highest, 7);
}

/* Only a block behind the gap says that more was synced, no header does. */
static void
a_claim_of_a_block_beyond(void **state)
{
	struct hand_log *log = *state;

	log->syncs = false;
	hand_segment(log, 1, 512, false);
	hand_block(log, 10);
	hand_block(log, 10);
	hand_segment(log, 2, 512, false);
	log->synced = log->blocks[1].epoch;
	hand_block(log, 10);
	hand_expect(log, 3, false);
	hand_file(log, 0)->data[log->blocks[1].offset + 80] ^= 4;
	hand_expect_damage(log, log->segments[0].name);
	assert_non_null(strstr(log->fault.text, log->segments[1].name));
}

/* What an earlier recovery cut is not heard, also when the log now ends before that place. */
static void
a_claim_that_was_cut_before(void **state)
{
	struct hand_log *log = *state;

	hand_segment(log, 1, 1024, false);
	for (int i = 0; i < 5; i++)
		hand_block(log, 16);
	hand_accept(log, 2);
	log->syncs = false;
	log->synced = 0;
	hand_segment(log, 2, 512, false);
	hand_expect(log, 2, false);
	/* The third block says that the second was synced; but the run that went on from the second did not see it. */
	hand_file(log, 0)->data[log->blocks[1].offset + 76] ^= 4;
	hand_expect(log, 1, true);
	assert_int_equal(log->recovered.cut_bytes, log->blocks[1].end - log->blocks[1].offset + WAL_HEADER_BYTES);
}

/* In a file that was never used before, whatever is not zero was written by us. */
static void
what_is_not_zero_is_told(void **state)
{
	struct hand_log *log = *state;

	hand_segment(log, 1, 1024, false);
	hand_block(log, 16);
	hand_block(log, 300); /* of random bytes, so its header may be lost and the rest still be told */
	const struct hand_block *block = &log->blocks[1];
	struct memory_file *file = hand_file(log, 0);

	memset(file->data + block->offset, 0, WAL_BLOCK_HEADER_BYTES);
	file->data[block->offset + WAL_BLOCK_HEADER_BYTES + 299] = 1;
	hand_expect(log, 1, true);
	assert_int_equal(log->recovered.cut_bytes, WAL_BLOCK_HEADER_BYTES + 300);
	/* One byte at any place. */
	for (size_t bytes = 1; bytes < 300; bytes++) {
		memset(file->data + block->offset, 0, 1024 - block->offset);
		file->data[block->offset + bytes - 1] = 0x80;
		hand_expect(log, 1, true);
		assert_int_equal(log->recovered.cut_bytes, bytes);
		file->bytes = block->offset + bytes;
		hand_expect(log, 1, true);
		assert_int_equal(log->recovered.cut_bytes, bytes);
		file->bytes = 1024;
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, hand_setup, hand_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_right_block_counts),
		TEST(another_sequence),
		TEST(another_identity),
		TEST(another_block_before),
		TEST(an_epoch_not_higher),
		TEST(strays_are_found_anywhere),
		TEST(a_header_that_names_another_checksum),
		TEST(a_header_of_the_last_sequence),
		TEST(a_claim_of_a_block_beyond),
		TEST(a_claim_that_was_cut_before),
		TEST(what_is_not_zero_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
