/*
 * world_whole.c - what a world does with a tree as a whole: cuts, compaction, loading; see world.h
 */
#include "world.h"
#include "harness.h"

#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

/* ---- cuts ---------------------------------------------------------------------------------------------------- */

struct cut {
	struct world *world;
	struct model_tree *expected; /* a copy from before */
	size_t seen;
	void (*beside)(struct world *world, const char *name);
};

/* A record that a refused acquire left behind counts as listed by the time the walk meets it: then it comes empty. */
static bool
was_listed_beside(const struct cut *cut, const struct cut_key *key)
{
	return cut->beside && key->day_count == 0 && key->words.total == 0 && key->words.above == 0 &&
	       key->words.below == 0 && model_key_find(model_find(&cut->world->model, cut->expected->name), key->key);
}

static int
cut_visit(void *context, const struct cut_key *key)
{
	struct cut *cut = context;
	const struct model_key *expected = model_key_find(cut->expected, key->key);

	if (!expected && was_listed_beside(cut, key))
		return 0;
	check(expected, "key %lu is in the snapshot", key->key);
	check(key->total == expected->shown, "snapshot, key %lu: total %lu instead of %lu", key->key, key->total,
	      expected->shown);
	check(key->words.total == model_days_sum(expected, 0, UINT64_MAX), "snapshot, key %lu: word of total %lu",
	      key->key, key->words.total);
	check(key->words.total + key->words.above - key->words.below == expected->shown,
	      "snapshot, key %lu: + %lu - %lu", key->key, key->words.above, key->words.below);
	check(key->day_count == expected->day_count, "snapshot, key %lu: %zu days instead of %zu", key->key,
	      key->day_count, expected->day_count);
	for (size_t i = 0; i < key->day_count; i++) {
		const struct model_day *day = model_day_find(expected, key->days[i].day);

		check(day && day->count == key->days[i].count, "snapshot, key %lu, day %u: %lu instead of %lu",
		      key->key, key->days[i].day, key->days[i].count, day ? day->count : 0);
		for (size_t k = 0; k < i; k++)
			check(key->days[k].day != key->days[i].day, "snapshot, key %lu: day %u twice", key->key,
			      key->days[i].day);
	}
	cut->seen++;
	if (cut->beside && random_below(&cut->world->random, 4) == 0)
		cut->beside(cut->world, cut->expected->name);
	return 0;
}

void
world_cut(struct world *world, const char *name, void (*beside)(struct world *world, const char *name))
{
	struct tree *tree = engine_pin_tree(world->engine, name, strlen(name));
	const struct model_tree *model = model_find(&world->model, name);
	struct cut_summary summary;

	check((tree != NULL) == (model != NULL), "engine_pin_tree(%s)", name);
	if (!tree)
		return;
	struct cut cut = { .world = world, .expected = model_tree_copy(model), .beside = beside };
	uint64_t generation = tree_generation(tree);

	check(tree_cut(world->engine, tree, cut_visit, &cut, &summary) == 0, "tree_cut()");
	check(summary.generation == generation, "the snapshot holds %lu, not %lu", summary.generation, generation);
	check(tree_generation(tree) == generation + 1, "generation %lu after %lu", tree_generation(tree), generation);
	check(summary.deltas == 0, "%lu deltas with one thread", summary.deltas);
	check(cut.seen == cut.expected->key_count, "%zu keys in the snapshot instead of %zu", cut.seen,
	      cut.expected->key_count);
	model_tree_free(cut.expected);
}

/* ---- compaction ---------------------------------------------------------------------------------------------- */

void
world_compact(struct world *world, const char *name, bool empty)
{
	struct tree *tree = engine_pin_tree(world->engine, name, strlen(name));
	struct model_tree *model = model_find(&world->model, name);

	check((tree != NULL) == (model != NULL), "engine_pin_tree(%s)", name);
	if (!tree)
		return;
	engine_batch_begin(world->worker);
	uint64_t removed = tree_compact(world->worker, tree, empty);
	size_t expected = empty ? model_compact(model) : 0;

	check(world->effects.count == expected, "%u effects of %zu listed keys removed", world->effects.count,
	      expected);
	world_drain(world, 0);

	check(removed >= expected, "%lu records removed, %zu keys were empty", removed, expected);
	check(tree_compact(world->worker, tree, empty) == 0, "a second compaction finds something to remove");
	engine_batch_end(world->worker);
}

