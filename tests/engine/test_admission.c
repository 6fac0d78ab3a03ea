/*
 * A conditional add lets in what its limits allow: never more, and where nothing is given back, exactly as much.
 *
 * Many threads acquire over several keys of two trees while others take: subtract, reset, delete; and the day changes
 * under them. No total is ever seen above its limit. Keys that nothing is taken from fill up to exactly their limit, and
 * two that are only acquired together end alike.
 *
 * Arguments: seconds, -, threads, seed.
 */
#include "harness.h"

#include "karma/engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DAY_FIRST = 20240101,
	KEYS = 6, /* 0 … 3 are taken from, 4 fills up, 5 is 4's twin */
	LIMIT = 25,
	TOGETHER_LIMIT = 20000,
	TOGETHER = 4,
};

static const char *const tree_names[] = { "per user", "per account" };
enum { TREES = 2 };

struct admission {
	struct engine *engine;
	_Atomic bool stop;
	/* What was let in and given back, by tree and key. */
	_Atomic uint64_t added[TREES][KEYS], taken[TREES][KEYS];
	_Atomic uint64_t admitted, refused;
};

struct caller {
	struct admission *admission;
	struct engine_worker *worker;
	struct tree *trees[TREES];
	uint64_t random;
	pthread_t thread;
};

static void
count(_Atomic uint64_t *where, uint64_t amount)
{
	atomic_fetch_add_explicit(where, amount, memory_order_relaxed);
}

static struct acquire_item
item(struct caller *self, uint32_t tree, uint64_t key, uint64_t amount, uint64_t limit)
{
	return (struct acquire_item){ .tree = self->trees[tree],
		                      .key = key,
		                      .amount = amount,
		                      .limit = limit,
		                      .from = DAY_FIRST,
		                      .to = DAY_FIRST + 100 };
}

static void
acquire_any(struct caller *self)
{
	struct admission *admission = self->admission;
	struct acquire_item items[4];
	uint32_t trees[4];
	size_t items_count = 1 + random_below(&self->random, 4), refused = 99;

	for (size_t i = 0; i < items_count; i++) {
		trees[i] = random_below(&self->random, TREES);
		items[i] = item(self, trees[i], random_below(&self->random, TOGETHER),
		                1 + random_below(&self->random, 3), LIMIT);
	}
	int outcome = tree_acquire(self->worker, items, items_count, &refused);

	check(outcome == 0 || outcome == ENGINE_REFUSED, "acquire: %d", outcome);
	check(outcome == 0 || refused < items_count, "item %zu of %zu was refused", refused, items_count);
	count(outcome == 0 ? &admission->admitted : &admission->refused, 1);
	for (size_t i = 0; outcome == 0 && i < items_count; i++)
		count(&admission->added[trees[i]][items[i].key], items[i].amount);
}

/* One of each, in both trees: all four go together for ever. */
static int
acquire_together(struct caller *self)
{
	struct acquire_item items[4];
	size_t refused = 0;

	for (uint32_t i = 0; i < 4; i++)
		items[i] = item(self, i % TREES, TOGETHER + i / TREES, 1, TOGETHER_LIMIT);
	int outcome = tree_acquire(self->worker, items, 4, &refused);

	check(outcome == 0 || outcome == ENGINE_REFUSED, "acquire: %d", outcome);
	for (uint32_t i = 0; outcome == 0 && i < 4; i++)
		count(&self->admission->added[i % TREES][items[i].key], 1);
	return outcome;
}

static void
take(struct caller *self)
{
	uint32_t tree = random_below(&self->random, TREES), kind = random_below(&self->random, 20);
	uint64_t key = random_below(&self->random, TOGETHER), taken = 0;
	uint32_t day = engine_today(self->admission->engine) - random_below(&self->random, 2);
	int outcome;

	if (kind > 1)
		outcome = tree_subtract(self->worker, self->trees[tree], key, day, 1 + random_below(&self->random, 4),
		                        &taken);
	else if (key == 0 && kind == 0)
		outcome = tree_reset_key(self->worker, self->trees[tree], key); /* key 0 has no account */
	else if (key == 0)
		outcome = tree_delete_range(self->worker, self->trees[tree], key, day, day);
	else
		outcome = 0;
	check(outcome == 0, "a take returned %d", outcome);
	count(&self->admission->taken[tree][key], taken);
}

static void
look(struct caller *self)
{
	for (uint32_t tree = 0; tree < TREES; tree++) {
		for (uint64_t key = 0; key < KEYS; key++) {
			uint64_t total = tree_total(self->trees[tree], key);

			check(total <= (key < TOGETHER ? LIMIT : TOGETHER_LIMIT), "key %lu has %lu", key, total);
		}
	}
}

