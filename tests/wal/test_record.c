/* A record has one form in bytes, is read back as it was, and anything else is refused without a look beyond the end. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "wal/record.h"
#include "wal/recover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wal/random.h"

static char names[TREE_NAME_BYTES_MAX];

/* ---- the slow, obvious form of each record ---- */

static size_t
plain_varint(uint8_t *out, uint64_t value)
{
	size_t bytes = 0;

	do {
		out[bytes++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
		value >>= 7;
	} while (value > 0);
	return bytes;
}

static uint64_t
plain_zigzag(uint64_t delta)
{
	return (int64_t)delta >= 0 ? delta * 2 : ~delta * 2 + 1;
}

static size_t
plain_encode(const struct wal_record *record, uint8_t *out)
{
	size_t at = 0;

	out[at++] = (uint8_t)record->kind;
	if (record->kind == WAL_LEDGER) {
		at += plain_varint(out + at, record->name_bytes);
		memcpy(out + at, record->name, record->name_bytes);
		return at + record->name_bytes;
	}
	at += plain_varint(out + at, record->tree_id);
	if (record->kind == WAL_DROP)
		return at;
	at += plain_varint(out + at, record->generation);
	at += plain_varint(out + at, record->key);
	switch (record->kind) {
	case WAL_ADD:
	case WAL_DAY:
		at += plain_varint(out + at, record->day);
		return at + plain_varint(out + at, plain_zigzag(record->delta));
	case WAL_TOTAL:
		return at + plain_varint(out + at, plain_zigzag(record->delta));
	case WAL_LISTED:
	case WAL_UNLISTED:
		return at + plain_varint(out + at, record->delta);
	case WAL_CREATE:
		at += plain_varint(out + at, record->name_bytes);
		memcpy(out + at, record->name, record->name_bytes);
		return at + record->name_bytes;
	case WAL_DROP:
	case WAL_LEDGER:
	case WAL_KINDS:
	default:
		fail();
		return 0;
	}
}

/* ---- helpers ---- */

/* From a copy of the exact size, so that AddressSanitizer sees a byte read too far. */
static size_t
decode(const uint8_t *data, size_t bytes, struct wal_record *ret)
{
	uint8_t *copy = malloc(bytes > 0 ? bytes : 1);

	assert_non_null(copy);
	memcpy(copy, data, bytes);
	size_t taken = wal_record_decode(copy, bytes, ret);

	if (taken > 0 && (ret->kind == WAL_CREATE || ret->kind == WAL_LEDGER)) {
		/* The name is borrowed from the copy; it lives on in the original. */
		assert_ptr_equal(ret->name, copy + taken - ret->name_bytes);
		ret->name = (const char *)data + taken - ret->name_bytes;
	}
	free(copy);
	return taken;
}

static void
assert_same(const struct wal_record *one, const struct wal_record *other)
{
	assert_int_equal(one->kind, other->kind);
	assert_int_equal(one->tree_id, other->tree_id);
	if (one->kind == WAL_DROP)
		return;
	assert_int_equal(one->generation, other->generation);
	assert_int_equal(one->key, other->key);
	assert_int_equal(one->day, other->day);
	assert_int_equal(one->delta, other->delta);
	assert_int_equal(one->name_bytes, other->name_bytes);
	if (one->name_bytes > 0)
		assert_memory_equal(one->name, other->name, one->name_bytes);
}

static void
check_record(const struct wal_record *record)
{
	uint8_t plain[WAL_CREATE_BYTES_MAX + 1];
	uint8_t *out = malloc(WAL_CREATE_BYTES_MAX);
	struct wal_record again;
	size_t bytes = plain_encode(record, plain);

	assert_non_null(out);
	assert_int_equal(wal_record_encode(record, out), bytes);
	assert_memory_equal(out, plain, bytes);
	assert_int_equal(decode(out, bytes, &again), bytes);
	assert_same(record, &again);
	assert_false(again.last);
	out[0] |= WAL_LAST_OF_GROUP;
	assert_int_equal(decode(out, bytes, &again), bytes);
	assert_true(again.last);
	for (size_t cut = 0; cut < bytes; cut++)
		assert_int_equal(decode(out, cut, &again), 0);
	free(out);
}

static struct wal_record
random_record(uint64_t *state)
{
	struct wal_record record = {
		.kind = WAL_ADD + random_below(state, WAL_KINDS - WAL_ADD),
		.tree_id = random_skewed(state),
		.generation = random_skewed(state),
		.key = random_skewed(state),
	};

	if (record.kind <= WAL_DAY)
		record.day = (uint32_t)(random_skewed(state) % (WAL_DAY_MAX + 1));
	if (record.kind == WAL_LEDGER)
		record = (struct wal_record){ .kind = WAL_LEDGER };
	if (record.kind == WAL_CREATE || record.kind == WAL_LEDGER) {
		record.name = names;
		record.name_bytes = random_skewed(state) % (random_below(state, 8) == 0 ? sizeof(names) + 1 : 40);
	} else if (record.kind != WAL_DROP) {
		record.delta = random_skewed(state);
		if (random_below(state, 2) == 0)
			record.delta = 0 - record.delta;
	}
	return record;
}

/* ---- tests ---- */

static void
random_records_survive(void **test_state)
{
	uint64_t state = random_seed();

	(void)test_state;
	for (int i = 0; i < 20000; i++) {
		struct wal_record record = random_record(&state);

		check_record(&record);
	}
}

static void
every_length_of_a_varint(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits <= 64; bits++) {
		for (int off = -1; off <= 1; off++) {
			uint64_t value = (bits == 64 ? 0 : UINT64_C(1) << bits) + (uint64_t)(int64_t)off;
			struct wal_record record = { .kind = WAL_LISTED, .tree_id = value, .delta = value };

			check_record(&record);
			record =
			    (struct wal_record){ .kind = WAL_TOTAL, .generation = value, .key = value, .delta = value };
			check_record(&record);
			record = (struct wal_record){ .kind = WAL_DROP, .tree_id = value };
			check_record(&record);
		}
	}
}