/* ---- loading ------------------------------------------------------------------------------------------------- */

static void
load_random_key(struct world *world, struct tree *tree, struct model_tree *model, uint64_t key, uint32_t days)
{
	struct cut_day engine_days[256];
	struct model_day model_days[256];
	uint32_t count = random_below(&world->random, days + 1), first = random_below(&world->random, days);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++) {
		model_days[i].day = DAY_FIRST + (first + i) % days;
		model_days[i].count = random_below(&world->random, 5);
		engine_days[i] = (struct cut_day){ .day = model_days[i].day, .count = model_days[i].count };
		sum += model_days[i].count;
	}
	uint64_t total = random_below(&world->random, 2) ? sum : random_below(&world->random, 20);

	check(tree_load_key(tree, key, total, engine_days, count) == 0, "tree_load_key()");
	model_load_key(model, key, total, model_days, count);
}

static void
load_what_cannot_be(struct tree *tree, uint64_t key)
{
	struct cut_day twice[2] = { { .day = 5, .count = 1 }, { .day = 5, .count = 1 } };
	struct cut_day late = { .day = DAY_MAX + 1, .count = 1 };
	struct cut_day large = { .day = 5, .count = COUNT_MAX + 1 };

	check(tree_load_key(tree, key, 2, twice, 2) == ENGINE_INVALID, "a day twice");
	check(tree_load_key(tree, key, 1, &late, 1) == ENGINE_INVALID, "a day too late");
	check(tree_load_key(tree, key, 1, &large, 1) == ENGINE_INVALID, "a count too large");
	check(tree_load_key(tree, key, COUNT_MAX + 1, NULL, 0) == ENGINE_INVALID, "a total too large");
}

/* The words of a loaded tree are not among the effects. */
static void
replay_load(struct world *world, uint64_t id, const struct model_tree *model)
{
	for (size_t i = 0; i < model->key_count; i++) {
		const struct model_key *key = &model->keys[i];
		uint64_t sum = model_days_sum(key, 0, UINT64_MAX);

		replay_get(&world->replay, id, key->key, SLOT_LISTED)->word = 1;
		replay_get(&world->replay, id, key->key, SLOT_TOTAL)->word = sum;
		if (key->shown > sum)
			replay_get(&world->replay, id, key->key, DAY_ABOVE)->word = key->shown - sum;
		if (key->shown < sum)
			replay_get(&world->replay, id, key->key, DAY_BELOW)->word = sum - key->shown;
		for (size_t d = 0; d < key->day_count; d++)
			replay_get(&world->replay, id, key->key, key->days[d].day)->word =
			    key->days[d].count == 0 ? 0 : WORD_ABSENT | key->days[d].count;
	}
}

int
world_load(struct world *world, const char *name, uint32_t keys, uint32_t days)
{
	struct model_tree *model = model_tree_new(name);
	uint64_t id = engine_tree_id_next(world->engine);
	struct tree *tree;

	check(tree_load_begin(world->engine, 0, 7, &tree) == 0, "tree_load_begin()");
	check(tree_id(tree) >= id && tree_id(tree) < engine_tree_id_next(world->engine), "the id of a loaded tree");
	id = tree_id(tree);
	for (uint32_t i = 0; i < keys; i++)
		load_random_key(world, tree, model, random_below(&world->random, keys), days);
	if (model->key_count > 0)
		load_what_cannot_be(tree, model->keys[0].key);
	if (random_below(&world->random, 4) == 0) {
		tree_load_discard(tree);
		model_tree_free(model);
		return -1;
	}
	replay_load(world, id, model);
	engine_batch_begin(world->worker);
	int outcome = tree_load_publish(world->worker, tree, name, strlen(name));

	check(outcome == model_publish(&world->model, model, name), "publish: %d", outcome);
	world_drain(world, outcome);
	if (outcome == 0)
		check(tree_generation(world_tree(world, name)) == 7, "the generation of a loaded tree");
	engine_batch_end(world->worker);
	return outcome;
}