static void *
caller_main(void *argument)
{
	struct caller *self = argument;

	while (!atomic_load_explicit(&self->admission->stop, memory_order_relaxed)) {
		engine_batch_begin(self->worker);
		for (uint32_t i = 0; i < TREES; i++)
			self->trees[i] = tree_find(self->worker, tree_names[i], strlen(tree_names[i]));
		for (uint32_t left = 1 + random_below(&self->random, 64); left > 0; left--) {
			switch (random_below(&self->random, 8)) {
			case 0:
			case 1:
			case 2:
				acquire_any(self);
				break;
			case 3:
				(void)acquire_together(self);
				break;
			case 4:
				look(self);
				break;
			default:
				take(self);
			}
		}
		engine_batch_end(self->worker);
	}
	return NULL;
}

static void
check_end(struct admission *admission, struct engine_worker *worker)
{
	for (uint32_t t = 0; t < TREES; t++) {
		struct tree *tree = tree_find(worker, tree_names[t], strlen(tree_names[t]));

		for (uint64_t key = 0; key < KEYS; key++) {
			uint64_t total = tree_total(tree, key), days = tree_sum_range(tree, key, 0, UINT64_MAX);
			uint64_t left = admission->added[t][key] - admission->taken[t][key];

			check(total == days, "key %lu: total %lu, days %lu", key, total, days);
			check(key == 0 || total == left, "key %lu: %lu left of what was let in, total %lu", key, left,
			      total);
			check(key < TOGETHER || total == admission->added[0][TOGETHER], "twins are at %lu and %lu",
			      total, admission->added[0][TOGETHER]);
		}
	}
}

/* What is left of the limits is let in, one by one, and then no more: nothing is refused for nothing. */
static void
fill_up(struct caller *self)
{
	for (int i = 0; i < TREES; i++)
		self->trees[i] = tree_find(self->worker, tree_names[i], strlen(tree_names[i]));
	for (uint64_t total = tree_total(self->trees[0], 1); total <= LIMIT; total++) {
		struct acquire_item one = item(self, 0, 1, 1, LIMIT);
		size_t refused;
		int outcome = tree_acquire(self->worker, &one, 1, &refused);

		check(outcome == (total < LIMIT ? 0 : ENGINE_REFUSED), "at %lu of %d: %d", total, LIMIT, outcome);
	}
	while (acquire_together(self) == 0)
		;
	for (int i = 0; i < 4; i++)
		check(tree_total(self->trees[i % TREES], TOGETHER + (uint64_t)i / TREES) == TOGETHER_LIMIT,
		      "full at %lu", tree_total(self->trees[i % TREES], TOGETHER + (uint64_t)i / TREES));
}

static void
run_round(const struct run *run, uint64_t round, double seconds)
{
	struct admission admission = { 0 };
	struct caller *callers = calloc(run->threads, sizeof(*callers));
	struct tree *tree;
	double end = seconds_now() + seconds;

	check(callers, "out of memory");
	check(engine_create(10, DAY_FIRST, &admission.engine) == 0, "engine_create()");
	for (uint32_t i = 0; i < run->threads; i++) {
		callers[i] =
		    (struct caller){ .admission = &admission, .random = random_seed(run->seed, round * 64 + i) };
		check(engine_worker_create(admission.engine, &callers[i].worker) == 0, "engine_worker_create()");
	}
	engine_batch_begin(callers[0].worker);
	for (int i = 0; i < TREES; i++)
		check(tree_create(callers[0].worker, tree_names[i], strlen(tree_names[i]), &tree) == 0,
		      "tree_create()");
	engine_batch_end(callers[0].worker);
	for (uint32_t i = 0; i < run->threads; i++)
		check(pthread_create(&callers[i].thread, NULL, caller_main, &callers[i]) == 0, "pthread_create()");
	/* Forty days pass. */
	for (uint32_t day = 1; seconds_now() < end; day += day < 40) {
		sleep_us((uint32_t)(seconds * 1e6 / 40));
		engine_today_advance(admission.engine, DAY_FIRST + day);
	}
	atomic_store_explicit(&admission.stop, true, memory_order_relaxed);
	for (uint32_t i = 0; i < run->threads; i++)
		(void)pthread_join(callers[i].thread, NULL);
	engine_batch_begin(callers[0].worker);
	check_end(&admission, callers[0].worker);
	fill_up(&callers[0]);
	engine_batch_end(callers[0].worker);
	check(admission.admitted > 0 && admission.refused > 0, "nothing was let in, or nothing refused");
	printf("%lu admitted, %lu refused, %lu together\n", admission.admitted, admission.refused,
	       admission.added[0][TOGETHER]);
	for (uint32_t i = 0; i < run->threads; i++)
		engine_worker_destroy(callers[i].worker);
	engine_destroy(admission.engine);
	free(callers);
}

int
main(int argc, char **argv)
{
	struct run run = { .seconds = 10, .threads = 4 };
	enum { ROUNDS = 5 };

	run_parse(&run, argc, argv);
	for (uint64_t round = 0; round < ROUNDS; round++)
		run_round(&run, round, run.seconds / ROUNDS);
	return 0;
}
