/*
 * Trees may be created, dropped, reset and replaced under load: no count goes to the wrong tree, and memory stays bounded.
 *
 * Workers find trees and count in them; each has keys of its own and knows, by tree id, what it has to find there: all of
 * what it added to this id, nothing in a tree it has not met before, and an id that was left behind never comes back. A
 * tree nobody drops keeps everything. Beside them a scan thread reads all trees, and the maintenance thread cuts, compacts,
 * replaces trees and frees what was retired. In the sanitized builds a use after free or a race ends the test.
 *
 * Arguments: seconds, cuts, threads, seed.
 */
#include "trees.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the maintenance thread ------------------------------------------------------------------------------------- */

struct visited {
	bool key[TREES_KEYS];
	size_t kept;
};

static void
note_visit(struct visited *visited, uint64_t key)
{
	check(key < TREES_KEYS && !visited->key[key], "key %lu came twice, or from nowhere", key);
	visited->key[key] = true;
	visited->kept += key < KEPT_KEYS;
}

static int
cut_key(void *context, const struct cut_key *key)
{
	uint64_t sum = 0;

	note_visit(context, key->key);
	for (size_t i = 0; i < key->day_count; i++)
		sum += key->days[i].count;
	check(sum == key->words.total && sum == key->total, "key %lu: total %lu, days %lu", key->key, key->total, sum);
	return 0;
}

static void
cut(struct trees *trees, const char *name)
{
	struct tree *tree = engine_pin_tree(trees->engine, name, strlen(name));
	struct visited visited = { .kept = 0 };
	struct cut_summary summary;

	if (tree == NULL)
		return;
	check(tree_cut(trees->engine, tree, cut_key, &visited, &summary) == 0, "tree_cut()");
	trees->cuts++;
}

static void
replace(struct trees *trees, const char *name)
{
	struct tree *tree;

	check(tree_load_begin(trees->engine, 0, 5, &tree) == 0, "tree_load_begin()");
	for (uint64_t key = LOADED_KEY_FIRST; key < TREES_KEYS; key++) {
		struct cut_day day = { .day = TREES_DAY, .count = key };

		check(tree_load_key(tree, key, key, &day, 1) == 0, "tree_load_key()");
	}
	engine_batch_begin(trees->worker);
	int outcome = tree_load_publish(trees->worker, tree, name, strlen(name));

	check(outcome == 0, "tree_load_publish(): %d", outcome);
	trees_drain(trees, &trees->effects);
	engine_batch_end(trees->worker);
}

static void
maintain(struct trees *trees, uint64_t *random)
{
	const char *name = trees_name(random_below(random, TREES_NAMES + 1));
	uint32_t kind = random_below(random, 64);
	size_t retired = engine_retired_bytes(trees->engine);

	trees->retired_max = retired > trees->retired_max ? retired : trees->retired_max;
	engine_log_epoch_store(trees->engine, engine_log_epoch(trees->engine) + 1);
	if (kind == 0 && strcmp(name, trees_name(TREES_NAMES)) != 0) {
		replace(trees, name);
	} else if (kind < 16) {
		struct tree *tree = engine_pin_tree(trees->engine, name, strlen(name));

		engine_batch_begin(trees->worker);
		if (tree != NULL)
			(void)tree_compact(trees->worker, tree, kind < 8);
		trees_drain(trees, &trees->effects);
		engine_batch_end(trees->worker);
	} else if (kind < 32) {
		cut(trees, name);
	}
	engine_reclaim(trees->engine);
}

/* ---- the scan thread ---------------------------------------------------------------------------------------------- */

static void
scan_day(void *context, uint32_t day, uint64_t count)
{
	uint64_t *sum = context;

	check(day >= TREES_DAY && day < TREES_DAY + TREES_DAYS, "day %u", day);
	*sum += count;
}

