/*
 * record.c - records to bytes and back
 *
 * Encoding is on the path of every write, so a varint takes no loop. A value below 128 is one byte. Below 2^56 its groups of
 * seven bits are spread over the eight bytes of one word by three shifts of ever smaller halves, and the word is stored whole:
 *
 *        56 bits  ->  2 × 28, 32 apart  ->  4 × 14, 16 apart  ->  8 × 7, 8 apart
 *
 * which is why the bytes behind a record are scribbled over, inside the room that the contract asks for. Above 2^56 one or two
 * more bytes follow.
 *
 * Decoding takes the shortest form only, so that each record has one form: a last byte of 0 (but for the value 0 itself) is
 * refused, and so is a tenth byte above 1.
 */
#include "wal/record.h"

#include <endian.h>
#include <string.h>

enum { VARINT_BYTES_MAX = 10 };

/* ---- writing ---- */

static inline uint64_t
spread(uint64_t value)
{
	value = (value & UINT64_C(0x0fffffff)) | ((value & UINT64_C(0x00fffffff0000000)) << 4);
	value = (value & UINT64_C(0x00003fff00003fff)) | ((value & UINT64_C(0x0fffc0000fffc000)) << 2);
	return (value & UINT64_C(0x007f007f007f007f)) | ((value & UINT64_C(0x3f803f803f803f80)) << 1);
}

static inline void
store_word(uint8_t *out, uint64_t word)
{
	word = htole64(word);
	memcpy(out, &word, sizeof(word));
}

static uint8_t *
put_long(uint8_t *out, uint64_t value)
{
	store_word(out, spread(value) | UINT64_C(0x8080808080808080));
	value >>= 56;
	if (value < 128) {
		out[8] = (uint8_t)value;
		return out + 9;
	}
	out[8] = (uint8_t)(value | 0x80);
	out[9] = (uint8_t)(value >> 7);
	return out + 10;
}

static inline uint8_t *
put(uint8_t *out, uint64_t value)
{
	if (value < 128) {
		*out = (uint8_t)value;
		return out + 1;
	}
	if (value >> 56 != 0)
		return put_long(out, value);
	unsigned bits = 64 - (unsigned)__builtin_clzll(value);
	unsigned more = (bits - 1) / 7; /* bytes that another one follows, 1 … 7 */

	store_word(out, spread(value) | (UINT64_C(0x0080808080808080) >> (56 - 8 * more)));
	return out + more + 1;
}

static inline uint64_t
zigzag(uint64_t delta)
{
	return delta << 1 ^ (0 - (delta >> 63));
}

static uint8_t *
put_create(const struct wal_record *record, uint8_t *at)
{
	assert(record->name_bytes <= TREE_NAME_BYTES_MAX);
	at = put(at, record->tree_id);
	at = put(at, record->generation);
	at = put(at, record->key);
	at = put(at, record->name_bytes);
	if (record->name_bytes > 0)
		memcpy(at, record->name, record->name_bytes);
	return at + record->name_bytes;
}

static uint8_t *
put_ledger(const struct wal_record *record, uint8_t *at)
{
	assert(record->name_bytes <= WAL_LEDGER_BODY_MAX);
	at = put(at, record->name_bytes);
	if (record->name_bytes > 0)
		memcpy(at, record->name, record->name_bytes);
	return at + record->name_bytes;
}

/* What is not about a key. */
static uint8_t *
put_other(const struct wal_record *record, uint8_t *at)
{
	if (record->kind == WAL_CREATE)
		return put_create(record, at);
	return record->kind == WAL_LEDGER ? put_ledger(record, at) : put(at, record->tree_id);
}

size_t
wal_record_encode(const struct wal_record *record, uint8_t *out)
{
	uint8_t *at = out + 1;

	assert(record->kind >= WAL_ADD && record->kind < WAL_KINDS);
	*out = (uint8_t)record->kind;
	if (record->kind >= WAL_CREATE)
		return (size_t)(put_other(record, at) - out);
	at = put(at, record->tree_id);
	at = put(at, record->generation);
	at = put(at, record->key);
	if (record->kind <= WAL_DAY) {
		assert(record->day <= WAL_DAY_MAX);
		at = put(at, record->day);
	}
	at = put(at, record->kind <= WAL_TOTAL ? zigzag(record->delta) : record->delta);
	assert(at - out <= WAL_RECORD_BYTES_MAX);
	return (size_t)(at - out);
}

/* ---- reading ---- */

struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed; /* all values from then on are 0 */
};

static uint64_t
get_failed(struct reader *reader)
{
	reader->failed = true;
	reader->at = reader->end;
	return 0;
}

static uint64_t
get_long(struct reader *reader)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < VARINT_BYTES_MAX && reader->at + i < reader->end; i++) {
		uint64_t byte = reader->at[i];

		value |= (byte & 0x7f) << (7 * i);
		if (byte >= 0x80)
			continue;
		if ((byte == 0 && i > 0) || (i == VARINT_BYTES_MAX - 1 && byte > 1))
			return get_failed(reader);
		reader->at += i + 1;
		return value;
	}
	return get_failed(reader);
}

static inline uint64_t
get(struct reader *reader)
{
	if (reader->at < reader->end && *reader->at < 0x80)
		return *reader->at++;
	return get_long(reader);
}

static uint64_t
get_at_most(struct reader *reader, uint64_t max)
{
	uint64_t value = get(reader);

	return value <= max ? value : get_failed(reader);
}

static uint64_t
get_zigzag(struct reader *reader)
{
	uint64_t value = get(reader);

	return value >> 1 ^ (0 - (value & 1));
}

static void
get_bytes(struct reader *reader, size_t bytes_max, struct wal_record *record)
{
	record->name_bytes = get_at_most(reader, bytes_max);
	if ((size_t)(reader->end - reader->at) < record->name_bytes)
		(void)get_failed(reader);
	record->name = (const char *)reader->at;
	if (!reader->failed)
		reader->at += record->name_bytes;
}

static void
get_create(struct reader *reader, struct wal_record *record)
{
	record->tree_id = get(reader);
	record->generation = get(reader);
	record->key = get(reader);
	get_bytes(reader, TREE_NAME_BYTES_MAX, record);
}

/* What is not about a key. */
static void
get_other(struct reader *reader, struct wal_record *record)
{
	if (record->kind == WAL_CREATE)
		get_create(reader, record);
	else if (record->kind == WAL_LEDGER)
		get_bytes(reader, WAL_LEDGER_BODY_MAX, record);
	else
		record->tree_id = get(reader);
}

static void
get_effect(struct reader *reader, struct wal_record *record)
{
	record->tree_id = get(reader);
	record->generation = get(reader);
	record->key = get(reader);
	if (record->kind <= WAL_DAY)
		record->day = (uint32_t)get_at_most(reader, WAL_DAY_MAX);
	record->delta = record->kind <= WAL_TOTAL ? get_zigzag(reader) : get(reader);
}

size_t
wal_record_decode(const uint8_t *data, size_t bytes, struct wal_record *ret)
{
	if (bytes == 0)
		return 0;
	unsigned kind = *data & ~(unsigned)WAL_LAST_OF_GROUP;
	struct reader reader = { .at = data + 1, .end = data + bytes };

	if (kind < WAL_ADD || kind >= WAL_KINDS)
		return 0;
	*ret = (struct wal_record){ .kind = kind, .last = (*data & WAL_LAST_OF_GROUP) != 0 };
	if (kind >= WAL_CREATE)
		get_other(&reader, ret);
	else
		get_effect(&reader, ret);
	return reader.failed ? 0 : (size_t)(reader.at - data);
}
