/*
 * rest.c - the search behind a chain's end
 *
 * Bounded in time by the file: a block that is whole is passed as a whole; one that is not costs the reading of what its
 * length field says, and a file in which many lie about that was made so on purpose.
 */
#include "wal/rest.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

enum { WORD = 8, SEEN_BYTES = 32 /* magic, identity, sequence */ };

static_assert(WORD == (int)WAL_BLOCK_ALIGNMENT, "a block begins at a word");

static uint64_t
min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void
note_end(struct wal_rest *rest, uint64_t end)
{
	if (end > rest->end)
		rest->end = end;
}

static void
note_block(struct wal_rest *rest, const struct wal_block_header *block, uint64_t end)
{
	note_end(rest, end);
	rest->blocks++;
	if (block->synced > rest->synced)
		rest->synced = block->synced;
	if (block->epoch > rest->epoch)
		rest->epoch = block->epoch;
	if (block->sequence > rest->sequence)
		rest->sequence = block->sequence;
}

/* Is there a whole block? *ret_end is behind it; if not, as it was. */
static int
look(struct wal_window *window, struct wal_rest *rest, uint64_t offset, uint64_t *ret_end)
{
	struct wal_block_header block;
	const uint8_t *data;

	if (rest->to - offset < WAL_BLOCK_HEADER_BYTES)
		return 0;
	int r = wal_window_get(window, offset, WAL_BLOCK_HEADER_BYTES, &data);

	if (r < 0)
		return r;
	if (!wal_block_header_decode(data, &block) || memcmp(block.identity, rest->identity, WAL_IDENTITY_BYTES) != 0 ||
	    block.sequence < rest->sequence_min || block.sequence > rest->sequence_max)
		return 0;
	size_t padded = wal_block_padded(block.payload_bytes);

	if (padded > rest->to - offset - WAL_BLOCK_HEADER_BYTES)
		return 0;
	r = wal_window_get(window, offset, WAL_BLOCK_HEADER_BYTES + padded, &data);
	if (r < 0)
		return r;
	if (wal_block_checksum(data, data + WAL_BLOCK_HEADER_BYTES, padded) == block.checksum) {
		*ret_end = offset + WAL_BLOCK_HEADER_BYTES + padded;
		note_block(rest, &block, *ret_end);
	}
	return 0;
}

/*
 * Goes over words that are in memory up to one that may begin a block. Returns how many bytes it passed; notes the last that
 * are not zero.
 */
static size_t
pass_words(struct wal_rest *rest, const uint8_t *data, size_t bytes, uint64_t offset, uint64_t magic)
{
	uint64_t last = 0;
	size_t last_at = 0;
	size_t at = 0;

	for (; at + WORD <= bytes; at += WORD) {
		uint64_t word;

		memcpy(&word, data + at, WORD);
		if (word == magic)
			break;
		if (word != 0) {
			last = word;
			last_at = at;
		}
	}
	if (last != 0 && rest->zeros)
		note_end(rest, offset + last_at + WORD - (size_t)__builtin_clzll(le64toh(last)) / 8);
	return at;
}

static int
pass_tail(struct wal_window *window, struct wal_rest *rest, uint64_t offset)
{
	const uint8_t *data;
	size_t bytes = (size_t)(rest->to - offset);

	if (bytes == 0 || !rest->zeros)
		return 0;
	assert(bytes < WORD);
	int r = wal_window_get(window, offset, bytes, &data);

	for (size_t i = 0; r == 0 && i < bytes; i++) {
		if (data[i] != 0)
			note_end(rest, offset + i + 1);
	}
	return r;
}

int
wal_rest_scan(struct wal_window *window, struct wal_rest *rest)
{
	uint8_t magic_bytes[WAL_BLOCK_HEADER_BYTES];
	uint64_t magic;
	uint64_t offset = rest->from;

	assert(rest->from % WORD == 0);
	wal_block_header_encode(&(struct wal_block_header){ .sequence = 1 }, magic_bytes);
	memcpy(&magic, magic_bytes, WORD);
	rest->to = min_u64(rest->to, window->bytes);
	note_end(rest, rest->from);
	while (offset < rest->to && rest->to - offset >= WORD) {
		const uint8_t *data;
		size_t present;
		int r = wal_window_peek(window, offset, WORD, &data, &present);

		if (r < 0)
			return r;
		present = (size_t)min_u64(present, rest->to - offset);
		size_t passed = pass_words(rest, data, present, offset, magic);

		offset += passed;
		if (passed + WORD > present)
			continue; /* to the next piece */
		uint64_t end = offset;

		r = look(window, rest, offset, &end);
		if (r < 0)
			return r;
		if (end == offset) {
			end += WORD;
			if (rest->zeros)
				note_end(rest, end); /* the magic itself */
		}
		offset = end;
	}
	return offset < rest->to ? pass_tail(window, rest, offset) : 0;
}

/* The first bytes of every block of the segment. */
static void
expect(const struct wal_position *position, const struct wal_rest *rest, uint8_t ret[WAL_BLOCK_HEADER_BYTES])
{
	struct wal_block_header block = { .sequence = position->sequence };

	memcpy(block.identity, rest->identity, WAL_IDENTITY_BYTES);
	wal_block_header_encode(&block, ret);
}

/*
 * Either the checksum of the block before, which stands in no other place, or what all blocks of this segment begin with: one
 * flipped bit, wherever it is, leaves one of them.
 */
int
wal_rest_torn(struct wal_window *window, const struct wal_position *position, struct wal_rest *rest)
{
	uint8_t expected[WAL_BLOCK_HEADER_BYTES];
	struct wal_block_header block = { 0 };
	const uint8_t *data;
	uint64_t present = window->bytes - position->end;
	size_t bytes = (size_t)min_u64(present, WAL_BLOCK_HEADER_BYTES);
	int r = wal_window_get(window, position->end, bytes, &data);

	if (r < 0 || bytes < WORD)
		return r;
	expect(position, rest, expected);
	if (bytes == WAL_BLOCK_HEADER_BYTES)
		wal_block_header_fields(data, &block);
	if (memcmp(data, expected, bytes < SEEN_BYTES ? bytes : SEEN_BYTES) == 0 ||
	    (bytes == WAL_BLOCK_HEADER_BYTES && block.before == position->checksum))
		note_end(rest, position->end + min_u64(present, bytes + wal_block_padded(block.payload_bytes)));
	return 0;
}
