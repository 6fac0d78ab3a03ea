/*
 * replay.c - an open hash table of words; see replay.h
 */
#include "replay.h"
#include "harness.h"

#include <stdlib.h>

void
replay_init(struct replay *replay)
{
	*replay = (struct replay){ .capacity = 1024 };
	replay->words = calloc(replay->capacity, sizeof(*replay->words));
	check(replay->words, "out of memory");
}

void
replay_deinit(struct replay *replay)
{
	free(replay->words);
}

static struct replay_word *
place(const struct replay *replay, uint64_t tree_id, uint64_t key, uint32_t slot)
{
	uint64_t state = tree_id * 31 + key * 7 + slot;
	size_t i = random_next(&state) & (replay->capacity - 1);

	for (;; i = (i + 1) & (replay->capacity - 1)) {
		struct replay_word *word = &replay->words[i];

		if (!word->used || (word->tree_id == tree_id && word->key == key && word->slot == slot))
			return word;
	}
}

static void
grow(struct replay *replay)
{
	struct replay old = *replay;

	replay->capacity *= 2;
	replay->words = calloc(replay->capacity, sizeof(*replay->words));
	check(replay->words, "out of memory");
	for (size_t i = 0; i < old.capacity; i++) {
		if (old.words[i].used)
			*place(replay, old.words[i].tree_id, old.words[i].key, old.words[i].slot) = old.words[i];
	}
	free(old.words);
}

struct replay_word *
replay_get(struct replay *replay, uint64_t tree_id, uint64_t key, uint32_t slot)
{
	if (replay->count * 2 > replay->capacity)
		grow(replay);
	struct replay_word *word = place(replay, tree_id, key, slot);

	if (!word->used) {
		*word = (struct replay_word){
			.tree_id = tree_id, .key = key, .slot = slot, .word = word_fresh(slot), .used = true
		};
		replay->count++;
	}
	return word;
}

void
replay_apply(struct replay *replay, const struct effect *effect)
{
	struct replay_word *word;

	switch ((enum effect_kind)effect->kind) {
	case EFFECT_DAY:
		check(effect->day <= DAY_BELOW, "effect on day %u", effect->day);
		word = replay_get(replay, effect->tree_id, effect->key, effect->day);
		word->word = (word->word + effect->delta) & WORD_BITS;
		break;
	case EFFECT_TOTAL:
		word = replay_get(replay, effect->tree_id, effect->key, SLOT_TOTAL);
		word->word = (word->word + effect->delta) & WORD_VALUE;
		break;
	case EFFECT_LISTED:
	case EFFECT_UNLISTED:
		word = replay_get(replay, effect->tree_id, effect->key, SLOT_LISTED);
		check(effect->delta != word->sequence, "a sequence came twice");
		if (effect->delta > word->sequence) {
			word->sequence = effect->delta;
			word->word = effect->kind == EFFECT_LISTED;
		}
		break;
	case EFFECT_CREATE:
	case EFFECT_DROP:
		break;
	default:
		check(false, "effect of kind %u", effect->kind);
	}
}
