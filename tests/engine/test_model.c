/*
 * Whatever the engine is asked to do, in any order, it answers and shows what a slow model does, and its effects add up
 * to what it shows.
 *
 * Arguments: seconds, operations per world, -, seed.
 */
#include "harness.h"
#include "world.h"

#include "base/limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct profile {
	uint32_t trees, keys, days;
	bool large;     /* counts near COUNT_MAX */
	bool spread;    /* keys over all 64 bits */
	uint32_t every; /* operations between full comparisons */
};

static const struct profile profiles[] = {
	{ .trees = 3, .keys = 4, .days = 5, .every = 50 },
	{ .trees = 2, .keys = 3, .days = 200, .every = 200 },
	{ .trees = 2, .keys = 3000, .days = 3, .spread = true, .every = 2000 },
	{ .trees = 1, .keys = 60000, .days = 2, .spread = true, .every = 20000 },
	{ .trees = 2, .keys = 4, .days = 4, .large = true, .every = 50 },
};
static const struct profile *profile;
static const char *const names[] = { "articles", "", "users_\x01\xff" };

/* ---- what to do it with --------------------------------------------------------------------------------------- */

static const char *
any_name(struct world *world)
{
	return names[random_below(&world->random, profile->trees)];
}

static uint64_t
any_key(struct world *world)
{
	uint64_t key = random_below(&world->random, profile->keys);

	return profile->spread ? ~(key * UINT64_C(0x9e3779b97f4a7c15)) : key;
}

static uint32_t
any_day(struct world *world)
{
	switch (random_below(&world->random, 40)) {
	case 0:
		return 0;
	case 1:
		return DAY_MAX;
	default:
		return DAY_FIRST + random_below(&world->random, profile->days);
	}
}

static uint64_t
any_amount(struct world *world)
{
	if (!profile->large)
		return 1 + random_below(&world->random, 8);
	switch (random_below(&world->random, 6)) {
	case 0:
		return COUNT_MAX - random_below(&world->random, 3);
	case 1:
		return COUNT_MAX / 2 + random_below(&world->random, 3);
	case 2:
		return (UINT64_C(1) << 60) - 1 + random_below(&world->random, 3);
	case 3:
		return (UINT64_C(1) << 32) - 1 + random_below(&world->random, 3);
	case 4:
		return random_next(&world->random) | 1;
	default:
		return 1 + random_below(&world->random, 8);
	}
}

static void
any_range(struct world *world, uint64_t *from, uint64_t *to)
{
	uint32_t kind = random_below(&world->random, 8);

	*from = kind == 0 ? 0 : any_day(world);
	*to = kind < 2 ? UINT64_MAX : *from + random_below(&world->random, profile->days);
	if (kind == 7)
		*to = *from - 1; /* inverted or everything */
}

/* ---- operations: inside the section, tree and model of the same name ----------------------------------------------- */

static int
do_acquire(struct world *world, uint64_t *ret_key)
{
	struct acquire_item items[8];
	struct model_acquire_item expected[8];
	size_t count = 1 + random_below(&world->random, 5), refused = 99, expected_refused = 99;

	for (size_t i = 0; i < count; i++) {
		const char *name = any_name(world);
		struct model_acquire_item *item = &expected[i];

		*item = (struct model_acquire_item){ .tree = model_find(&world->model, name), .key = any_key(world) };
		if (i > 0 && random_below(&world->random, 3) == 0)
			item->key = expected[0].key;
		item->amount = any_amount(world);
		item->limit = random_below(&world->random, 2) ? 12 : random_next(&world->random) >> 1;
		any_range(world, &item->from, &item->to);
		if (!item->tree)
			return 0;
		*ret_key = item->key;
		items[i] = (struct acquire_item){
			world_tree(world, name), item->key, item->amount, item->limit, item->from, item->to
		};
	}
	int outcome = tree_acquire(world->worker, items, count, &refused);

	if (outcome == -EAGAIN)
		return outcome;
	int wanted = model_acquire(&world->model, expected, count, &expected_refused);

	check(outcome == wanted, "acquire: %d instead of %d", outcome, wanted);
	check(outcome != ENGINE_REFUSED || refused == expected_refused, "acquire: item %zu instead of %zu", refused,
	      expected_refused);
	return outcome;
}

