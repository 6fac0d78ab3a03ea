/*
 * engine.c - what the engine alone does: adds and sums per second, and bytes per key
 *
 *   engine [keys] [threads] [seconds]      10000000 keys, 1 and then 2 threads, 2 seconds for each figure
 *
 * Keys come in random order. "prefetched" runs batches of 1024 in two passes, as a worker does: prefetch the map's slots,
 * then the records, then add. The batch figures are for batches of 1000 keys on 100 k keys. Threads are pinned, one to
 * each CPU the process may use. Prints one line for each figure.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "karma/engine.h"

enum { BATCH = 1024, SMALL_BATCH = 1000, SMALL_KEYS = 100000, DAY = 20240101 };

enum kind { ADD, ADD_PREFETCHED, SUM_PREFETCHED };

struct bench {
	struct engine *engine;
	const char *tree;
	uint64_t keys;
	uint32_t batch;
	enum kind kind;
	_Atomic bool stop;
};

struct thread {
	struct bench *bench;
	struct engine_worker *worker;
	pthread_t thread;
	unsigned index;
	uint64_t done, sum;
};

static void
must(int outcome, const char *what)
{
	if (outcome == 0)
		return;
	(void)fprintf(stderr, "%s: %d\n", what, outcome);
	_Exit(1);
}

static double
seconds_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t
resident_bytes(void)
{
	unsigned long size = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file == NULL || fscanf(file, "%lu %lu", &size, &resident) != 2) /* NOLINT(cert-err34-c) */
		must(1, "/proc/self/statm");
	(void)fclose(file);
	return (uint64_t)resident * 4096;
}

static uint64_t
random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Key number n: spread over all 64 bits, as ids of users are not in order either. */
static uint64_t
key_of(uint64_t number)
{
	return number * UINT64_C(0x9e3779b97f4a7c15);
}

/* The n-th CPU that this process may use. */
static void
pin(unsigned index)
{
	cpu_set_t allowed, one;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0 || CPU_COUNT(&allowed) == 0)
		return;
	index %= (unsigned)CPU_COUNT(&allowed);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || index-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		(void)pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
		return;
	}
}

/* ---- what is measured ---------------------------------------------------------------------------------------------- */

