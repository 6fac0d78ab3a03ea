/*
 * key_record.h - one key: a cache line, and blocks of further days behind it
 *
 *   key_record (64 bytes)                 day_block               day_block
 *   key, total, 3 × (day, word), state,   older ────────────────► older ──► NULL
 *   newest ─────────────────────────────► 28 × (day, word)        12 × (day, word)
 *
 * Slots are claimed without a lock: CAS of the slot's day field from 0 to day + 1, always the first free slot in canonical
 * order (inline slots, then the newest block from its beginning; a new block only when all is full). So two threads that
 * miss the same day go for the same slot, and the loser re-reads it: no day is claimed twice. A claimed slot is never
 * freed, reused or moved. A slot whose word is dead counts as not there: its day may be claimed anew.
 *
 * Edges
 *   E1  publish a record: release in partition_insert() (ck_hs_put behind a fence) -> acquire in partition_find().
 *       Who sees the pointer sees key, words and state.
 *   E2  publish a block: CAS release of `newest` in block_push() -> load acquire in slot loops. Who sees the block sees its
 *       words fresh and its `older`.
 *   E3  claim a slot: CAS acq_rel of the day in slot_claim() -> load acquire of the day. Nothing is published by it: the
 *       word was fresh before its block or record was.
 */
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "karma/engine.h"
#include "engine/counter_word.h"

enum { INLINE_SLOTS = 3, BLOCK_SLOTS_FIRST = 12, BLOCK_SLOTS_MAX = 252 };

/* state bits */
enum {
	RECORD_UNLISTED =
	    1, /* made for a decision that has not come: shown, counted and dumped only once it has a count */
	RECORD_DIFFERS = 2, /* has (had) slots DAY_ABOVE or DAY_BELOW: the total shown is not the total word */
};

struct day_block {
	_Atomic(struct day_block *)
	    older;           /* set before publication; NULL once the maintenance thread cut the oldest off */
	uint32_t slot_count; /* read-only after publication; the words stand behind the days */
	_Atomic uint32_t day[];
};

struct key_record {
	uint64_t key;                        /* read-only */
	_Atomic uint64_t total;              /* any worker; hottest */
	_Atomic uint64_t word[INLINE_SLOTS]; /* any worker */
	_Atomic uint32_t day[INLINE_SLOTS];  /* 0 free, else day + 1 */
	_Atomic uint32_t state;
	_Atomic(struct day_block *) newest;
};
static_assert(sizeof(struct key_record) == 64, "a key record is one cache line");
static_assert(offsetof(struct key_record, key) == 0, "the map compares a record's first member with a key");

/* Fresh: nothing claimed, all words carry the parity of generation. */
void key_record_init(struct key_record *record, uint64_t key, uint64_t generation, uint32_t state);

/* Frees the blocks; the record's own memory is the caller's. Nobody else may look at it. */
void key_record_free_blocks(struct key_record *record);

/* Finds the live word of a day; NULL when it has none. Days are 0 … DAY_MAX, DAY_ABOVE and DAY_BELOW. */
_Atomic uint64_t *slot_find(struct key_record *record, uint32_t day);

/* Finds it or claims a slot for it; new blocks carry the parity of generation. NULL when memory is out. */
_Atomic uint64_t *slot_get(struct key_record *record, uint32_t day, uint64_t generation);

/* Goes through all slots, claimed or not, in canonical order backwards by block. Starts at { 0 }. */
struct slot_cursor {
	struct day_block *block; /* NULL: inline */
	uint32_t index;
	bool behind_inline;
};

/* False at the end. *ret_day is 0 for a free slot, else day + 1. */
static inline bool slot_next(struct key_record *record, struct slot_cursor *cursor, _Atomic uint32_t **ret_day,
                             _Atomic uint64_t **ret_word);

/* Slots there are now, claimed or not: an upper bound of the days until somebody pushes a block. */
size_t key_record_slot_count(struct key_record *record);

/* Is the key there for readers? A key with a count always is. */
static inline bool
key_record_is_listed(struct key_record *record)
{
	uint64_t total = atomic_load_explicit(&record->total, memory_order_acquire);

	if ((total & WORD_DEAD) != 0)
		return false;
	/* Relaxed: the bit only ever goes from set to clear, and a stale look says "not yet there". */
	return word_value(total) > 0 ||
	       (atomic_load_explicit(&record->state, memory_order_relaxed) & RECORD_UNLISTED) == 0;
}

/* The total shown: word + above - below, not below 0. */
uint64_t key_record_total(struct key_record *record);

static inline size_t
day_block_bytes(uint32_t slot_count)
{
	/* The days are padded so that the words start on 8 bytes. */
	size_t words_at = (offsetof(struct day_block, day) + slot_count * sizeof(uint32_t) + 7) & ~(size_t)7;

	return words_at + slot_count * sizeof(uint64_t);
}

static inline _Atomic uint64_t *
day_block_words(struct day_block *block)
{
	char *end = (char *)block + day_block_bytes(block->slot_count);

	return (_Atomic uint64_t *)(void *)(end - block->slot_count * sizeof(uint64_t));
}

static inline bool
slot_next(struct key_record *record, struct slot_cursor *cursor, _Atomic uint32_t **ret_day,
          _Atomic uint64_t **ret_word)
{
	if (!cursor->behind_inline) {
		if (cursor->index < INLINE_SLOTS) {
			*ret_day = &record->day[cursor->index];
			*ret_word = &record->word[cursor->index];
			cursor->index++;
			return true;
		}
		cursor->behind_inline = true;
		cursor->index = 0;
		cursor->block = atomic_load_explicit(&record->newest, memory_order_acquire); /* E2 */
	} else if (cursor->block != NULL && cursor->index == cursor->block->slot_count) {
		cursor->index = 0;
		cursor->block = atomic_load_explicit(&cursor->block->older, memory_order_acquire);
	}
	if (cursor->block == NULL)
		return false;
	*ret_day = &cursor->block->day[cursor->index];
	*ret_word = &day_block_words(cursor->block)[cursor->index];
	cursor->index++;
	return true;
}

/* For loading: a block of exactly slot_count fresh slots in front of the others; nobody else may look at the record.
 * NULL when memory is out. */
struct day_block *key_record_push_block(struct key_record *record, uint32_t slot_count, uint64_t generation);