/* The largest records there are, in a buffer that has room for the bound and no more. */
static void
bounds_hold(void **state)
{
	(void)state;
	for (enum wal_kind kind = WAL_ADD; kind < WAL_KINDS; kind++) {
		struct wal_record record = {
			.kind = kind, .tree_id = UINT64_MAX, .generation = UINT64_MAX, .key = UINT64_MAX
		};
		size_t bound = kind == WAL_CREATE ? WAL_CREATE_BYTES_MAX : WAL_RECORD_BYTES_MAX;

		if (kind == WAL_LEDGER) {
			bound = WAL_LEDGER_BYTES_MAX;
			record = (struct wal_record){ .kind = kind, .name = names, .name_bytes = WAL_LEDGER_BODY_MAX };
		}
		uint8_t *out = malloc(bound);

		assert_non_null(out);
		if (kind == WAL_CREATE) {
			record.name = names;
			record.name_bytes = sizeof(names);
		} else if (kind != WAL_LEDGER) {
			record.delta = UINT64_C(1) << 63; /* the longest zigzag */
			record.day = kind <= WAL_DAY ? WAL_DAY_MAX : 0;
		}
		assert_true(wal_record_encode(&record, out) <= bound);
		free(out);
		check_record(&record);
	}
}

static void
assert_refused(const void *data, size_t bytes)
{
	struct wal_record record;

	assert_int_equal(decode(data, bytes, &record), 0);
}

/* A literal with every byte written out; the NUL at its end is not part of it. */
#define TAKEN(literal)                                                                              \
	do {                                                                                        \
		struct wal_record record_;                                                          \
		assert_int_equal(decode((const uint8_t *)(literal), sizeof(literal) - 1, &record_), \
		                 sizeof(literal) - 1);                                              \
	} while (0)
#define REFUSED(literal) assert_refused(literal, sizeof(literal) - 1)