static void
run_batch(struct thread *self, struct tree *tree, const uint64_t *keys)
{
	uint32_t count = self->bench->batch;

	if (self->bench->kind != ADD) {
		for (uint32_t i = 0; i < count; i++)
			tree_prefetch_slot(tree, keys[i]);
		for (uint32_t i = 0; i < count; i++)
			tree_prefetch_record(tree, keys[i]);
	}
	if (self->bench->kind == SUM_PREFETCHED) {
		for (uint32_t i = 0; i < count; i++)
			self->sum += tree_total(tree, keys[i]);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		must(tree_add(self->worker, tree, keys[i], DAY, 1), "tree_add");
}

static void *
thread_main(void *argument)
{
	struct thread *self = argument;
	struct bench *bench = self->bench;
	uint64_t random = UINT64_C(88172645463325252) + self->index * UINT64_C(7919), keys[BATCH];

	pin(self->index);
	while (!atomic_load_explicit(&bench->stop, memory_order_relaxed)) {
		for (uint32_t i = 0; i < bench->batch; i++)
			keys[i] = key_of(random_next(&random) % bench->keys);
		engine_batch_begin(self->worker);
		run_batch(self, tree_find(self->worker, bench->tree, 1), keys);
		engine_batch_end(self->worker);
		self->done += bench->batch;
	}
	return NULL;
}

static void
measure(struct bench *bench, const char *what, unsigned threads, double seconds)
{
	struct thread *all = calloc(threads, sizeof(*all));
	uint64_t done = 0;

	must(all == NULL, "calloc");
	atomic_store_explicit(&bench->stop, false, memory_order_relaxed);
	for (unsigned i = 0; i < threads; i++) {
		all[i] = (struct thread){ .bench = bench, .index = i };
		must(engine_worker_create(bench->engine, &all[i].worker), "engine_worker_create");
	}
	double start = seconds_now();

	for (unsigned i = 0; i < threads; i++)
		must(pthread_create(&all[i].thread, NULL, thread_main, &all[i]), "pthread_create");
	(void)nanosleep(&(struct timespec){ .tv_sec = (time_t)seconds }, NULL);
	atomic_store_explicit(&bench->stop, true, memory_order_relaxed);
	for (unsigned i = 0; i < threads; i++) {
		(void)pthread_join(all[i].thread, NULL);
		done += all[i].done;
		engine_worker_destroy(all[i].worker);
	}
	printf("%-40s %10lu keys  %u threads  %8.2f M/s\n", what, bench->keys, threads,
	       (double)done / (seconds_now() - start) / 1e6);
	(void)fflush(stdout);
	free(all);
}

/* Adds 1 on every key, on one day. */
static void
fill(struct bench *bench, struct engine_worker *worker, uint32_t day)
{
	for (uint64_t key = 0; key < bench->keys;) {
		engine_batch_begin(worker);
		struct tree *tree = tree_find(worker, bench->tree, 1);

		for (uint32_t i = 0; i < BATCH && key < bench->keys; i++, key++)
			must(tree_add(worker, tree, key_of(key), day, 1), "tree_add");
		engine_batch_end(worker);
	}
}

static void
make_tree(struct bench *bench, struct engine_worker *worker, const char *name, uint64_t keys)
{
	struct tree *tree;

	bench->tree = name;
	bench->keys = keys;
	engine_batch_begin(worker);
	must(tree_create(worker, name, 1, &tree), "tree_create");
	engine_batch_end(worker);
}

static uint64_t
argument(int argc, char **argv, int index, uint64_t otherwise)
{
	char *end;

	if (argc <= index)
		return otherwise;
	errno = 0;
	uint64_t value = strtoull(argv[index], &end, 10);

	if (errno != 0 || *end != '\0' || value == 0) {
		(void)fprintf(stderr, "usage: %s [keys] [threads] [seconds]\n", argv[0]);
		_Exit(1);
	}
	return value;
}

int
main(int argc, char **argv)
{
	struct bench bench = { .batch = BATCH };
	uint64_t keys = argument(argc, argv, 1, 10000000), before;
	unsigned threads = (unsigned)argument(argc, argv, 2, 2);
	double seconds = (double)argument(argc, argv, 3, 2);
	struct engine_worker *worker;

	must(engine_create(4, DAY, &bench.engine), "engine_create");
	must(engine_worker_create(bench.engine, &worker), "engine_worker_create");

	make_tree(&bench, worker, "s", SMALL_KEYS);
	fill(&bench, worker, DAY);
	bench.batch = SMALL_BATCH;
	bench.kind = ADD_PREFETCHED;
	measure(&bench, "batch of 1000: adds", 1, seconds);
	bench.kind = SUM_PREFETCHED;
	measure(&bench, "batch of 1000: sums", 1, seconds);

	bench.batch = BATCH;
	before = resident_bytes();
	make_tree(&bench, worker, "l", keys);
	double start = seconds_now();

	fill(&bench, worker, DAY);
	printf("%-40s %10lu keys  1 threads  %8.2f M/s\n", "first adds", keys,
	       (double)keys / (seconds_now() - start) / 1e6);
	engine_reclaim(bench.engine);
	engine_reclaim(bench.engine);
	printf("%-40s %10lu keys  %.1f bytes\n", "resident per key, 1 day", keys,
	       (double)(resident_bytes() - before) / (double)keys);
	for (unsigned n = 1; n <= threads; n++) {
		bench.kind = ADD;
		measure(&bench, "adds in random order", n, seconds);
		bench.kind = ADD_PREFETCHED;
		measure(&bench, "adds in random order, prefetched", n, seconds);
	}
	fill(&bench, worker, DAY + 1);
	fill(&bench, worker, DAY + 2);
	printf("%-40s %10lu keys  %.1f bytes\n", "resident per key, 3 days", keys,
	       (double)(resident_bytes() - before) / (double)keys);
	engine_worker_destroy(worker);
	engine_destroy(bench.engine);
	return 0;
}
