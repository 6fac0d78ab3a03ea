/*
 * fuzz_wal.c - any bytes as a payload of records, and as the file of a segment
 *
 * Beyond not crashing: a record that is taken has the bytes that encoding it gives; the reader of segments hands out whole blocks in
 * order, ends inside the file, and recovery of a directory with this one file agrees with it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "wal/block.h"
#include "wal/recover.h"

#define REQUIRE(condition)                                                                            \
	do {                                                                                          \
		if (!(condition)) {                                                                   \
			(void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                      \
		}                                                                                     \
	} while (0)

static const char NAME[] = "karma-00000000000000000001.wal";

/* ---- records ---- */

struct payload {
	const uint8_t *at;
	const uint8_t *end;
	bool last;
};

static int
visit_record(void *context, const struct wal_record *record)
{
	struct payload *payload = context;
	uint8_t out[WAL_CREATE_BYTES_MAX];
	size_t bytes = wal_record_encode(record, out);

	out[0] |= record->last ? WAL_LAST_OF_GROUP : 0;
	REQUIRE(record->day <= WAL_DAY_MAX && record->name_bytes <= TREE_NAME_BYTES_MAX);
	REQUIRE(bytes <= (size_t)(payload->end - payload->at) && memcmp(out, payload->at, bytes) == 0);
	payload->at += bytes;
	payload->last = record->last;
	return 0;
}

static void
read_payload(const uint8_t *data, size_t bytes)
{
	struct payload payload = { .at = data, .end = data + bytes, .last = true };
	int r = wal_payload_each(data, bytes, visit_record, &payload);

	REQUIRE(r == 0 || r == -EBADMSG);
	REQUIRE((r == 0) == (payload.at == payload.end && payload.last));
}

/* ---- a device of one file, that is only read ---- */

struct file {
	const uint8_t *data;
	size_t bytes;
};

static int
file_open(void *context, const char *name, bool create)
{
	(void)context;
	return strcmp(name, NAME) == 0 && !create ? 0 : -ENOENT;
}

static void
file_close(void *context, int file)
{
	(void)context;
	(void)file;
}

static int
file_size(void *context, int file, uint64_t *ret_bytes)
{
	(void)file;
	*ret_bytes = ((const struct file *)context)->bytes;
	return 0;
}

static ssize_t
file_read(void *context, int handle, void *data, size_t bytes, uint64_t offset)
{
	const struct file *file = context;

	(void)handle;
	REQUIRE(offset <= file->bytes && bytes <= file->bytes - offset);
	memcpy(data, file->data + offset, bytes);
	return (ssize_t)bytes;
}

static int
file_sync(void *context, int file)
{
	(void)context;
	(void)file;
	return 0;
}

static int
directory_sync(void *context)
{
	(void)context;
	return 0;
}

static int
directory_list(void *context, wal_name_fn *visit, void *visit_context)
{
	(void)context;
	return visit(visit_context, NAME);
}

/* ---- segments ---- */

struct seen {
	uint64_t blocks;
	uint64_t epoch;
	uint64_t bytes;
	uint64_t digest;
};

static int
visit_block(void *context, const struct wal_block_header *block, const uint8_t *payload)
{
	struct seen *seen = context;
	uint8_t header[WAL_BLOCK_HEADER_BYTES];
	size_t padded = wal_block_padded(block->payload_bytes);

	REQUIRE(block->epoch > seen->epoch);
	wal_block_header_encode(block, header);
	REQUIRE(wal_block_checksum(header, payload, padded) == block->checksum);
	read_payload(payload, block->payload_bytes);
	seen->epoch = block->epoch;
	seen->bytes += WAL_BLOCK_HEADER_BYTES + padded;
	seen->digest = seen->digest * 31 + block->checksum;
	seen->blocks++;
	return 0;
}

