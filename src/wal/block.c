/*
 * block.c - headers of segments and blocks to bytes and back
 *
 * Every number is little-endian and every place is fixed, so a header is read and written field by field at its offset. What is
 * read comes from a disk: a header is refused when its magic, its checksum or a bound is not right, never asserted.
 */
#include "wal/block.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "base/checksum.h"
#include "base/limits.h"

#define SEGMENT_MAGIC "KRMWALS1"
#define BLOCK_MAGIC   "KRMWALB1"

enum { MAGIC_BYTES = 8, FLAG_REUSED = 1 };

/* Offsets of fields in a segment's header, as block.h draws it. */
enum {
	S_IDENTITY = 8,
	S_SEQUENCE = 24,
	S_EPOCH = 32,
	S_SYNCED = 40,
	S_PREVIOUS_SEQUENCE = 48,
	S_PREVIOUS_END = 56,
	S_PREVIOUS_CHECKSUM = 64,
	S_PREVIOUS_EPOCH = 72,
	S_FLAGS = 80,
	S_BYTES = 88,
	S_ZEROS = 96,
	S_CHECKSUM = 120,
};
static_assert(S_CHECKSUM + 8 == WAL_HEADER_BYTES, "the checksum ends the header");

/* And in a block's. */
enum {
	B_IDENTITY = 8,
	B_SEQUENCE = 24,
	B_EPOCH = 32,
	B_SYNCED = 40,
	B_BEFORE = 48,
	B_PAYLOAD_BYTES = 56,
	B_TODAY = 60,
	B_CHECKSUM = 64,
};
static_assert(B_CHECKSUM + 8 == WAL_BLOCK_HEADER_BYTES, "the checksum ends the header");
static_assert(WAL_HEADER_BYTES % WAL_BLOCK_ALIGNMENT == 0 && WAL_BLOCK_HEADER_BYTES % WAL_BLOCK_ALIGNMENT == 0,
              "blocks follow each other without a gap");

static void
put_u64(uint8_t *to, uint64_t value)
{
	value = htole64(value);
	memcpy(to, &value, sizeof(value));
}

static uint64_t
get_u64(const uint8_t *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	return le64toh(value);
}

static void
put_u32(uint8_t *to, uint32_t value)
{
	value = htole32(value);
	memcpy(to, &value, sizeof(value));
}

static uint32_t
get_u32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return le32toh(value);
}

/* ---- segments ---- */

void
wal_segment_header_encode(struct wal_segment_header *header, uint8_t out[WAL_HEADER_BYTES])
{
	assert(header->sequence > 0);
	assert(header->previous.sequence < header->sequence);
	memset(out, 0, WAL_HEADER_BYTES);
	memcpy(out, SEGMENT_MAGIC, MAGIC_BYTES);
	memcpy(out + S_IDENTITY, header->identity, WAL_IDENTITY_BYTES);
	put_u64(out + S_SEQUENCE, header->sequence);
	put_u64(out + S_EPOCH, header->epoch);
	put_u64(out + S_SYNCED, header->synced);
	put_u64(out + S_PREVIOUS_SEQUENCE, header->previous.sequence);
	put_u64(out + S_PREVIOUS_END, header->previous.end);
	put_u64(out + S_PREVIOUS_CHECKSUM, header->previous.checksum);
	put_u64(out + S_PREVIOUS_EPOCH, header->previous.epoch);
	put_u64(out + S_FLAGS, header->reused ? FLAG_REUSED : 0);
	put_u64(out + S_BYTES, header->bytes);
	header->checksum = checksum_of(out, S_CHECKSUM);
	put_u64(out + S_CHECKSUM, header->checksum);
}

/* What later versions may give a meaning must be 0 in this one. */
static bool
rest_is_known(const uint8_t *data)
{
	return (get_u64(data + S_FLAGS) & ~(uint64_t)FLAG_REUSED) == 0 && get_u64(data + S_ZEROS) == 0 &&
	       get_u64(data + S_ZEROS + 8) == 0 && get_u64(data + S_ZEROS + 16) == 0;
}

