/*
 * Compaction beside adds, takes and conditional adds loses no count, on keys and day blocks that keep becoming empty.
 *
 * Every worker keeps account of what it added and took; at the end, and per key, the accounts make the totals.
 *
 * Arguments: seconds, cuts, threads, seed.
 */
#include "harness.h"

#include "karma/engine.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { DAY_FIRST = 20240101, KEYS = 20, SHALLOW_KEYS = 14, DAYS = 40 };

struct shop {
	struct engine *engine;
	_Atomic bool stop;
};

struct clerk {
	struct shop *shop;
	struct engine_worker *worker;
	struct tree *tree;
	uint64_t random;
	uint64_t account[KEYS]; /* added less taken, wrapping */
	pthread_t thread;
};

/* The shallow keys have one day, so that they are empty half of the time; the deep ones some blocks of days. */
static uint32_t
any_day(struct clerk *self, uint64_t key)
{
	return DAY_FIRST + (key < SHALLOW_KEYS ? 0 : random_below(&self->random, DAYS));
}

static void
add(struct clerk *self, uint64_t key)
{
	uint64_t amount = 1 + random_below(&self->random, 5);
	int outcome = tree_add(self->worker, self->tree, key, any_day(self, key), amount);

	check(outcome == 0, "add: %d", outcome);
	self->account[key] += amount;
}

static void
acquire(struct clerk *self, uint64_t key)
{
	struct acquire_item items[2] = {
		{ .tree = self->tree, .key = key, .amount = 2, .limit = 50, .to = UINT64_MAX }
	};
	size_t refused;

	items[1] = items[0];
	items[1].key = random_below(&self->random, KEYS);
	items[1].limit = random_below(&self->random, 2) ? 50 : 0; /* refused: leaves an unlisted record */
	int outcome = tree_acquire(self->worker, items, 2, &refused);

	check(outcome == 0 || outcome == ENGINE_REFUSED, "acquire: %d", outcome);
	for (int i = 0; outcome == 0 && i < 2; i++)
		self->account[items[i].key] += items[i].amount;
}

/* Empties one day, or all of them one by one. */
static void
take(struct clerk *self, uint64_t key)
{
	uint32_t days = key >= SHALLOW_KEYS && random_below(&self->random, 8) == 0 ? DAYS : 1;
	uint32_t day = days > 1 ? DAY_FIRST : any_day(self, key);

	for (; days > 0; days--, day++) {
		uint64_t taken = 0;
		int outcome = tree_subtract(self->worker, self->tree, key, day, UINT64_MAX, &taken);

		check(outcome == 0, "subtract: %d", outcome);
		self->account[key] -= taken;
	}
}

/* Sets a day to 0 at times: that takes, too, but does not tell how much; so it is only done where nothing is. */
static void
touch(struct clerk *self, uint64_t key)
{
	int outcome = tree_set(self->worker, self->tree, key, DAY_FIRST + DAYS, 0);

	check(outcome == 0, "set: %d", outcome);
	check(tree_sum_range(self->tree, key, DAY_FIRST + DAYS, DAY_FIRST + DAYS) == 0, "a day came from nowhere");
}

static void *
clerk_main(void *argument)
{
	struct clerk *self = argument;

	while (!atomic_load_explicit(&self->shop->stop, memory_order_relaxed)) {
		engine_batch_begin(self->worker);
		self->tree = tree_find(self->worker, "t", 1);
		for (uint32_t left = 1 + random_below(&self->random, 32); left > 0; left--) {
			uint64_t key = random_below(&self->random, KEYS);
			uint32_t kind = random_below(&self->random, 16);

			if (kind < 7)
				add(self, key);
			else if (kind < 9)
				acquire(self, key);
			else if (kind < 15)
				take(self, key);
			else
				touch(self, key);
		}
		engine_batch_end(self->worker);
		if (random_below(&self->random, 8) == 0)
			(void)sched_yield(); /* rather here than in a section that others wait for */
	}
	return NULL;
}

