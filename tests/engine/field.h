/*
 * field.h - the trees of the stress test, their words in one line, and what no state of them may show
 *
 * Three fields: `few` keys everybody fights for, `deep` keys of many days, and `grow` whose keys keep appearing. Key
 * number n of a field is of the kind (n & 7):
 *
 *   0 … 3  free: everything is done to them
 *   4, 5   limited: fed by tree_acquire() alone, so the sum of their days never passes FIELD_LIMIT
 *   6, 7   twins (in few and deep; free in grow): fed by one tree_acquire() of all four, nothing ever takes from them,
 *          so they are always alike, day by day
 *
 * Each key has a word per day, then above, below, total, and how often it was listed.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "replay.h"

enum { FIELD_FEW, FIELD_DEEP, FIELD_GROW, FIELDS };
enum { FIELD_LIMIT = 20, FIELD_DAY_FIRST = 20240101, FIELD_TODAYS = 4 };

struct field {
	const char *name;
	uint32_t keys, days;
	uint32_t words_per_key; /* days + 4 */
	uint32_t word_first;    /* among the words of all fields */
	uint64_t tree_id;
	_Atomic uint32_t known; /* keys below were given out */
};

struct fields {
	struct field field[FIELDS];
	uint32_t words;
};

void fields_init(struct fields *fields, uint32_t growing_keys);

static inline uint64_t
field_key(uint32_t number)
{
	return number * UINT64_C(0x9e3779b97f4a7c15);
}

static inline uint32_t
field_key_number(uint64_t key)
{
	return (uint32_t)(key * UINT64_C(0xf1de83e19937733d)); /* the inverse */
}

static inline bool
field_key_is_limited(uint32_t number)
{
	return (number & 7) == 4 || (number & 7) == 5;
}

/* The word of a key of a tree; slot as in replay.h. Fails for what is not in the fields. */
uint32_t field_word(const struct fields *fields, uint64_t tree_id, uint64_t key, uint32_t slot);
uint32_t field_word_of(const struct field *field, uint32_t number, uint32_t slot);

/* Which key of which field a word belongs to. */
const struct field *field_of_word(const struct fields *fields, uint32_t word, uint32_t *ret_number);

/* All words fresh. Returns an array of fields->words, to be freed. */
uint64_t *field_state_new(const struct fields *fields);

/*
 * Fails when a key's words show what may not be: a negative count, a total that is not the sum of the days, a total shown
 * below 0, a limit exceeded, twins that differ. `what` and `when` say which state it is.
 */
void field_judge(const struct field *field, uint32_t number, const uint64_t *state, const char *what, uint64_t when);
/* Twins over both fields, for states of all trees at one instant. */
void field_judge_twins(const struct fields *fields, const uint64_t *state, const char *what, uint64_t when);
