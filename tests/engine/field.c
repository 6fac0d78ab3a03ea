/*
 * field.c - see field.h
 */
#include "field.h"
#include "harness.h"

#include "base/limits.h"

#include <stdlib.h>

void
fields_init(struct fields *fields, uint32_t growing_keys)
{
	*fields = (struct fields){ .field = { { .name = "few", .keys = 8, .days = 4 },
		                              { .name = "deep", .keys = 8, .days = 64 },
		                              { .name = "grow", .keys = growing_keys, .days = 4 } } };
	for (int i = 0; i < FIELDS; i++) {
		struct field *field = &fields->field[i];

		field->words_per_key = field->days + 4;
		field->word_first = fields->words;
		fields->words += field->keys * field->words_per_key;
		atomic_init(&field->known, i == FIELD_GROW ? 8 : field->keys);
	}
}

uint32_t
field_word_of(const struct field *field, uint32_t number, uint32_t slot)
{
	uint32_t index = slot - FIELD_DAY_FIRST;

	if (slot >= DAY_ABOVE)
		index = field->days + (slot - DAY_ABOVE);
	else
		check(index < field->days, "%s: day %u", field->name, slot);
	check(number < field->keys && index < field->words_per_key, "%s: key number %u", field->name, number);
	return field->word_first + number * field->words_per_key + index;
}

uint32_t
field_word(const struct fields *fields, uint64_t tree_id, uint64_t key, uint32_t slot)
{
	int i = 0;

	while (i < FIELDS && fields->field[i].tree_id != tree_id)
		i++;
	check(i < FIELDS, "tree %lu", tree_id);
	return field_word_of(&fields->field[i], field_key_number(key), slot);
}

const struct field *
field_of_word(const struct fields *fields, uint32_t word, uint32_t *ret_number)
{
	int i = FIELDS - 1;

	while (fields->field[i].word_first > word)
		i--;
	*ret_number = (word - fields->field[i].word_first) / fields->field[i].words_per_key;
	return &fields->field[i];
}

uint64_t *
field_state_new(const struct fields *fields)
{
	uint64_t *state = calloc(fields->words, sizeof(*state));

	check(state, "out of memory");
	for (int i = 0; i < FIELDS; i++) {
		const struct field *field = &fields->field[i];

		for (uint32_t k = 0; k < field->keys; k++) {
			for (uint32_t d = 0; d < field->days + 2; d++)
				state[field->word_first + k * field->words_per_key + d] = WORD_ABSENT;
		}
	}
	return state;
}

static void
judge_twin(const struct field *field, uint32_t number, const uint64_t *state, const char *what, uint64_t when)
{
	const uint64_t *six = &state[field_word_of(field, number & ~1U, FIELD_DAY_FIRST)];
	const uint64_t *seven = six + field->words_per_key;

	for (uint32_t d = 0; d < field->days; d++)
		check(((six[d] ^ seven[d]) & WORD_VALUE) == 0, "%s %lu, %s: twins have %lu and %lu on day %u", what,
		      when, field->name, six[d] & WORD_VALUE, seven[d] & WORD_VALUE, d);
}

void
field_judge(const struct field *field, uint32_t number, const uint64_t *state, const char *what, uint64_t when)
{
	const uint64_t *words = &state[field_word_of(field, number, FIELD_DAY_FIRST)];
	uint64_t sum = 0;

	for (uint32_t d = 0; d < field->days + 3; d++)
		check((words[d] & WORD_VALUE) <= COUNT_MAX, "%s %lu, %s, key number %u: word %u is negative: %lx", what,
		      when, field->name, number, d, words[d]);
	for (uint32_t d = 0; d < field->days; d++)
		sum += words[d] & WORD_VALUE;
	uint64_t above = words[field->days] & WORD_VALUE, below = words[field->days + 1] & WORD_VALUE;
	uint64_t total = words[field->days + 2];

	check(total == sum, "%s %lu, %s, key number %u: total %lu, but its days make %lu", what, when, field->name,
	      number, total, sum);
	check(total + above >= below, "%s %lu, %s, key number %u: the total shown is negative: %lu + %lu - %lu", what,
	      when, field->name, number, total, above, below);
	check(!field_key_is_limited(number) || sum <= FIELD_LIMIT, "%s %lu, %s, key number %u: %lu is above the limit",
	      what, when, field->name, number, sum);
}

void
field_judge_twins(const struct fields *fields, const uint64_t *state, const char *what, uint64_t when)
{
	const struct field *few = &fields->field[FIELD_FEW], *deep = &fields->field[FIELD_DEEP];
	const uint64_t *in_few = &state[field_word_of(few, 6, FIELD_DAY_FIRST)];
	const uint64_t *in_deep = &state[field_word_of(deep, 6, FIELD_DAY_FIRST)];

	judge_twin(few, 6, state, what, when);
	judge_twin(deep, 6, state, what, when);
	for (uint32_t d = 0; d < FIELD_TODAYS; d++)
		check(((in_few[d] ^ in_deep[d]) & WORD_VALUE) == 0,
		      "%s %lu: twins of two trees have %lu and %lu on day %u", what, when, in_few[d] & WORD_VALUE,
		      in_deep[d] & WORD_VALUE, d);
}
