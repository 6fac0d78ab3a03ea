/*
 * Threads that meet on a key, or on a day, that nobody has counted before make one of it, and no count is lost.
 *
 * All threads go off together, round by round, and add to the same fresh day of the same key (or to the same fresh key);
 * then the key must have each day once. So every slot of the record and of some blocks is raced for, and so is every push
 * of a block.
 *
 * Arguments: seconds, -, threads, seed.
 */
#include "harness.h"

#include "karma/engine.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { DAYS = 60 };

struct race {
	struct engine *engine;
	uint32_t threads;
	_Atomic uint64_t round;    /* the one under way; UINT64_MAX: the end */
	_Atomic uint32_t finished; /* threads that are done with it */
};

struct runner {
	struct race *race;
	struct engine_worker *worker;
	uint64_t random;
	pthread_t thread;
};

/* Round r is about day r % DAYS of key r / DAYS. */
static uint32_t
day_of(uint64_t round)
{
	return 1 + (uint32_t)(round % DAYS);
}

static void
run_off(struct runner *self, uint64_t round)
{
	struct race *race = self->race;
	struct tree *tree = tree_find(self->worker, "t", 1);

	/* All but the same instant: a few steps more or less decide who is where. */
	for (uint32_t i = random_below(&self->random, 64); i > 0; i--)
		atomic_signal_fence(memory_order_seq_cst);
	check(tree_add(self->worker, tree, round / DAYS, day_of(round), 1) == 0, "tree_add()");
	atomic_fetch_add_explicit(&race->finished, 1, memory_order_acq_rel);
}

static void *
runner_main(void *argument)
{
	struct runner *self = argument;
	uint64_t seen = 0, round;

	for (;;) {
		for (uint32_t i = 1; (round = atomic_load_explicit(&self->race->round, memory_order_acquire)) == seen;
		     i++) {
			if (i % 1024 == 0)
				(void)sched_yield();
		}
		if (round == UINT64_MAX)
			return NULL;
		seen = round;
		engine_batch_begin(self->worker);
		run_off(self, round);
		engine_batch_end(self->worker);
	}
}

struct days {
	bool seen[DAYS + 1];
	uint32_t count;
	uint64_t sum;
};

static void
note_day(void *context, uint32_t day, uint64_t count)
{
	struct days *days = context;

	check(day >= 1 && day <= DAYS && !days->seen[day], "day %u is there twice", day);
	days->seen[day] = true;
	days->count++;
	days->sum += count;
}

static void
check_round(struct race *race, struct engine_worker *worker, uint64_t round)
{
	struct tree *tree = tree_find(worker, "t", 1);
	struct days days = { .count = 0 };
	uint64_t key = round / DAYS, expected = (uint64_t)race->threads * day_of(round);

	check(tree_days(tree, key, 0, UINT64_MAX, note_day, &days), "key %lu is missing", key);
	check(days.count == day_of(round), "key %lu has %u days instead of %u", key, days.count, day_of(round));
	check(days.sum == expected && tree_total(tree, key) == expected, "key %lu: days %lu, total %lu, instead of %lu",
	      key, days.sum, tree_total(tree, key), expected);
}

static uint64_t
run_rounds(struct race *race, struct engine_worker *worker, double seconds)
{
	uint64_t round = 0;

	for (double end = seconds_now() + seconds; round % 64 != 0 || seconds_now() < end;) {
		atomic_store_explicit(&race->finished, 0, memory_order_relaxed);
		/* Release: who sees the round sees `finished` at 0. */
		atomic_store_explicit(&race->round, ++round, memory_order_release);
		/* The main thread runs, too: on two cores there is nobody else to race with. */
		engine_batch_begin(worker);
		check(tree_add(worker, tree_find(worker, "t", 1), round / DAYS, day_of(round), 1) == 0, "tree_add()");
		engine_batch_end(worker);
		while (atomic_load_explicit(&race->finished, memory_order_acquire) < race->threads - 1)
			(void)sched_yield();
		engine_batch_begin(worker);
		check_round(race, worker, round);
		engine_batch_end(worker);
	}
	return round;
}

int
main(int argc, char **argv)
{
	struct run run = { .seconds = 10, .threads = 2 };
	struct race race = { .round = 0 };
	struct engine_worker *worker;
	struct tree *tree;

	run_parse(&run, argc, argv);
	race.threads = run.threads;
	check(engine_create(4, 1, &race.engine) == 0, "engine_create()");
	check(engine_worker_create(race.engine, &worker) == 0, "engine_worker_create()");
	engine_batch_begin(worker);
	check(tree_create(worker, "t", 1, &tree) == 0, "tree_create()");
	/* Round 0, in which nobody runs. */
	check(tree_add(worker, tree, 0, day_of(0), run.threads) == 0, "tree_add()");
	engine_batch_end(worker);
	struct runner *runners = calloc(run.threads, sizeof(*runners));

	check(runners, "out of memory");
	for (uint32_t i = 1; i < run.threads; i++) {
		runners[i] = (struct runner){ .race = &race, .random = random_seed(run.seed, i) };
		check(engine_worker_create(race.engine, &runners[i].worker) == 0, "engine_worker_create()");
		check(pthread_create(&runners[i].thread, NULL, runner_main, &runners[i]) == 0, "pthread_create()");
	}
	printf("%lu rounds\n", run_rounds(&race, worker, run.seconds));
	atomic_store_explicit(&race.round, UINT64_MAX, memory_order_release);
	for (uint32_t i = 1; i < run.threads; i++)
		(void)pthread_join(runners[i].thread, NULL);
	engine_destroy(race.engine);
	free(runners);
	return 0;
}
