/*
 * counter_word.h - the layout of the 64 bits that count
 *
 *   63      62     61     60 … 0
 *   parity  dead   flag   value
 *
 * parity  of the tree's generation that the value belongs to (see operation.h)
 * dead    the word is out of use and counts as not there; it never comes back
 * flag    in a day's word *absent*: set and value 0, the day is not there; clear, the day is there even with 0. Only
 *         holders change it, adds leave it alone, a fresh word has it set.
 *         in the total word *held*: somebody takes or decides
 *
 * Values stay at or below COUNT_MAX (2^61 - 2^41), and an add that looked before others went on can be 2^32 too late, so
 * up to 512 threads at once cannot carry into the flag.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

#define WORD_PARITY     (UINT64_C(1) << 63)
#define WORD_DEAD       (UINT64_C(1) << 62)
#define WORD_FLAG       (UINT64_C(1) << 61)
#define WORD_ABSENT     WORD_FLAG /* days */
#define WORD_HELD       WORD_FLAG /* totals */
#define WORD_VALUE_MASK (WORD_FLAG - 1)

/* What an operation logs and a snapshot notes of a day: value and absent flag. */
#define WORD_RAW_MASK (WORD_FLAG | WORD_VALUE_MASK)

/* Adds up to this amount on totals below FAST_TOTAL_MAX are one fetch_add. */
#define FAST_AMOUNT_MAX (UINT64_C(1) << 32)
#define FAST_TOTAL_MAX  (UINT64_C(1) << 60)

static_assert(WORKERS_MAX * FAST_AMOUNT_MAX <= (UINT64_C(1) << 41), "stale adds of all workers fit above COUNT_MAX");
static_assert(COUNT_MAX < WORD_FLAG, "a value leaves the flags alone");

static inline uint64_t
word_value(uint64_t word)
{
	return word & WORD_VALUE_MASK;
}

static inline uint64_t
word_parity_of(uint64_t generation)
{
	return generation << 63;
}

/* Is the day there? Also true for one that was counted down to 0 by v1's decrement. */
static inline bool
word_is_present(uint64_t word)
{
	return (word & WORD_DEAD) == 0 && ((word & WORD_ABSENT) == 0 || word_value(word) > 0);
}
