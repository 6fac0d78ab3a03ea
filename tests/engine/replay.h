/*
 * replay.h - adds up effects word by word, as recovery will
 *
 * A word is what its effects sum to from a fresh one (absent, 0), in 62 bits: [absent:1][value:61]. Words of the totals
 * have no absent bit and start at 0. Slots: a day, DAY_ABOVE, DAY_BELOW, or one of the two below.
 */
#pragma once

#include "karma/engine.h"

#define SLOT_TOTAL  UINT32_C(100000002)
#define SLOT_LISTED UINT32_C(100000003) /* 1 while the key is listed: by the record of the highest sequence */

#define WORD_BITS   UINT64_C(0x3fffffffffffffff)
#define WORD_ABSENT (UINT64_C(1) << 61)
#define WORD_VALUE  (WORD_ABSENT - 1)

struct replay_word {
	uint64_t tree_id;
	uint64_t key;
	uint64_t word;
	uint64_t sequence; /* of SLOT_LISTED */
	uint32_t slot;
	bool used;
};

struct replay {
	struct replay_word *words;
	size_t count, capacity;
};

void replay_init(struct replay *replay);
void replay_deinit(struct replay *replay);

/* Finds or makes a word. Valid until the next call. */
struct replay_word *replay_get(struct replay *replay, uint64_t tree_id, uint64_t key, uint32_t slot);
void replay_apply(struct replay *replay, const struct effect *effect);

static inline uint64_t
word_fresh(uint32_t slot)
{
	return slot >= SLOT_TOTAL ? 0 : WORD_ABSENT;
}

/* A day that is there, be it with count 0. */
static inline bool
word_present(uint64_t word)
{
	return word != WORD_ABSENT;
}
