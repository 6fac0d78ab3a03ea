/*
 * block.h - the bytes of a log segment: one header, then blocks
 *
 *   segment   [header 128][block][block]…[zeros, or what an earlier use of the file left]
 *   header     0  magic "KRMWALS1"      8  identity (16)      24  sequence         32  epoch at its begin
 *             40  synced               48  previous: sequence 56  end 64 checksum 72 epoch
 *             80  flags (1: the file was used before)         88  bytes of the file  96  zeros 120 XXH3 of the 120 before
 *   block      0  magic "KRMWALB1"      8  identity (16)      24  sequence         32  epoch
 *             40  synced               48  checksum of the block before, or of the header if it is the first
 *             56  payload bytes (u32)  60  today (u32)        64  XXH3 of the 64 before and of the payload with its padding
 *             72  payload: groups of records, then zeros to a multiple of 8
 *
 * Integers are little-endian. `synced` is the highest epoch of a *block* that was known to be on disk when this was written
 * (epochs without records have no block); in the first header of a run at least that of `previous`, since recovery syncs what it
 * accepts. `previous` names the last block accepted before this segment: in which segment,
 * where it ends, its checksum (the header's, when the segment has no block), its epoch.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WAL_IDENTITY_BYTES = 16,
	WAL_HEADER_BYTES = 128,
	WAL_BLOCK_HEADER_BYTES = 72,
	WAL_BLOCK_ALIGNMENT = 8,
};

/* The end of a chain. sequence 0: there is none. */
struct wal_position {
	uint64_t sequence; /* of the segment */
	uint64_t end;      /* offset behind the last block, or behind the header */
	uint64_t checksum; /* of that block or header */
	uint64_t epoch;    /* of the last block so far, also of earlier segments */
};

struct wal_segment_header {
	uint8_t identity[WAL_IDENTITY_BYTES];
	uint64_t sequence;
	uint64_t epoch;
	uint64_t synced;
	struct wal_position previous;
	bool reused;
	uint64_t bytes;
	uint64_t checksum; /* set by both functions */
};

struct wal_block_header {
	uint8_t identity[WAL_IDENTITY_BYTES];
	uint64_t sequence;
	uint64_t epoch;
	uint64_t synced;
	uint64_t before; /* checksum */
	uint32_t payload_bytes;
	uint32_t today;
	uint64_t checksum;
};

void wal_segment_header_encode(struct wal_segment_header *header, uint8_t out[WAL_HEADER_BYTES]);

/* False: not a header of this format, or damaged. */
bool wal_segment_header_decode(const uint8_t data[WAL_HEADER_BYTES], struct wal_segment_header *ret);

/* Without the checksum, which the writer of the payload adds (wal_block_seal()). */
void wal_block_header_encode(const struct wal_block_header *header, uint8_t out[WAL_BLOCK_HEADER_BYTES]);

/* Only the form (magic, sizes); whether it is whole tells wal_block_checksum(). */
bool wal_block_header_decode(const uint8_t data[WAL_BLOCK_HEADER_BYTES], struct wal_block_header *ret);

/* The same without a look at the form: for what may have been a header once. */
void wal_block_header_fields(const uint8_t data[WAL_BLOCK_HEADER_BYTES], struct wal_block_header *ret);

/* Of a block whose header and padded payload stand in memory. */
uint64_t wal_block_checksum(const uint8_t *header, const uint8_t *payload, size_t padded_bytes);

/* Computes it, writes it into the encoded header, and returns it. */
uint64_t wal_block_seal(uint8_t *header, const uint8_t *payload, size_t padded_bytes);

static inline size_t
wal_block_padded(size_t payload_bytes)
{
	return (payload_bytes + WAL_BLOCK_ALIGNMENT - 1) & ~(size_t)(WAL_BLOCK_ALIGNMENT - 1);
}
