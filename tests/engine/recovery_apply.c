/*
 * recovery_apply.c - see recovery.h
 */
#include "recovery.h"
#include "harness.h"

#include <pthread.h>
#include <stdlib.h>

enum { PARTS = 3 };

/* What one thread applies. */
struct part {
	struct load_effect *effects;
	size_t count;
	int outcome;
};

static void *
part_main(void *argument)
{
	struct part *part = argument;

	part->outcome = tree_load_effects(part->effects, part->count);
	return NULL;
}

/* A total and the day behind it with the same delta are one, as in a log. */
static bool
is_plain_add(const struct effect *effect, const struct effect *next)
{
	return effect->kind == EFFECT_TOTAL && next->kind == EFFECT_DAY && effect->key == next->key &&
	       effect->delta == next->delta && effect->generation == next->generation && effect->tag == next->tag;
}

uint64_t
history_apply(struct tree *tree, const struct history *history, uint64_t generation, uint64_t epoch)
{
	struct part parts[PARTS] = { 0 };
	pthread_t threads[PARTS];
	uint64_t highest = generation;

	for (size_t i = 0; i < PARTS; i++) {
		parts[i].effects = calloc(history->count + 1, sizeof(*parts[i].effects));
		check(parts[i].effects, "out of memory");
	}
	for (size_t i = 0; i < history->count && history->effects[i].tag <= epoch; i++) {
		const struct effect *effect = &history->effects[i];
		bool plain = i + 1 < history->count && is_plain_add(effect, effect + 1);
		struct part *part = &parts[tree_load_part(effect->key, PARTS)];

		highest = effect->generation > highest ? effect->generation : highest;
		if (effect->generation > generation)
			part->effects[part->count++] = (struct load_effect){
				.tree = tree,
				.key = effect->key,
				.delta = effect->delta,
				.day = plain ? effect[1].day : effect->day,
				.kind = plain ? EFFECT_DAY : (uint16_t)effect->kind,
				.total_too = plain,
			};
		i += plain;
	}
	for (size_t i = 0; i < PARTS; i++)
		check(pthread_create(&threads[i], NULL, part_main, &parts[i]) == 0, "pthread_create()");
	for (size_t i = 0; i < PARTS; i++) {
		(void)pthread_join(threads[i], NULL);
		check(parts[i].outcome == 0, "tree_load_effects()");
		free(parts[i].effects);
	}
	return highest;
}

uint64_t
history_apply_singly(struct tree *tree, const struct history *history, uint64_t generation, uint64_t epoch)
{
	uint64_t highest = generation;

	for (size_t i = 0; i < history->count && history->effects[i].tag <= epoch; i++) {
		const struct effect *effect = &history->effects[i];

		highest = effect->generation > highest ? effect->generation : highest;
		if (effect->generation > generation)
			check(tree_load_effect(tree, effect) == 0, "tree_load_effect()");
	}
	return highest;
}
