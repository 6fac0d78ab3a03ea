/*
 * Under every operation at once every snapshot, and every prefix of the log, is a state that could have been.
 *
 * In detail: each cut is, word by word, the sum of all effects of its generation and before; in each cut and after each log
 * epoch no count is negative, the total is the sum of the days, no limit is exceeded, and keys that only change together
 * are alike; no key is lost or comes twice in a cut while tables grow; the end is the sum of all effects. The walker and
 * the writers both captured words, and operations were parted by cuts: else nothing was proved, and the test fails.
 *
 * Arguments: seconds, cuts, threads, seed.
 */
#include "stress.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROWING_KEYS = 20000 };

static const struct mix mixes[] = {
	{ .name = "mixed", .weight = { 40, 25, 35 } },
	{ .name = "few keys", .weight = { 98, 1, 1 } },
	{ .name = "growth", .weight = { 10, 10, 80 } },
	{ .name = "few keys, removed at times", .weight = { 90, 5, 5 }, .removes_keys = true },
	{ .name = "removal", .weight = { 10, 10, 80 }, .removes_keys = true },
};

/* ---- setting up and tearing down a round ----------------------------------------------------------------------- */

/* The loaded trees begin with counts, and totals above and below their days. Loading is not logged. */
static void
load_field(struct stress *stress, struct engine_worker *worker, uint32_t index)
{
	struct field *field = &stress->fields.field[index];
	struct tree *tree;

	check(tree_load_begin(stress->engine, 0, 1, &tree) == 0, "tree_load_begin()");
	field->tree_id = tree_id(tree);
	for (uint32_t k = 0; k < 4; k++) {
		struct cut_day day = { .day = FIELD_DAY_FIRST + k, .count = 10 };
		uint64_t total = k == 0 ? 1000 : k == 1 ? 4 : 10, difference = k == 0 ? 990 : 6;
		uint64_t *states[2] = { stress->books.tag_state, stress->books.generation_state };

		check(tree_load_key(tree, field_key(k), total, &day, 1) == 0, "tree_load_key()");
		for (int s = 0; s < 2; s++) {
			states[s][field_word_of(field, k, day.day)] = WORD_ABSENT | day.count;
			states[s][field_word_of(field, k, SLOT_TOTAL)] = day.count;
			states[s][field_word_of(field, k, SLOT_LISTED)] = 1;
			if (k < 2)
				states[s][field_word_of(field, k, k == 0 ? DAY_ABOVE : DAY_BELOW)] = difference;
		}
	}
	engine_batch_begin(worker);
	check(tree_load_publish(worker, tree, field->name, strlen(field->name)) == 0, "tree_load_publish()");
	engine_batch_end(worker);
}

static void
create_grow(struct stress *stress, struct engine_worker *worker)
{
	struct field *field = &stress->fields.field[FIELD_GROW];
	struct tree *tree;

	engine_batch_begin(worker);
	check(tree_create(worker, field->name, strlen(field->name), &tree) == 0, "tree_create()");
	field->tree_id = tree_id(tree);
	engine_batch_end(worker);
}

static void
stress_setup(struct stress *stress, const struct mix *mix, const struct run *run, uint64_t round)
{
	*stress = (struct stress){ .mix = mix, .worker_count = run->threads };
	fields_init(&stress->fields, GROWING_KEYS);
	check(engine_create(10, FIELD_DAY_FIRST, &stress->engine) == 0, "engine_create()");
	books_init(&stress->books, &stress->fields, run->threads + 1);
	stress->workers = calloc(run->threads + 1, sizeof(*stress->workers));
	check(stress->workers, "out of memory");
	for (uint32_t i = 0; i <= run->threads; i++) {
		struct stress_worker *worker = &stress->workers[i];

		*worker = (struct stress_worker){ .stress = stress, .ledger = &stress->books.ledgers[i] };
		worker->random = random_seed(run->seed, round * 64 + i);
		check(engine_worker_create(stress->engine, &worker->worker) == 0, "engine_worker_create()");
	}
	load_field(stress, stress->workers[0].worker, FIELD_FEW);
	load_field(stress, stress->workers[0].worker, FIELD_DEEP);
	create_grow(stress, stress->workers[0].worker);
	for (int f = 0; f < FIELDS; f++) {
		struct tree *tree =
		    engine_pin_tree(stress->engine, stress->fields.field[f].name, strlen(stress->fields.field[f].name));

		atomic_store_explicit(&stress->books.closed_generation[f], tree_generation(tree) - 1,
		                      memory_order_relaxed);
	}
	for (uint32_t i = 0; i <= run->threads; i++)
		engine_worker_effects(stress->workers[i].worker, &stress->workers[i].ledger->buffer);
}

