/* Headers are read back as they were, stand where the format says, and one flipped bit is seen. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "wal/block.h"

#include <string.h>

#include "base/checksum.h"
#include "base/limits.h"
#include "wal/random.h"

static struct wal_segment_header
random_segment(uint64_t *state)
{
	struct wal_segment_header header = {
		.sequence = random_skewed(state) | 1,
		.epoch = random_next(state),
		.synced = random_next(state),
		.previous = { .end = random_next(state), .checksum = random_next(state), .epoch = random_next(state) },
		.reused = random_below(state, 2) == 0,
		.bytes = random_next(state),
	};

	header.previous.sequence = random_below(state, header.sequence);
	for (size_t i = 0; i < WAL_IDENTITY_BYTES; i++)
		header.identity[i] = (uint8_t)random_next(state);
	return header;
}

static struct wal_block_header
random_block(uint64_t *state)
{
	struct wal_block_header header = {
		.sequence = random_skewed(state) | 1,
		.epoch = random_next(state),
		.synced = random_next(state),
		.before = random_next(state),
		.payload_bytes = (uint32_t)random_next(state),
		.today = (uint32_t)random_below(state, DAY_MAX + 1),
	};

	for (size_t i = 0; i < WAL_IDENTITY_BYTES; i++)
		header.identity[i] = (uint8_t)random_next(state);
	return header;
}

static void
segments_survive(void **test_state)
{
	uint64_t state = random_seed();

	(void)test_state;
	for (int i = 0; i < 1000; i++) {
		struct wal_segment_header header = random_segment(&state);
		struct wal_segment_header again;
		uint8_t data[WAL_HEADER_BYTES];

		wal_segment_header_encode(&header, data);
		assert_true(wal_segment_header_decode(data, &again));
		assert_memory_equal(header.identity, again.identity, WAL_IDENTITY_BYTES);
		assert_int_equal(header.sequence, again.sequence);
		assert_int_equal(header.epoch, again.epoch);
		assert_int_equal(header.synced, again.synced);
		assert_int_equal(header.previous.sequence, again.previous.sequence);
		assert_int_equal(header.previous.end, again.previous.end);
		assert_int_equal(header.previous.checksum, again.previous.checksum);
		assert_int_equal(header.previous.epoch, again.previous.epoch);
		assert_int_equal(header.reused, again.reused);
		assert_int_equal(header.bytes, again.bytes);
		assert_int_equal(header.checksum, again.checksum);
	}
}

static void
segments_show_every_flip(void **test_state)
{
	uint64_t state = random_seed();
	struct wal_segment_header header = random_segment(&state);
	struct wal_segment_header again;
	uint8_t data[WAL_HEADER_BYTES];

	(void)test_state;
	wal_segment_header_encode(&header, data);
	for (size_t bit = 0; bit < 8 * sizeof(data); bit++) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(wal_segment_header_decode(data, &again));
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(wal_segment_header_decode(data, &again));
}

static void
put_u64(uint8_t *to, uint64_t value)
{
	for (int i = 0; i < 8; i++, value >>= 8)
		to[i] = (uint8_t)value;
}

/* The right checksum does not make a header of what has values that none has. */
static void
segments_have_bounds(void **test_state)
{
	static const struct {
		size_t offset;
		uint64_t value;
		bool taken;
	} cases[] = {
		{ 24, 0, false }, /* sequence */
		{ 24, 6, false }, /* not above the previous one */
		{ 24, 7, true },
		{ 48, 9, false },
		{ 80, 0, true }, /* flags */
		{ 80, 1, true },
		{ 80, 2, false },
		{ 96, 1, false },
		{ 104, 1, false },
		{ 112, UINT64_C(1) << 63, false },
		{ 72, 999, true },
	};

	(void)test_state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct wal_segment_header header = { .sequence = 9, .previous = { .sequence = 6, .end = 128 } };
		uint8_t data[WAL_HEADER_BYTES];

		wal_segment_header_encode(&header, data);
		put_u64(data + cases[i].offset, cases[i].value);
		put_u64(data + 120, checksum_of(data, 120));
		assert_int_equal(wal_segment_header_decode(data, &header), cases[i].taken);
	}
}

