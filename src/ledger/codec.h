/*
 * codec.h - what the ledger says in logs and files: bodies of WAL_LEDGER records
 *
 *   byte 0   kind
 *   USE      8 sequence, 8 created_at_unix, 1 operation, 1 response bytes n, 32 fingerprint, n response, key (the rest)
 *   REMOVED  8 first, 8 last: these sequences were pruned
 *
 * Numbers are little-endian. Bodies come in any order and more than once: of one key the use with the highest sequence counts,
 * if it was not removed.
 */
#pragma once

#include "ledger/ledger.h"

enum ledger_body_kind { LEDGER_BODY_USE = 1, LEDGER_BODY_REMOVED };

struct ledger_body {
	enum ledger_body_kind kind;
	const char *key; /* of a use; borrowed from the bytes, as the pointers of `use` */
	size_t key_bytes;
	struct ledger_use use; /* tag 0 */
	struct ledger_range removed;
};

enum {
	LEDGER_USE_BYTES = 1 + 8 + 8 + 1 + 1 + FINGERPRINT_BYTES, /* and response and key */
	LEDGER_BODY_BYTES_MAX = LEDGER_USE_BYTES + LEDGER_RESPONSE_BYTES_MAX + LEDGER_KEY_BYTES_MAX,
};

/* Writes the body of a use or a range to out (LEDGER_BODY_BYTES_MAX bytes). Returns how many bytes. */
size_t ledger_use_encode(const char *key, size_t key_bytes, const struct ledger_use *use, uint8_t *out);
size_t ledger_removed_encode(const struct ledger_range *range, uint8_t *out);

/* False: it is none, or out of range. Never reads beyond. */
bool ledger_body_decode(const uint8_t *body, size_t bytes, struct ledger_body *ret);