static void
stress_start(struct stress *stress)
{
	for (uint32_t i = 0; i < stress->worker_count; i++)
		check(pthread_create(&stress->workers[i].thread, NULL, stress_worker_main, &stress->workers[i]) == 0,
		      "pthread_create()");
	check(pthread_create(&stress->committer, NULL, stress_committer_main, stress) == 0, "pthread_create()");
}

static void
stress_stop(struct stress *stress)
{
	atomic_store_explicit(&stress->stop_workers, true, memory_order_relaxed);
	for (uint32_t i = 0; i < stress->worker_count; i++)
		(void)pthread_join(stress->workers[i].thread, NULL);
	atomic_store_explicit(&stress->stop_committer, true, memory_order_release);
	(void)pthread_join(stress->committer, NULL);
}

static void
stress_teardown(struct stress *stress, struct stress_sums *sums)
{
	for (uint32_t i = 0; i <= stress->worker_count; i++) {
		struct stress_worker *worker = &stress->workers[i];

		sums->operations += worker->operations;
		sums->admitted += worker->admitted;
		sums->refused += worker->refused;
		engine_worker_effects(worker->worker, NULL);
		engine_worker_destroy(worker->worker);
	}
	sums->epochs += stress->epochs;
	engine_destroy(stress->engine);
	books_deinit(&stress->books);
	free(stress->workers);
}

/* ---- a round --------------------------------------------------------------------------------------------------- */

static void
run_round(const struct run *run, uint64_t round, double seconds, struct stress_sums *sums)
{
	struct stress stress;
	double start = seconds_now(), passed = 0;
	uint32_t today = 0;

	stress_setup(&stress, &mixes[round % (sizeof(mixes) / sizeof(mixes[0]))], run, round);
	stress_start(&stress);
	for (uint32_t cut = 0; passed < seconds || cut < 8; cut++, passed = seconds_now() - start) {
		/* The few keys are cut most often: there operations are parted. */
		stress_cut(&stress, cut % 8 == 1 ? FIELD_DEEP : cut % 8 == 3 ? FIELD_GROW : FIELD_FEW, sums);
		stress_maintain(&stress);
		if (passed > seconds * (today + 1) / FIELD_TODAYS && today < FIELD_TODAYS - 1)
			engine_today_advance(stress.engine, FIELD_DAY_FIRST + ++today);
	}
	stress_stop(&stress);
	for (uint32_t f = 0; f < FIELDS; f++) {
		stress_cut(&stress, f, sums); /* of all that was done */
		stress_cut(&stress, f, sums); /* and of nothing */
	}
	stress_check_end(&stress);
	stress_teardown(&stress, sums);
}

static bool
proved_something(const struct stress_sums *sums)
{
	uint64_t captures = sums->by_walker + sums->by_writers;

	/* Under ThreadSanitizer this is about races; that operations are parted is for the other builds to see. */
	return (sums->deltas > 0 || UNDER_TSAN) && sums->by_walker > captures / 100 &&
	       sums->by_writers > captures / 1000 && sums->by_writers > sums->cuts && sums->admitted > 0 &&
	       sums->refused > 0;
}

int
main(int argc, char **argv)
{
	struct run run = { .seconds = 10, .cuts = 200, .threads = 3 };
	struct stress_sums sums = { 0 };

	run_parse(&run, argc, argv);
	stress_disturb_setup();
	double start = seconds_now(), per_round = run.seconds / 8 < 2 ? run.seconds / 8 : 2;

	for (uint64_t round = 0;; round++) {
		run_round(&run, round, per_round, &sums);
		double passed = seconds_now() - start;

		if (passed >= run.seconds && sums.cuts >= run.cuts && proved_something(&sums))
			break;
		if (passed > run.seconds * 4 + 30)
			break;
	}
	printf(
	    "%lu operations (%lu acquires admitted, %lu refused), %lu cuts: %lu words by the walker, %lu by writers, "
	    "%lu keys set aside, %lu effects parted from theirs by a cut; %lu epochs; %.1f s\n",
	    sums.operations, sums.admitted, sums.refused, sums.cuts, sums.by_walker, sums.by_writers,
	    sums.keys_set_aside, sums.deltas, sums.epochs, seconds_now() - start);
	check(sums.deltas > 0 || UNDER_TSAN, "no operation was parted by a cut: nothing was proved");
	check(proved_something(&sums), "the shares of walker and writers are too small: nothing was proved");
	return 0;
}