/* ---- the maintenance thread ----------------------------------------------------------------------------------- */

static int
visit(void *context, const struct cut_key *key)
{
	bool *seen = context;
	uint64_t sum = 0;

	check(key->key < KEYS && !seen[key->key], "key %lu came twice, or from nowhere", key->key);
	seen[key->key] = true;
	for (size_t i = 0; i < key->day_count; i++) {
		sum += key->days[i].count;
		for (size_t k = 0; k < i; k++)
			check(key->days[k].day != key->days[i].day, "key %lu: day %u twice", key->key,
			      key->days[i].day);
	}
	check(sum == key->words.total, "key %lu: total %lu, days %lu", key->key, key->words.total, sum);
	return 0;
}

static uint64_t
maintain(struct shop *shop, struct engine_worker *worker, const struct run *run)
{
	double end = seconds_now() + run->seconds, late = end + run->seconds * 4;
	uint64_t removed = 0, random = run->seed;
	struct cut_summary summary;

	for (uint32_t cuts = 0; (seconds_now() < end || cuts < run->cuts || removed < 1000) && seconds_now() < late;) {
		struct tree *tree = engine_pin_tree(shop->engine, "t", 1);
		bool seen[KEYS] = { false };

		for (int i = 0; i < 16; i++)
			removed += tree_compact(worker, tree, random_below(&random, 4) > 0);
		check(tree_compact_all(worker, "t", 1, NULL) == 0, "tree_compact_all()");
		if (random_below(&random, 4) == 0) {
			check(tree_cut(shop->engine, tree, visit, seen, &summary) == 0, "tree_cut()");
			cuts++;
		}
		if (random_below(&random, 4) == 0)
			engine_reclaim(shop->engine);
		sleep_us(20);
	}
	return removed;
}

static void
check_accounts(const struct clerk *clerks, uint32_t count, struct tree *tree)
{
	for (uint64_t key = 0; key < KEYS; key++) {
		uint64_t expected = 0, total = tree_total(tree, key), days = tree_sum_range(tree, key, 0, UINT64_MAX);

		for (uint32_t i = 0; i < count; i++)
			expected += clerks[i].account[key];
		check(total == expected && days == expected, "key %lu: total %lu, days %lu, the accounts make %lu", key,
		      total, days, expected);
	}
}

int
main(int argc, char **argv)
{
	struct run run = { .seconds = 10, .cuts = 100, .threads = 3 };
	struct shop shop = { 0 };
	struct engine_worker *worker;
	struct tree *tree;

	run_parse(&run, argc, argv);
	check(engine_create(4, DAY_FIRST, &shop.engine) == 0, "engine_create()");
	check(engine_worker_create(shop.engine, &worker) == 0, "engine_worker_create()");
	engine_batch_begin(worker);
	check(tree_create(worker, "t", 1, &tree) == 0, "tree_create()");
	engine_batch_end(worker);
	struct clerk *clerks = calloc(run.threads, sizeof(*clerks));

	check(clerks, "out of memory");
	for (uint32_t i = 0; i < run.threads; i++) {
		clerks[i] = (struct clerk){ .shop = &shop, .random = random_seed(run.seed, i) };
		check(engine_worker_create(shop.engine, &clerks[i].worker) == 0, "engine_worker_create()");
		check(pthread_create(&clerks[i].thread, NULL, clerk_main, &clerks[i]) == 0, "pthread_create()");
	}
	uint64_t removed = maintain(&shop, worker, &run);

	atomic_store_explicit(&shop.stop, true, memory_order_relaxed);
	for (uint32_t i = 0; i < run.threads; i++)
		(void)pthread_join(clerks[i].thread, NULL);
	engine_batch_begin(worker);
	check_accounts(clerks, run.threads, tree);
	engine_batch_end(worker);
	printf("%lu records removed\n", removed);
	check(removed >= 1000, "only %lu records were removed: nothing was proved", removed);
	engine_destroy(shop.engine);
	free(clerks);
	return 0;
}