static void
blocks_survive(void **test_state)
{
	uint64_t state = random_seed();

	(void)test_state;
	for (int i = 0; i < 1000; i++) {
		struct wal_block_header header = random_block(&state);
		struct wal_block_header again;
		uint8_t data[WAL_BLOCK_HEADER_BYTES];

		wal_block_header_encode(&header, data);
		assert_true(wal_block_header_decode(data, &again));
		assert_memory_equal(header.identity, again.identity, WAL_IDENTITY_BYTES);
		assert_int_equal(header.sequence, again.sequence);
		assert_int_equal(header.epoch, again.epoch);
		assert_int_equal(header.synced, again.synced);
		assert_int_equal(header.before, again.before);
		assert_int_equal(header.payload_bytes, again.payload_bytes);
		assert_int_equal(header.today, again.today);
	}
}

static void
blocks_show_every_flip(void **test_state)
{
	struct wal_block_header header = {
		.sequence = 3, .epoch = 9, .synced = 7, .payload_bytes = 13, .today = 20261124
	};
	uint8_t data[WAL_BLOCK_HEADER_BYTES + 16] = { 0 };
	uint8_t *payload = data + WAL_BLOCK_HEADER_BYTES;

	(void)test_state;
	wal_block_header_encode(&header, data);
	memcpy(payload, "thirteenbytes", 13);
	uint64_t checksum = wal_block_seal(data, payload, wal_block_padded(13));

	assert_true(wal_block_header_decode(data, &header));
	assert_int_equal(header.checksum, checksum);
	assert_int_equal(wal_block_checksum(data, payload, 16), checksum);
	for (size_t bit = 0; bit < 8 * sizeof(data); bit++) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(wal_block_header_decode(data, &header) &&
		             wal_block_checksum(data, payload, 16) == header.checksum);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* Files move between machines and versions: the bytes are those that block.h draws. */
static void
places_are_fixed(void **test_state)
{
	struct wal_segment_header segment = {
		.identity = "0123456789abcde",
		.sequence = 0x0807060504030201,
		.epoch = 0x11,
		.synced = 0x12,
		.previous = { .sequence = 0x13, .end = 0x14, .checksum = 0x15, .epoch = 0x16 },
		.reused = true,
		.bytes = 0x17,
	};
	struct wal_block_header block = {
		.identity = "0123456789abcde",
		.sequence = 1,
		.epoch = 2,
		.synced = 3,
		.before = 4,
		.payload_bytes = 0x01020304,
		.today = 20261124,
	};
	uint8_t data[WAL_HEADER_BYTES];
	uint8_t contiguous[64 + 8] = { 0 };

	(void)test_state;
	wal_segment_header_encode(&segment, data);
	assert_memory_equal(data, "KRMWALS10123456789abcde\0\x01\x02\x03\x04\x05\x06\x07\x08\x11", 33);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(data[32 + 8 * i], 0x11 + i);
	assert_int_equal(data[80], 1);
	assert_int_equal(data[88], 0x17);
	wal_block_header_encode(&block, data);
	assert_memory_equal(data, "KRMWALB10123456789abcde\0\x01\0\0\0\0\0\0\0\x02", 33);
	assert_memory_equal(data + 40, "\x03\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x04\x03\x02\x01\x04\x29\x35\x01", 24);
	memcpy(contiguous, data, 64);
	assert_int_equal(wal_block_checksum(data, contiguous + 64, 8), checksum_of(contiguous, sizeof(contiguous)));
	assert_int_equal(wal_block_padded(0), 0);
	assert_int_equal(wal_block_padded(1), 8);
	assert_int_equal(wal_block_padded(8), 8);
	assert_int_equal(wal_block_padded(UINT32_MAX), UINT64_C(1) << 32);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_survive),       cmocka_unit_test(segments_show_every_flip),
		cmocka_unit_test(segments_have_bounds),   cmocka_unit_test(blocks_survive),
		cmocka_unit_test(blocks_show_every_flip), cmocka_unit_test(places_are_fixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