bool
wal_segment_header_decode(const uint8_t data[WAL_HEADER_BYTES], struct wal_segment_header *ret)
{
	if (memcmp(data, SEGMENT_MAGIC, MAGIC_BYTES) != 0 ||
	    get_u64(data + S_CHECKSUM) != checksum_of(data, S_CHECKSUM))
		return false;
	struct wal_segment_header header = {
		.sequence = get_u64(data + S_SEQUENCE),
		.epoch = get_u64(data + S_EPOCH),
		.synced = get_u64(data + S_SYNCED),
		.previous = {
			.sequence = get_u64(data + S_PREVIOUS_SEQUENCE),
			.end = get_u64(data + S_PREVIOUS_END),
			.checksum = get_u64(data + S_PREVIOUS_CHECKSUM),
			.epoch = get_u64(data + S_PREVIOUS_EPOCH),
		},
		.reused = (get_u64(data + S_FLAGS) & FLAG_REUSED) != 0,
		.bytes = get_u64(data + S_BYTES),
		.checksum = get_u64(data + S_CHECKSUM),
	};

	memcpy(header.identity, data + S_IDENTITY, WAL_IDENTITY_BYTES);
	if (!rest_is_known(data) || header.sequence == 0 || header.previous.sequence >= header.sequence)
		return false;
	*ret = header;
	return true;
}

/* ---- blocks ---- */

void
wal_block_header_encode(const struct wal_block_header *header, uint8_t out[WAL_BLOCK_HEADER_BYTES])
{
	assert(header->sequence > 0);
	assert(header->today <= DAY_MAX);
	memcpy(out, BLOCK_MAGIC, MAGIC_BYTES);
	memcpy(out + B_IDENTITY, header->identity, WAL_IDENTITY_BYTES);
	put_u64(out + B_SEQUENCE, header->sequence);
	put_u64(out + B_EPOCH, header->epoch);
	put_u64(out + B_SYNCED, header->synced);
	put_u64(out + B_BEFORE, header->before);
	put_u32(out + B_PAYLOAD_BYTES, header->payload_bytes);
	put_u32(out + B_TODAY, header->today);
	put_u64(out + B_CHECKSUM, 0);
}

void
wal_block_header_fields(const uint8_t data[WAL_BLOCK_HEADER_BYTES], struct wal_block_header *ret)
{
	*ret = (struct wal_block_header){
		.sequence = get_u64(data + B_SEQUENCE),
		.epoch = get_u64(data + B_EPOCH),
		.synced = get_u64(data + B_SYNCED),
		.before = get_u64(data + B_BEFORE),
		.payload_bytes = get_u32(data + B_PAYLOAD_BYTES),
		.today = get_u32(data + B_TODAY),
		.checksum = get_u64(data + B_CHECKSUM),
	};
	memcpy(ret->identity, data + B_IDENTITY, WAL_IDENTITY_BYTES);
}

bool
wal_block_header_decode(const uint8_t data[WAL_BLOCK_HEADER_BYTES], struct wal_block_header *ret)
{
	struct wal_block_header header;

	if (memcmp(data, BLOCK_MAGIC, MAGIC_BYTES) != 0)
		return false;
	wal_block_header_fields(data, &header);
	if (header.sequence == 0 || header.today > DAY_MAX)
		return false;
	*ret = header;
	return true;
}

uint64_t
wal_block_checksum(const uint8_t *header, const uint8_t *payload, size_t padded_bytes)
{
	const struct checksum_piece pieces[] = { { header, B_CHECKSUM }, { payload, padded_bytes } };

	assert(padded_bytes % WAL_BLOCK_ALIGNMENT == 0);
	return checksum_of_pieces(pieces, 2);
}

uint64_t
wal_block_seal(uint8_t *header, const uint8_t *payload, size_t padded_bytes)
{
	uint64_t checksum = wal_block_checksum(header, payload, padded_bytes);

	assert(padded_bytes == wal_block_padded(get_u32(header + B_PAYLOAD_BYTES)));
	put_u64(header + B_CHECKSUM, checksum);
	return checksum;
}