static int
do_subtract(struct world *world, struct tree *tree, struct model_tree *model, uint64_t key)
{
	uint32_t day = any_day(world);
	uint64_t amount = any_amount(world), taken = 0;
	int outcome = tree_subtract(world->worker, tree, key, day, amount, &taken);

	if (outcome != 0)
		return outcome;
	uint64_t expected = model_subtract(model, key, day, amount);

	check(taken == expected, "subtract: %lu taken instead of %lu", taken, expected);
	return 0;
}

/* Returns the outcome; the model follows unless it is -EAGAIN. */
static int
do_one(struct world *world, uint32_t kind, struct tree *tree, struct model_tree *model, uint64_t key)
{
	uint32_t day = any_day(world);
	uint64_t amount = any_amount(world), from, to;
	int outcome, expected = 0;

	any_range(world, &from, &to);
	if (kind < 30) {
		outcome = tree_add(world->worker, tree, key, day, amount);
		expected = outcome == -EAGAIN ? outcome : model_add(model, key, day, amount);
	} else if (kind < 45) {
		outcome = tree_decrement(world->worker, tree, key);
		if (outcome == 0)
			model_decrement(model, key, world->model.today);
	} else if (kind < 60) {
		outcome = do_subtract(world, tree, model, key);
	} else if (kind < 68) {
		amount = random_below(&world->random, 3) ? amount : 0;
		outcome = tree_set(world->worker, tree, key, day, amount);
		expected = outcome == -EAGAIN ? outcome : model_set(model, key, day, amount);
	} else if (kind < 74) {
		outcome = tree_delete_range(world->worker, tree, key, from, to);
		if (outcome == 0)
			model_delete_range(model, key, from, to);
	} else if (kind < 77) {
		outcome = tree_reset_key(world->worker, tree, key);
		if (outcome == 0)
			model_reset_key(model, key);
	} else {
		struct key_prefetch prefetch;

		key_prefetch_begin(&prefetch, tree, key);
		key_prefetch_all(&prefetch, 1);
		return 0;
	}
	check(outcome == expected || (outcome == -EAGAIN && expected == 0), "operation %u: %d instead of %d", kind,
	      outcome, expected);
	return outcome;
}

/* One operation on counters, in a section of its own; now and then the effect buffer has too little room at first. */
static void
step_counter(struct world *world, const char *name)
{
	uint32_t kind = random_below(&world->random, 100), capacity = world->effects.capacity;
	uint64_t key = any_key(world), before = world->random;
	int outcome = 0;

	engine_batch_begin(world->worker);
	struct tree *tree = world_tree(world, name);
	struct model_tree *model = model_find(&world->model, name);

	for (bool short_of_room = random_below(&world->random, 8) == 0;; short_of_room = false) {
		uint64_t again = world->random;

		world->effects.capacity = short_of_room ? (uint32_t)(before % 5) : capacity;
		if (kind >= 85)
			outcome = do_acquire(world, &key);
		else if (tree)
			outcome = do_one(world, kind, tree, model, key);
		world->effects.capacity = capacity;
		if (outcome != -EAGAIN)
			break;
		check(short_of_room && world->effects.count == 0, "-EAGAIN, but with room or with effects");
		world->random = again;
	}
	world_drain(world, outcome);
	world_compare_key(world, name, key);
	engine_batch_end(world->worker);
}

/* ---- whole trees ---------------------------------------------------------------------------------------------- */

static void
step_tree(struct world *world, const char *name)
{
	uint64_t version = engine_directory_version(world->engine);
	struct tree *tree = NULL, *before;
	uint32_t kind = random_below(&world->random, 10);
	int outcome, expected;

	engine_batch_begin(world->worker);
	before = world_tree(world, name);
	if (kind < 6) {
		outcome = tree_create(world->worker, name, strlen(name), &tree);
		expected = model_create(&world->model, name);
		check(outcome != ENGINE_EXISTS || tree == before, "create: another tree");
		check(outcome != 0 || tree == world_tree(world, name), "create: not found");
	} else if (kind < 8) {
		outcome = tree_reset(world->worker, name, strlen(name));
		expected = model_reset(&world->model, name);
		check(outcome != 0 || tree_id(world_tree(world, name)) > tree_id(before), "reset: the same id");
	} else {
		outcome = tree_drop(world->worker, name, strlen(name));
		expected = model_drop(&world->model, name);
	}
	check(outcome == expected, "create, reset or drop: %d instead of %d", outcome, expected);
	check((engine_directory_version(world->engine) != version) == (outcome == 0), "the directory's version");
	world_drain(world, outcome);
	engine_batch_end(world->worker);
}

