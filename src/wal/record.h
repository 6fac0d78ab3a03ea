/*
 * record.h - what the log says about counters and trees, and its bytes
 *
 * A record is the signed effect of one operation on one key, or on the set of trees, or of the ledger. Effects commute: replay adds them up
 * in any order, but for LISTED and UNLISTED, where the highest sequence wins, and for LEDGER, which has sequences of its own.
 *
 *   byte 0            kind, with 0x80 set on the last record of its group
 *   then, each as LEB128 varint (7 bits a byte, least first, at most 10 bytes):
 *     ADD             tree, generation, key, day, zigzag(delta)    the same delta for total and for the day: a plain add
 *     DAY             tree, generation, key, day, zigzag(delta)    [absent:1][value:61], wrapping in 62 bits
 *     TOTAL           tree, generation, key, zigzag(delta)         wrapping in 64 bits
 *     LISTED          tree, generation, key, sequence
 *     UNLISTED        tree, generation, key, sequence              the key was removed
 *     CREATE          tree, order, replaced tree or 0, name bytes, name
 *     DROP            tree
 *     LEDGER          bytes, so many bytes: what the ledger says, in its own form; of no tree
 *
 * A group is what one request did; it stands in one block as a whole. Wal knows no tree: ids are numbers here.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

enum wal_kind {
	WAL_ADD = 1, /* up to UNLISTED: of a key */
	WAL_DAY,
	WAL_TOTAL,
	WAL_LISTED,
	WAL_UNLISTED,
	WAL_CREATE,
	WAL_DROP,
	WAL_LEDGER,
	WAL_KINDS,
};

enum {
	WAL_RECORD_BYTES_MAX = 1 + 10 + 10 + 10 + 5 + 10, /* without a name */
	WAL_CREATE_BYTES_MAX = WAL_RECORD_BYTES_MAX + TREE_NAME_BYTES_MAX,
	WAL_LEDGER_BODY_MAX = 1024,
	WAL_LEDGER_BYTES_MAX = 1 + 2 + WAL_LEDGER_BODY_MAX,
	WAL_LAST_OF_GROUP = 0x80,
	WAL_DAY_MAX =
	    DAY_MAX + 2, /* the two behind DAY_MAX are the engine's difference slots, DAY_ABOVE and DAY_BELOW */
};

struct wal_record {
	enum wal_kind kind;
	bool last; /* of its group; set by wal_record_decode(), ignored by wal_record_encode() */
	uint32_t day;
	uint64_t tree_id;
	uint64_t generation; /* CREATE: place in the order of names */
	uint64_t key;        /* CREATE: id of the tree that it replaces, or 0 */
	uint64_t delta;      /* LISTED, UNLISTED: sequence */
	const char *name;    /* CREATE, and LEDGER's body: borrowed, from the payload when decoded */
	size_t name_bytes;
};
static_assert((int)WAL_LEDGER_BYTES_MAX <= (int)WAL_CREATE_BYTES_MAX, "a create is the largest record there is");

/*
 * Writes the record's bytes to out, which has room for the bound above of its kind. Returns how many; what stands behind them,
 * inside that bound, may be scribbled over.
 */
size_t wal_record_encode(const struct wal_record *record, uint8_t *out);

/*
 * Reads one record from at most `bytes` bytes. Returns how many it takes, or 0 when there is none: an unknown kind, a value
 * out of range (day, name), a varint that is too long or not in its shortest form, or the end. Never reads beyond.
 */
size_t wal_record_decode(const uint8_t *data, size_t bytes, struct wal_record *ret);
