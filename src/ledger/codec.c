#include "ledger/codec.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "wal/record.h"

static_assert((int)LEDGER_BODY_BYTES_MAX <= (int)WAL_LEDGER_BODY_MAX, "a body fits a record of the log");
static_assert(LEDGER_RESPONSE_BYTES_MAX <= UINT8_MAX && LEDGER_OPERATIONS <= UINT8_MAX, "a byte each");

/* Of a use. */
enum {
	SEQUENCE_AT = 1,
	CREATED_AT = SEQUENCE_AT + 8,
	OPERATION_AT = CREATED_AT + 8,
	RESPONSE_BYTES_AT = OPERATION_AT + 1,
	FINGERPRINT_AT = RESPONSE_BYTES_AT + 1,
	TEXT_AT = FINGERPRINT_AT + FINGERPRINT_BYTES,
};
static_assert((int)TEXT_AT == (int)LEDGER_USE_BYTES, "the layout in codec.h");

enum { FIRST_AT = 1, LAST_AT = FIRST_AT + 8, REMOVED_BYTES = LAST_AT + 8 };

/* ---- writing ---- */

static uint8_t *
put_u64(uint8_t *at, uint64_t value)
{
	value = htole64(value);
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static uint8_t *
put_bytes(uint8_t *at, const void *data, size_t bytes)
{
	memcpy(at, data, bytes);
	return at + bytes;
}

size_t
ledger_use_encode(const char *key, size_t key_bytes, const struct ledger_use *use, uint8_t *out)
{
	uint8_t *at = out;

	assert(key_bytes > 0 && key_bytes <= LEDGER_KEY_BYTES_MAX);
	assert(use->response_bytes <= LEDGER_RESPONSE_BYTES_MAX);
	*at++ = LEDGER_BODY_USE;
	at = put_u64(at, use->sequence);
	at = put_u64(at, use->created_at_unix);
	*at++ = (uint8_t)use->operation;
	*at++ = (uint8_t)use->response_bytes;
	at = put_bytes(at, use->fingerprint, FINGERPRINT_BYTES);
	at = put_bytes(at, use->response, use->response_bytes);
	return (size_t)(put_bytes(at, key, key_bytes) - out);
}

size_t
ledger_removed_encode(const struct ledger_range *range, uint8_t *out)
{
	assert(range->first <= range->last);
	*out = LEDGER_BODY_REMOVED;
	return (size_t)(put_u64(put_u64(out + FIRST_AT, range->first), range->last) - out);
}

/* ---- reading ---- */

static uint64_t
get_u64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return le64toh(value);
}

static bool
use_decode(const uint8_t *body, size_t bytes, struct ledger_body *ret)
{
	if (bytes <= TEXT_AT)
		return false;
	const uint8_t *text = body + TEXT_AT;
	size_t text_bytes = bytes - TEXT_AT;
	unsigned operation = body[OPERATION_AT];

	ret->use = (struct ledger_use){
		.sequence = get_u64(body + SEQUENCE_AT),
		.created_at_unix = get_u64(body + CREATED_AT),
		.operation = operation,
		.response_bytes = body[RESPONSE_BYTES_AT],
		.fingerprint = body + FINGERPRINT_AT,
		.response = (const char *)text,
	};
	if (operation == 0 || operation >= LEDGER_OPERATIONS || ret->use.sequence == 0 ||
	    ret->use.sequence == UINT64_MAX || ret->use.response_bytes > LEDGER_RESPONSE_BYTES_MAX ||
	    ret->use.response_bytes >= text_bytes)
		return false;
	ret->key = ret->use.response + ret->use.response_bytes;
	ret->key_bytes = text_bytes - ret->use.response_bytes;
	return ret->key_bytes <= LEDGER_KEY_BYTES_MAX;
}

bool
ledger_body_decode(const uint8_t *body, size_t bytes, struct ledger_body *ret)
{
	*ret = (struct ledger_body){ .kind = bytes > 0 ? body[0] : 0 };
	switch (ret->kind) {
	case LEDGER_BODY_USE:
		return use_decode(body, bytes, ret);
	case LEDGER_BODY_REMOVED:
		if (bytes != REMOVED_BYTES)
			return false;
		ret->removed = (struct ledger_range){ get_u64(body + FIRST_AT), get_u64(body + LAST_AT) };
		return ret->removed.first > 0 && ret->removed.first <= ret->removed.last &&
		       ret->removed.last < UINT64_MAX;
	default:
		return false;
	}
}
