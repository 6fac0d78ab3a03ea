/*
 * ledger_internal.h - records, the map and the order, for the files of ledger/ only
 *
 *   map      seeded XXH3 of the key ─► one of some parts ─► ck_hs (SPMC, OBJECT mode) of records, and a lock for who changes it
 *   order    head ─► dummy ─► oldest ─► … ─► youngest ◄─ tail       records that are done, linked through `next`
 *
 * The order is a queue of many producers without a lock: who finishes swaps itself in as the tail and then links the one before
 * to itself. Records are taken off under a lock, and the last one that was taken off stays as the dummy in front, until
 * the next is. So a producer never links to memory that may be gone: who has no `next` yet is not taken off.
 *
 * A walk follows `next` from the dummy. A record keeps its `next` when it is taken off, and memory is not freed under a
 * walk, so it comes to the end, and sees every record that had been linked when it began and was not taken off. It waits
 * for sections first: one that was pushed before may still be on its way to being linked, and hides all behind it.
 *
 * Edges
 *   L1  a record: release fence and ck_hs_put() in map_insert() -> ck_hs_get() in map_find(). Who sees it sees its key.
 *   L2  done: store release of `state` in ledger_finish() -> load acquire in ledger_claim(). Who sees it sees the use.
 *   L3  the order: store release of `next` in order_push() -> load acquire in order_oldest() and ledger_walk().
 *   L4  the dummy: store release of `head` -> load acquire in ledger_walk(). Others hold the order's lock.
 */
#pragma once

#include <assert.h>
#include <stdatomic.h>

#include <ck_hs.h>

#include "base/lock.h"
#include "epoch/epoch.h"
#include "ledger/ledger.h"

enum ledger_state {
	RECORD_IN_USE, /* waiters may be parked on it */
	RECORD_DONE,   /* the use stands in it, read-only */
	RECORD_GONE,   /* it has left the map */
};

TAILQ_HEAD(ledger_waiters, ledger_waiter);

struct ledger_record {
	union {
		struct ledger_waiters waiters; /* in use; under the lock of its part of the map */
		struct epoch_retired retired;  /* gone */
	};
	_Atomic(struct ledger_record *) next; /* L3 */
	uint64_t hash;                        /* this and the key are read-only */
	uint64_t created_at_unix;
	uint64_t sequence;
	uint64_t tag;
	uint8_t fingerprint[FINGERPRINT_BYTES];
	char response[LEDGER_RESPONSE_BYTES_MAX];
	uint16_t key_bytes;
	uint8_t response_bytes;
	uint8_t operation;
	_Atomic uint8_t state; /* L2 */
	char key[];
};

/* A key to look for, as the map compares it. */
union ledger_wanted {
	struct ledger_record record; /* hash and key alone */
	char room[offsetof(struct ledger_record, key) + LEDGER_KEY_BYTES_MAX];
};

/* Some of the keys. */
struct ledger_map {
	ck_hs_t hs; /* made with the ledger, grows */
	struct lock lock;
	uint32_t removed; /* since its slots were last cleared of those */
	uint32_t count;
} __attribute__((aligned(64)));
static_assert(sizeof(struct ledger_map) == 64, "two of them share no cache line");

struct ledger_loading;

struct ledger {
	struct ledger_options options;
	struct ledger_loading *loading; /* before it is used: load.c */
	uint64_t
	    seed; /* a secret, so that nobody can choose keys that are one chain; nothing that is written depends on it */
	uint32_t map_count;
	struct ledger_map *maps;
	_Alignas(64) _Atomic(struct ledger_record *) tail;
	_Atomic uint64_t count; /* relaxed: an early or late look expires a record early or late */
	_Atomic uint64_t sequence;
	_Alignas(64) struct lock order_lock;  /* takes those off */
	_Atomic(struct ledger_record *) head; /* L4 */
	_Atomic uint64_t removed;
	_Atomic uint64_t oldest_at_unix; /* relaxed, a hint: when the oldest came, or less */
};

/* record.c */
void record_wanted(const struct ledger *ledger, const char *key, size_t key_bytes, union ledger_wanted *ret);
struct ledger_record *record_create(const struct ledger_record *wanted); /* in use; NULL when memory is out */
void record_destroy(struct ledger_record *record); /* that nobody has seen, or sees any more; NULL is fine */
void record_retire(struct ledger_record *record);
void record_fill(struct ledger_record *record, const struct ledger_use *use);
void record_use(const struct ledger_record *record, struct ledger_use *ret); /* pointers into the record */

static inline enum ledger_state
record_state(const struct ledger_record *record)
{
	return atomic_load_explicit(&record->state, memory_order_acquire); /* L2 */
}

/* map.c: find without a lock; the others under it. */
int map_init(struct ledger_map *map); /* 0 or -ENOMEM */
void map_deinit(struct ledger_map *map);
struct ledger_map *map_of(struct ledger *ledger, uint64_t hash);
struct ledger_record *map_find(struct ledger_map *map, const struct ledger_record *wanted);
bool map_insert(struct ledger_map *map, struct ledger_record *record); /* false: memory is out */
void map_remove(struct ledger_map *map, struct ledger_record *record);
void map_collect(struct ledger_map *map, struct ledger_record **records, size_t *count); /* appends all */

/* load.c */
void loading_destroy(struct ledger *ledger);

/* order.c */
int order_init(struct ledger *ledger); /* 0 or -ENOMEM */
void order_deinit(struct ledger *ledger);
void order_push(struct ledger *ledger, struct ledger_record *record);
bool order_wants_trim(const struct ledger *ledger, uint64_t now_unix); /* one look at no record */