static int
delete_begin(void *context)
{
	struct world *world = context;

	check(world->effects.count == 0, "a section begins with %u effects", world->effects.count);
	return 0;
}

static void
delete_end(void *context)
{
	world_drain(context, 0);
}

static void
step_delete_all(struct world *world, const char *name)
{
	struct model_tree *model = model_find(&world->model, name);
	struct section_steps steps = { .begin = delete_begin, .end = delete_end, .context = world };
	uint64_t from, to;

	any_range(world, &from, &to);
	world->effects.capacity = 1000 + random_below(&world->random, 1000);
	int outcome = tree_delete_range_all(world->worker, name, strlen(name), from, to, &steps);

	world->effects.capacity = WORLD_EFFECTS;
	check(world->effects.count == 0, "%u effects are left", world->effects.count);

	check(outcome == (model ? 0 : ENGINE_MISSING), "delete_range_all: %d", outcome);
	for (size_t i = 0; model && i < model->key_count; i++)
		model_delete_range(model, model->keys[i].key, from, to);
}

/* What is left are the keys that have a count or a total. */
static void
step_compact_all(struct world *world, const char *name)
{
	struct model_tree *model = model_find(&world->model, name);
	struct section_steps steps = { .begin = delete_begin, .end = delete_end, .context = world };

	world->effects.capacity = 1000 + random_below(&world->random, 1000);
	int outcome = tree_compact_all(world->worker, name, strlen(name), &steps);

	world->effects.capacity = WORLD_EFFECTS;
	check(world->effects.count == 0, "%u effects are left", world->effects.count);
	check(outcome == (model ? 0 : ENGINE_MISSING), "compact_all: %d", outcome);
	if (model) {
		model_forget_zeros(model);
		(void)model_compact(model);
	}
}

static void
step(struct world *world)
{
	const char *name = any_name(world);
	uint32_t kind = random_below(&world->random, 100 * (1 + profile->every / 100));

	switch (kind) {
	case 0:
		step_tree(world, name);
		break;
	case 1:
		world_cut(world, name, NULL);
		break;
	case 2:
		world_cut(world, name, step_counter);
		break;
	case 3:
		world_compact(world, name, random_below(&world->random, 2) == 0);
		break;
	case 4:
		step_delete_all(world, name);
		break;
	case 5:
		if (random_below(&world->random, 4) == 0)
			(void)world_load(world, name, profile->keys < 500 ? profile->keys : 500, profile->days);
		break;
	case 6:
		world->model.today += random_below(&world->random, 10) == 0;
		engine_today_advance(world->engine, world->model.today - random_below(&world->random, 2));
		engine_today_advance(world->engine, world->model.today);
		check(engine_today(world->engine) == world->model.today, "today is %u", engine_today(world->engine));
		break;
	case 7:
		engine_log_epoch_store(world->engine, engine_log_epoch(world->engine) + 1);
		break;
	case 8:
		engine_reclaim(world->engine);
		break;
	case 9:
		step_compact_all(world, name);
		break;
	default:
		step_counter(world, name);
	}
}

static void
run_world(uint32_t operations, uint64_t seed)
{
	struct world world;

	world_init(&world, profile->trees > 1 ? profile->trees - 1 : 1, seed);
	for (uint32_t i = 0; i < operations; i++) {
		step(&world);
		if (i % profile->every == profile->every - 1)
			world_compare(&world);
	}
	world_compare(&world);
	world_deinit(&world);
}

int
main(int argc, char **argv)
{
	struct run run = { .seconds = 5, .cuts = 20000, .threads = 1 };
	uint32_t worlds = 0;

	run_parse(&run, argc, argv);
	double end = seconds_now() + run.seconds;
	/* The seed of the run is the seed of its first world, so that a failure is repeated at once. */
	for (uint64_t seed = run.seed; worlds == 0 || seconds_now() < end; run.seed = ++seed, worlds++) {
		profile = &profiles[seed % (sizeof(profiles) / sizeof(profiles[0]))];
		run_world(run.cuts, seed);
	}
	printf("%u worlds of %u operations\n", worlds, run.cuts);
	return 0;
}