static int
scan_key(void *context, uint64_t key, struct key_record *record)
{
	uint64_t sum = 0;

	note_visit(context, key);
	tree_key_days(record, 0, UINT64_MAX, scan_day, &sum);
	check(sum < UINT64_C(1) << 48, "key %lu has %lu", key, sum);
	return 0;
}

struct names {
	struct trees *trees;
	uint32_t seen; /* one bit each */
};

static int
scan_name(void *context, struct tree *tree, const char *name, size_t bytes)
{
	struct names *names = context;
	struct visited visited = { .kept = 0 };
	uint32_t index = 0;

	while (index <= TREES_NAMES &&
	       (strlen(trees_name(index)) != bytes || memcmp(trees_name(index), name, bytes) != 0))
		index++;
	check(index <= TREES_NAMES, "the name %.*s", (int)bytes, name);
	check((names->seen & 1U << index) == 0, "the name %s twice", trees_name(index));
	names->seen |= 1U << index;
	check(tree_scan_keys(tree, scan_key, &visited) == 0, "tree_scan_keys()");
	check(index < TREES_NAMES || visited.kept == KEPT_KEYS, "%zu of the kept keys were seen", visited.kept);
	return 0;
}

static void *
scan_main(void *argument)
{
	struct trees *trees = argument;

	while (!atomic_load_explicit(&trees->stop, memory_order_relaxed)) {
		struct names names = { .trees = trees };

		engine_scan_begin(trees->engine);
		check(engine_scan_names(trees->engine, scan_name, &names) == 0, "engine_scan_names()");
		engine_scan_end(trees->engine);
		check((names.seen & 1U << TREES_NAMES) != 0, "the kept tree is gone");
		trees->scans++;
		sleep_us(300);
	}
	return NULL;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static uint64_t
resident_bytes(void)
{
	unsigned long pages = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file == NULL || fscanf(file, "%lu %lu", &pages, &resident) != 2) /* NOLINT(cert-err34-c) */
		resident = 0;
	if (file != NULL)
		(void)fclose(file);
	return (uint64_t)resident * 4096;
}

int
main(int argc, char **argv)
{
	struct run run = { .seconds = 10, .cuts = 100, .threads = 3 };
	static struct trees trees;
	pthread_t scanner;

	run_parse(&run, argc, argv);
	uint64_t random = random_seed(run.seed, 99), resident = 0;

	trees_setup(&trees, &run);
	check(pthread_create(&scanner, NULL, scan_main, &trees) == 0, "pthread_create()");
	for (double start = seconds_now(), passed = 0; passed < run.seconds || trees.cuts < run.cuts;
	     passed = seconds_now() - start) {
		maintain(&trees, &random);
		sleep_us(50);
		if (resident == 0 && passed > run.seconds / 3)
			resident = resident_bytes();
		check(passed < run.seconds * 10 + 60, "too slow: %lu cuts", trees.cuts);
	}
	uint64_t resident_end = resident_bytes();

	atomic_store_explicit(&trees.stop, true, memory_order_relaxed);
	(void)pthread_join(scanner, NULL);
	trees_finish(&trees, &run);
	printf(
	    "%lu trees, %lu operations, %lu cuts, %lu scans; at most %zu bytes retired; %lu MiB resident, %lu before\n",
	    engine_tree_id_next(trees.engine) - 1, trees.operations, trees.cuts, trees.scans, trees.retired_max,
	    resident_end >> 20, resident >> 20);
#ifndef KARMA_SANITIZED
	check(resident_end < resident + resident / 2 + (UINT64_C(64) << 20), "memory grows: from %lu to %lu bytes",
	      resident, resident_end);
#endif
	check(trees.retired_max < 4 * (size_t)TREES_RETIRED_MAX, "%zu bytes were retired and not freed",
	      trees.retired_max);
	for (int i = 0; i < 3; i++)
		engine_reclaim(trees.engine);
	check(engine_retired_bytes(trees.engine) == 0, "%zu bytes stay retired", engine_retired_bytes(trees.engine));
	engine_destroy(trees.engine);
	trees_teardown(&trees);
	return 0;
}
