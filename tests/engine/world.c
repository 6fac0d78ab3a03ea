/*
 * world.c - see world.h
 */
#include "world.h"
#include "harness.h"

#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

void
world_init(struct world *world, size_t trees_max, uint64_t seed)
{
	*world = (struct world){ .random = seed };
	check(engine_create((uint32_t)trees_max, DAY_FIRST, &world->engine) == 0, "engine_create");
	check(engine_worker_create(world->engine, &world->worker) == 0, "engine_worker_create");
	world->effects.capacity = WORLD_EFFECTS;
	world->effects.effects = calloc(WORLD_EFFECTS, sizeof(struct effect));
	check(world->effects.effects, "out of memory");
	engine_worker_effects(world->worker, &world->effects);
	replay_init(&world->replay);
	model_init(&world->model, trees_max, DAY_FIRST);
}

void
world_deinit(struct world *world)
{
	engine_worker_effects(world->worker, NULL);
	engine_worker_destroy(world->worker);
	engine_destroy(world->engine);
	free(world->effects.effects);
	replay_deinit(&world->replay);
	model_deinit(&world->model);
}

struct tree *
world_tree(struct world *world, const char *name)
{
	return tree_find(world->worker, name, strlen(name));
}

/* ---- effects ------------------------------------------------------------------------------------------------- */

static void
check_effect(struct world *world, const struct effect *effect, int outcome)
{
	bool counts = effect->kind <= EFFECT_UNLISTED;

	check(effect->tag == engine_log_epoch(world->engine), "an effect has the tag %lu", effect->tag);
	check(outcome == 0, "outcome %d, but with an effect of kind %u on key %lu", outcome, effect->kind, effect->key);
	if (!counts)
		return;
	for (size_t i = 0; i < world->model.tree_count; i++) {
		struct tree *tree = world_tree(world, world->model.trees[i]->name);

		if (tree && tree_id(tree) == effect->tree_id) {
			check(effect->generation == tree_generation(tree), "an effect has the generation %lu, not %lu",
			      effect->generation, tree_generation(tree));
			return;
		}
	}
	check(false, "an effect on tree %lu, which is not there", effect->tree_id);
}

void
world_drain(struct world *world, int outcome)
{
	for (uint32_t i = 0; i < world->effects.count; i++) {
		check_effect(world, &world->effects.effects[i], outcome);
		replay_apply(&world->replay, &world->effects.effects[i]);
	}
	world->effects.count = 0;
}

/* ---- comparing ----------------------------------------------------------------------------------------------- */

struct days {
	const struct model_key *expected;
	size_t seen;
	uint64_t from, to;
};

static void
compare_day(void *context, uint32_t day, uint64_t count)
{
	struct days *days = context;
	const struct model_day *expected = days->expected ? model_day_find(days->expected, day) : NULL;

	check(expected, "day %u is there with %lu", day, count);
	check(day >= days->from && day <= days->to, "day %u is outside the range", day);
	check(expected->count == count, "key %lu, day %u: %lu instead of %lu", days->expected->key, day, count,
	      expected->count);
	days->seen++;
}

static size_t
days_within(const struct model_key *key, uint64_t from, uint64_t to)
{
	size_t count = 0;

	for (size_t i = 0; key && i < key->day_count; i++)
		count += key->days[i].day >= from && key->days[i].day <= to;
	return count;
}

void
world_compare_key(struct world *world, const char *name, uint64_t key)
{
	const struct model_tree *model = model_find(&world->model, name);
	struct tree *tree = world_tree(world, name);

	check((tree != NULL) == (model != NULL), "tree %s: there or not", name);
	if (!tree)
		return;
	const struct model_key *expected = model_key_find(model, key);
	uint64_t from = DAY_FIRST + random_below(&world->random, 80), to = from + random_below(&world->random, 80);
	struct days all = { .expected = expected, .from = 0, .to = UINT64_MAX };
	struct days some = { .expected = expected, .from = from, .to = to };
	uint64_t total = tree_total(tree, key), sum = tree_sum_range(tree, key, from, to);

	check(total == (expected ? expected->shown : 0), "tree %s, key %lu: total %lu instead of %lu", name, key, total,
	      expected ? expected->shown : 0);
	check(sum == (expected ? model_days_sum(expected, from, to) : 0), "tree %s, key %lu: %lu in a range", name, key,
	      sum);
	check(tree_days(tree, key, 0, UINT64_MAX, compare_day, &all) == (expected != NULL), "key %lu: there or not",
	      key);
	check(tree_days(tree, key, from, to, compare_day, &some) == (expected != NULL), "key %lu: there or not", key);
	check(all.seen == days_within(expected, 0, UINT64_MAX), "key %lu: %zu days", key, all.seen);
	check(some.seen == days_within(expected, from, to), "key %lu: %zu days in a range", key, some.seen);
}

static void
compare_word(struct world *world, uint64_t tree_id, uint64_t key, uint32_t slot, uint64_t expected)
{
	uint64_t word = replay_get(&world->replay, tree_id, key, slot)->word;

	check(word == expected, "tree %lu, key %lu, slot %u: the effects sum up to %lx instead of %lx", tree_id, key,
	      slot, word, expected);
}

