#include "wal/hand_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wal/random.h"

int
hand_setup(void **state)
{
	struct hand_log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		return -1;
	log->random = random_seed();
	log->memory = memory_device_create(log->random);
	memcpy(log->identity, "identity of test", WAL_IDENTITY_BYTES);
	log->epoch = 10;
	log->syncs = true;
	log->options.device = memory_device_wal(log->memory);
	memcpy(log->options.identity, log->identity, WAL_IDENTITY_BYTES);
	log->options.sequence_first = 1;
	*state = log;
	return 0;
}

int
hand_teardown(void **state)
{
	struct hand_log *log = *state;

	memory_device_destroy(log->memory);
	free(log->file);
	free(log);
	return 0;
}

/* ---- writing ---- */

/* Puts a block at data; returns its end. */
static size_t
put_block(struct hand_log *log, uint8_t *data, size_t offset, struct wal_block_header *block)
{
	uint8_t *at = data + offset;
	size_t padded = wal_block_padded(block->payload_bytes);

	for (size_t i = 0; i < padded; i++)
		at[WAL_BLOCK_HEADER_BYTES + i] = i < block->payload_bytes ? (uint8_t)random_next(&log->random) : 0;
	memcpy(block->identity, log->identity, WAL_IDENTITY_BYTES);
	wal_block_header_encode(block, at);
	block->checksum = wal_block_seal(at, at + WAL_BLOCK_HEADER_BYTES, padded);
	return offset + WAL_BLOCK_HEADER_BYTES + padded;
}

/* What an earlier use of the file left: whole blocks, of a sequence below, that claim much. */
static void
fill_old(struct hand_log *log, uint64_t sequence, size_t file_bytes)
{
	struct wal_block_header block = {
		.sequence = sequence, .epoch = 1, .payload_bytes = 40, .today = HAND_TODAY + 5
	};
	size_t at = WAL_HEADER_BYTES;

	while (at + WAL_BLOCK_HEADER_BYTES + 40 <= file_bytes) {
		at = put_block(log, log->file, at, &block);
		block.before = block.checksum;
		block.epoch++;
		block.synced = UINT32_MAX; /* must not be heard */
	}
}

void
hand_segment(struct hand_log *log, uint64_t sequence, size_t file_bytes, bool reused)
{
	struct hand_segment *segment = &log->segments[log->segment_count++];
	struct wal_segment_header header = {
		.sequence = sequence,
		.epoch = log->epoch,
		.synced = log->synced,
		.previous = log->position,
		.reused = reused,
		.bytes = file_bytes,
	};

	assert_true(log->segment_count <= HAND_SEGMENTS_MAX);
	*segment = (struct hand_segment){ .sequence = sequence, .bytes = file_bytes, .end = WAL_HEADER_BYTES };
	wal_segment_name(sequence, segment->name);
	free(log->file);
	log->file = calloc(1, file_bytes);
	assert_non_null(log->file);
	if (reused && sequence > 1)
		fill_old(log, sequence - 1, file_bytes);
	memcpy(header.identity, log->identity, WAL_IDENTITY_BYTES);
	wal_segment_header_encode(&header, log->file);
	log->position.sequence = sequence;
	log->position.end = WAL_HEADER_BYTES;
	log->position.checksum = header.checksum;
	memory_device_put(log->memory, segment->name, log->file, file_bytes);
}

void
hand_block(struct hand_log *log, size_t payload_bytes)
{
	struct hand_segment *segment = &log->segments[log->segment_count - 1];
	struct hand_block *noted = &log->blocks[log->block_count++];
	struct wal_block_header block = {
		.sequence = segment->sequence,
		.epoch = log->epoch,
		.synced = log->synced,
		.before = log->position.checksum,
		.payload_bytes = (uint32_t)payload_bytes,
		.today = HAND_TODAY,
	};

	assert_true(log->block_count <= HAND_BLOCKS_MAX);
	assert_true(segment->end + WAL_BLOCK_HEADER_BYTES + payload_bytes + 7 <= segment->bytes);
	noted->offset = segment->end;
	segment->end = put_block(log, log->file, segment->end, &block);
	noted->end = segment->end;
	noted->sequence = segment->sequence;
	noted->epoch = block.epoch;
	noted->checksum = block.checksum;
	log->position.end = segment->end;
	log->position.checksum = block.checksum;
	log->position.epoch = block.epoch;
	if (log->syncs)
		log->synced = block.epoch;
	log->epoch += 1 + random_below(&log->random, 3);
	memory_device_put(log->memory, segment->name, log->file, segment->bytes);
}