static void
recover(const struct wal_device *device, const struct wal_segment_header *header, const struct wal_position *end,
        const struct seen *expected)
{
	struct wal_recover_options options = { .device = *device, .sequence_first = header->sequence };
	struct wal_recovered recovered;
	struct wal_fault fault;
	struct seen seen = { .epoch = header->previous.epoch };
	int r;

	memcpy(options.identity, header->identity, WAL_IDENTITY_BYTES);
	r = wal_recover(&options, visit_block, &seen, &recovered, &fault);
	if (header->sequence > WAL_SEQUENCE_MAX) {
		REQUIRE(r == -EBADMSG);
		return;
	}
	REQUIRE(r == 0 || (r == -EBADMSG && fault.text[0] != '\0' && seen.blocks == 0));
	REQUIRE(memcmp(&recovered.last, end, sizeof(*end)) == 0);
	REQUIRE(recovered.cut_bytes <= ((const struct file *)device->context)->bytes - end->end);
	REQUIRE(recovered.epoch_highest >= end->epoch);
	if (r < 0) {
		options.truncate_at_damage = true;
		REQUIRE(wal_recover(&options, visit_block, &seen, &recovered, &fault) == 0 && recovered.damage);
	}
	REQUIRE(memcmp(&seen, expected, sizeof(seen)) == 0);
}

static void
read_segment(const uint8_t *data, size_t bytes)
{
	struct file file = { .data = data, .bytes = bytes };
	struct wal_device device = {
		.context = &file,
		.open = file_open,
		.close = file_close,
		.size = file_size,
		.read = file_read,
		.sync = file_sync,
		.sync_directory = directory_sync,
		.list = directory_list,
	};
	struct wal_segment_header header;
	struct wal_position end;
	struct wal_recovered recovered;
	struct wal_fault fault;
	struct seen seen = { 0 };
	struct wal_recover_options none = { .device = device };

	if (bytes >= WAL_HEADER_BYTES && wal_segment_header_decode(data, &header))
		seen.epoch = header.previous.epoch;
	int r = wal_segment_read(&device, 0, &header, visit_block, &seen, &end);

	REQUIRE(r == 0 || (r == -EBADMSG && seen.blocks == 0));
	REQUIRE(wal_recover(&none, visit_block, NULL, &recovered, &fault) == 0 && recovered.blocks == 0);
	if (r < 0)
		return;
	REQUIRE(end.end == WAL_HEADER_BYTES + seen.bytes && end.end <= bytes && end.epoch == seen.epoch);
	recover(&device, &header, &end, &seen);
}

/* ---- the same bytes with checksums that are right: no mutation would ever find them ---- */

static void
put_u64(uint8_t *to, uint64_t value)
{
	for (int i = 0; i < 8; i++, value >>= 8)
		to[i] = (uint8_t)value;
}

static void
mend_blocks(uint8_t *data, size_t bytes, uint64_t before)
{
	struct wal_block_header block;

	for (size_t at = WAL_HEADER_BYTES; bytes - at >= WAL_BLOCK_HEADER_BYTES;) {
		/* A file that wants no chain here says so by its `before`. */
		if (!wal_block_header_decode(data + at, &block))
			return;
		size_t padded = wal_block_padded(block.payload_bytes);

		if (padded > bytes - at - WAL_BLOCK_HEADER_BYTES)
			return;
		if (block.before != UINT64_MAX) {
			memcpy(data + at + 8, data + 8, WAL_IDENTITY_BYTES + 8); /* sequence too */
			put_u64(data + at + 48, before);
		}
		before = wal_block_seal(data + at, data + at + WAL_BLOCK_HEADER_BYTES, padded);
		at += WAL_BLOCK_HEADER_BYTES + padded;
	}
}

static void
read_mended(const uint8_t *data, size_t bytes)
{
	if (bytes < WAL_HEADER_BYTES)
		return;
	uint8_t *mended = malloc(bytes);

	REQUIRE(mended != NULL);
	memcpy(mended, data, bytes);
	put_u64(mended + 120, checksum_of(mended, 120));
	mend_blocks(mended, bytes, checksum_of(mended, 120));
	read_segment(mended, bytes);
	free(mended);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	read_payload(data, bytes);
	read_segment(data, bytes);
	read_mended(data, bytes);
	return 0;
}