static void
compare_words(struct world *world, uint64_t tree_id, const struct model_key *key)
{
	uint64_t total = model_days_sum(key, 0, UINT64_MAX);
	uint64_t above = replay_get(&world->replay, tree_id, key->key, DAY_ABOVE)->word & WORD_VALUE;
	uint64_t below = replay_get(&world->replay, tree_id, key->key, DAY_BELOW)->word & WORD_VALUE;

	compare_word(world, tree_id, key->key, SLOT_TOTAL, total);
	compare_word(world, tree_id, key->key, SLOT_LISTED, 1);
	check(total + above - below == key->shown, "key %lu: total %lu + %lu - %lu by effects, shown %lu", key->key,
	      total, above, below, key->shown);
}

/* Every word that is there by the effects, against the model. */
static void
compare_replay(struct world *world, uint64_t tree_id, const struct model_tree *model)
{
	for (size_t i = 0; i < model->key_count; i++)
		compare_words(world, tree_id, &model->keys[i]);
	for (size_t i = 0; i < world->replay.capacity; i++) {
		const struct replay_word *word = &world->replay.words[i];

		if (word->used && word->tree_id == tree_id && word->slot == SLOT_LISTED && word->word == 1)
			check(model_key_find(model, word->key), "key %lu is listed by the effects", word->key);
		if (!word->used || word->tree_id != tree_id || word->slot >= SLOT_TOTAL ||
		    (word->slot > DAY_MAX && (word->word & WORD_VALUE) == 0))
			continue;
		const struct model_key *key = model_key_find(model, word->key);
		const struct model_day *day = key ? model_day_find(key, word->slot) : NULL;

		if (word->slot > DAY_MAX) {
			check(key, "key %lu has a difference by the effects", word->key);
			continue;
		}
		check(word_present(word->word) == (day != NULL), "key %lu, day %u: there or not, %lx by the effects",
		      word->key, word->slot, word->word);
		check(!day || day->count == (word->word & WORD_VALUE), "key %lu, day %u: %lu instead of %lu by effects",
		      word->key, word->slot, word->word & WORD_VALUE, day ? day->count : 0);
	}
}

struct keys {
	struct world *world;
	const struct model_tree *model;
	uint64_t *seen;
	size_t count, capacity;
};

static void
note_key(struct keys *keys, uint64_t key)
{
	if (keys->count == keys->capacity) {
		keys->capacity = keys->capacity ? keys->capacity * 2 : 64;
		keys->seen = realloc(keys->seen, keys->capacity * sizeof(*keys->seen));
		check(keys->seen, "out of memory");
	}
	keys->seen[keys->count++] = key;
}

static int
compare_u64(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

/* Each key of the model once and no other. */
static void
compare_keys(struct keys *keys)
{
	if (keys->count > 0)
		qsort(keys->seen, keys->count, sizeof(*keys->seen), compare_u64);
	for (size_t i = 0; i < keys->count; i++) {
		check(i == 0 || keys->seen[i] != keys->seen[i - 1], "key %lu came twice", keys->seen[i]);
		check(model_key_find(keys->model, keys->seen[i]), "key %lu should not be listed", keys->seen[i]);
	}
	check(keys->count == keys->model->key_count, "tree %s: %zu keys instead of %zu", keys->model->name, keys->count,
	      keys->model->key_count);
	free(keys->seen);
}

static int
scan_key(void *context, uint64_t key, struct key_record *record)
{
	struct keys *keys = context;
	const struct model_key *expected = model_key_find(keys->model, key);
	struct days days = { .expected = expected, .from = 0, .to = UINT64_MAX };

	check(expected, "key %lu is listed", key);
	tree_key_days(record, 0, UINT64_MAX, compare_day, &days);
	check(days.seen == expected->day_count, "key %lu: %zu days instead of %zu", key, days.seen,
	      expected->day_count);
	note_key(keys, key);
	return 0;
}

struct names {
	struct world *world;
	size_t seen;
};

static int
scan_name(void *context, struct tree *tree, const char *name, size_t bytes)
{
	struct names *names = context;
	struct world *world = names->world;

	check(names->seen < world->model.tree_count, "more names than trees");
	const struct model_tree *model = world->model.trees[names->seen++];
	struct keys keys = { .world = world, .model = model };
	size_t name_bytes;

	check(bytes == strlen(model->name) && memcmp(name, model->name, bytes) == 0, "%.*s instead of %s", (int)bytes,
	      name, model->name);
	check(memcmp(tree_name(tree, &name_bytes), name, bytes) == 0 && name_bytes == bytes, "tree_name()");
	check(engine_scan_tree(world->engine, name, bytes) == tree, "engine_scan_tree()");
	check(tree_scan_keys(tree, scan_key, &keys) == 0, "tree_scan_keys()");
	compare_keys(&keys);
	compare_replay(world, tree_id(tree), model);
	return 0;
}

void
world_compare(struct world *world)
{
	struct names names = { .world = world };

	engine_scan_begin(world->engine);
	check(engine_scan_names(world->engine, scan_name, &names) == 0, "engine_scan_names()");
	check(names.seen == world->model.tree_count, "%zu names instead of %zu", names.seen, world->model.tree_count);
	engine_scan_end(world->engine);
	engine_batch_begin(world->worker);
	for (size_t i = 0; i < world->model.tree_count; i++) {
		const struct model_tree *model = world->model.trees[i];

		for (size_t k = 0; k < model->key_count; k++)
			world_compare_key(world, model->name, model->keys[k].key);
	}
	engine_batch_end(world->worker);
}