void
hand_accept(struct hand_log *log, size_t count)
{
	const struct hand_block *block = &log->blocks[count - 1];

	assert_true(count > 0 && count <= log->block_count);
	log->block_count = count;
	log->position = (struct wal_position){
		.sequence = block->sequence,
		.end = block->end,
		.checksum = block->checksum,
		.epoch = block->epoch,
	};
	log->synced = block->epoch; /* recovery syncs what it accepts */
}

void
hand_usual(struct hand_log *log)
{
	hand_segment(log, 1, 512, false);
	hand_block(log, 30);
	hand_block(log, 1);
	hand_segment(log, 2, 768, true);
	hand_block(log, 64);
	hand_block(log, 8);
	hand_block(log, 33);
	hand_segment(log, 3, 640, true);
	hand_block(log, 20);
	hand_block(log, 77);
}

struct memory_file *
hand_file(struct hand_log *log, size_t index)
{
	struct memory_file *file = memory_device_file(log->memory, log->segments[index].name);

	assert_non_null(file);
	return file;
}

/* ---- recovery ---- */

/* What has been read must be on the disk before it is used. */
static void
assert_all_synced(struct hand_log *log)
{
	assert_true(log->memory->calls[MEMORY_SYNC_DIRECTORY] > 0);
	for (size_t i = 0; i < log->segment_count; i++) {
		const struct memory_file *file = memory_device_file(log->memory, log->segments[i].name);

		assert_true(file == NULL || file->synced);
	}
}

static int
see(void *context, const struct wal_block_header *block, const uint8_t *payload)
{
	struct hand_log *log = context;

	if (log->seen_count == 0)
		assert_all_synced(log);
	assert_true(log->seen_count < log->block_count);
	const struct hand_block *expected = &log->blocks[log->seen_count++];

	assert_int_equal(block->sequence, expected->sequence);
	assert_int_equal(block->epoch, expected->epoch);
	assert_int_equal(block->checksum, expected->checksum);
	/* The payload is the one that the checksum is of. */
	uint8_t header[WAL_BLOCK_HEADER_BYTES];

	wal_block_header_encode(block, header);
	assert_int_equal(wal_block_checksum(header, payload, wal_block_padded(block->payload_bytes)), block->checksum);
	return log->seen_count == log->stop_at ? 77 : 0;
}

int
hand_recover(struct hand_log *log)
{
	log->seen_count = 0;
	log->memory->calls[MEMORY_SYNC_DIRECTORY] = 0;
	for (int i = 0; i < log->memory->file_count; i++)
		log->memory->files[i].synced = false;
	memory_device_store(log->memory); /* what tests did to the files */
	int r = wal_recover(&log->options, see, log, &log->recovered, &log->fault);

	assert_int_equal(memory_device_opened(log->memory), 0);
	assert_int_equal(r < 0, log->fault.text[0] != '\0');
	return r;
}

void
hand_expect(struct hand_log *log, size_t blocks, bool cut)
{
	int r = hand_recover(log);

	if (r != 0)
		print_error("%s\n", log->fault.text);
	assert_int_equal(r, 0);
	assert_int_equal(log->seen_count, blocks);
	assert_int_equal(log->recovered.blocks, blocks);
	if (blocks > 0) {
		const struct hand_block *last = &log->blocks[blocks - 1];

		assert_int_equal(log->recovered.last.epoch, last->epoch);
		if (log->recovered.last.sequence == last->sequence) {
			assert_int_equal(log->recovered.last.end, last->end);
			assert_int_equal(log->recovered.last.checksum, last->checksum);
		}
	}
	assert_int_equal(log->recovered.cut_bytes > 0, cut);
	if (cut)
		assert_true(log->recovered.cut_file[0] != '\0');
}

void
hand_expect_damage(struct hand_log *log, const char *text)
{
	assert_int_equal(hand_recover(log), -EBADMSG);
	assert_int_equal(log->seen_count, 0);
	if (strncmp(log->fault.text, text, strlen(text)) != 0)
		assert_string_equal(log->fault.text, text);
}