static void
only_the_shortest_form(void **state)
{
	(void)state;
	TAKEN("\x07\x00");
	REFUSED("\x07\x80\x00");
	REFUSED("\x07\xff\x00");
	TAKEN("\x07\x80\x01");
	REFUSED("\x07\x80\x81\x00");
	REFUSED("\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00");
	TAKEN("\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
	REFUSED("\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");
	REFUSED("\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00");
	REFUSED("\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
	/* In every place, not in the first alone. */
	TAKEN("\x01\x05\x06\x07\x08\x09");
	REFUSED("\x01\x05\x86\x00\x07\x08\x09");
	REFUSED("\x01\x05\x06\x87\x00\x08\x09");
	REFUSED("\x01\x05\x06\x07\x88\x00\x09");
	REFUSED("\x01\x05\x06\x07\x08\x89\x00");
}

static void
kinds_and_values_out_of_range(void **state)
{
	uint8_t data[64];

	(void)state;
	for (unsigned kind = 0; kind < 256; kind++) {
		struct wal_record record;
		const uint8_t bytes[] = { (uint8_t)kind, 1, 1, 1, 1, 1, 1, 1 };
		bool known = (kind & 0x7f) >= WAL_ADD && (kind & 0x7f) < WAL_KINDS;

		assert_int_equal(decode(bytes, sizeof(bytes), &record) > 0, known);
	}
	TAKEN("\x06\x01\x02\x03\x00");
	TAKEN("\x06\x01\x02\x03\x02xy");
	REFUSED("\x06\x01\x02\x03\x02x");
	TAKEN("\x08\x00");
	TAKEN("\x08\x02xy");
	REFUSED("\x08\x02x");
	REFUSED("\x08\x82\x00xy");
	for (uint64_t day = WAL_DAY_MAX - 1; day <= WAL_DAY_MAX + 2; day++) {
		struct wal_record record;
		size_t at = 4;

		memcpy(data, "\x02\x01\x01\x01", at);
		at += plain_varint(data + at, day);
		data[at++] = 2;
		assert_int_equal(decode(data, at, &record) > 0, day <= WAL_DAY_MAX);
	}
	/* 2^32 is no day 0. */
	REFUSED("\x02\x01\x01\x01\x80\x80\x80\x80\x10\x02");
}

static void
a_body_too_long(void **state)
{
	uint8_t data[WAL_LEDGER_BODY_MAX + 100] = { WAL_LEDGER };
	struct wal_record record;
	size_t at = 1 + plain_varint(data + 1, WAL_LEDGER_BODY_MAX);

	(void)state;
	assert_int_equal(decode(data, sizeof(data), &record), at + WAL_LEDGER_BODY_MAX);
	(void)plain_varint(data + 1, WAL_LEDGER_BODY_MAX + 1);
	assert_int_equal(decode(data, sizeof(data), &record), 0);
}

static void
a_name_too_long(void **state)
{
	uint8_t data[TREE_NAME_BYTES_MAX + 100] = { WAL_CREATE, 1, 1, 0 };
	struct wal_record record;
	size_t at = 4 + plain_varint(data + 4, TREE_NAME_BYTES_MAX);

	(void)state;
	assert_int_equal(decode(data, sizeof(data), &record), at + TREE_NAME_BYTES_MAX);
	(void)plain_varint(data + 4, TREE_NAME_BYTES_MAX + 1);
	assert_int_equal(decode(data, sizeof(data), &record), 0);
	(void)plain_varint(data + 4, UINT64_MAX);
	assert_int_equal(decode(data, sizeof(data), &record), 0);
}

/* Any bytes at all: what is taken has the bytes that encoding it again gives. */
static void
random_bytes_have_one_reading(void **test_state)
{
	uint64_t state = random_seed();
	size_t taken_count = 0;

	(void)test_state;
	for (int i = 0; i < 200000; i++) {
		uint8_t data[80];
		uint8_t out[WAL_CREATE_BYTES_MAX];
		struct wal_record record;

		for (size_t j = 0; j < sizeof(data); j++)
			data[j] = (uint8_t)random_skewed(&state);
		data[0] = (uint8_t)random_below(&state, WAL_KINDS + 1);
		size_t bytes = random_below(&state, sizeof(data) + 1);
		size_t taken = decode(data, bytes, &record);

		if (taken == 0)
			continue;
		taken_count++;
		assert_true(taken <= bytes);
		assert_int_equal(wal_record_encode(&record, out), taken);
		assert_memory_equal(out, data, taken);
	}
	assert_true(taken_count > 1000);
}

struct seen {
	size_t records;
	size_t groups;
	size_t stop_at;
};

static int
see(void *context, const struct wal_record *record)
{
	struct seen *seen = context;

	seen->records++;
	seen->groups += record->last;
	return seen->records == seen->stop_at ? 77 : 0;
}

static void
payloads_are_whole_groups(void **state)
{
	static const uint8_t payload[] = "\x07\x01\x07\x02\x87\x03\x87\x04";
	struct seen seen = { 0 };

	(void)state;
	assert_int_equal(wal_payload_each(payload, 8, see, &seen), 0);
	assert_int_equal(seen.records, 4);
	assert_int_equal(seen.groups, 2);
	assert_int_equal(wal_payload_each(payload, 0, see, &seen), 0);
	assert_int_equal(wal_payload_each(payload, 4, see, &seen), -EBADMSG); /* a group without its end */
	assert_int_equal(wal_payload_each(payload, 7, see, &seen), -EBADMSG);
	seen = (struct seen){ .stop_at = 2 };
	assert_int_equal(wal_payload_each(payload, 8, see, &seen), 77);
	assert_int_equal(seen.records, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_records_survive),
		cmocka_unit_test(every_length_of_a_varint),
		cmocka_unit_test(bounds_hold),
		cmocka_unit_test(only_the_shortest_form),
		cmocka_unit_test(kinds_and_values_out_of_range),
		cmocka_unit_test(a_name_too_long),
		cmocka_unit_test(a_body_too_long),
		cmocka_unit_test(random_bytes_have_one_reading),
		cmocka_unit_test(payloads_are_whole_groups),
	};

	memset(names, 'n', sizeof(names));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
