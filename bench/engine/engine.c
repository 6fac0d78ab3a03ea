/*
 * engine.c - what the engine alone does: adds, sums, first adds a second, and the memory of a key
 *
 *   insert   the first adds of all keys, which makes them; for each number of keys and threads
 *   add, sum, mixed   on those keys, in batches as a worker runs them (field.h): uniform, keys in random order, and hot, one key
 *            for all threads
 *   plain    adds without prefetching
 *   memory   resident bytes of a key with so many days, filled day after day
 *
 * Each number of keys has a process of its own, so that memory is fresh. Threads are pinned, one to a processor.
 */
#include "kit/child.h"
#include "kit/crew.h"
#include "kit/field.h"
#include "kit/figures.h"
#include "kit/machine.h"
#include "kit/must.h"
#include "kit/options.h"
#include "kit/random.h"

enum { ONLY_MEMORY = FIELD_KINDS, ONLY_INSERT };

static const char *const only_names[] = { "add", "sum", "mixed", "plain", "memory", "insert", NULL };
static const char *const distribution_names[] = { "uniform", "hot", NULL };
enum distribution { UNIFORM, HOT, DISTRIBUTIONS };

static struct {
	struct option_numbers keys, threads, batches, days;
	uint64_t memory_keys, memory_words;
	double seconds;
	uint32_t only, distributions;
} options = {
	.keys = { 4, { 10000, 100000, 1000000, 10000000 } },
	.batches = { 5, { 1, 16, 64, 256, 1000 } },
	.days = { 4, { 1, 3, 30, 365 } },
	.memory_keys = 10000000,
	.memory_words = 30000000,
	.seconds = 0.3,
	.only = UINT32_MAX,
	.distributions = UINT32_MAX,
};

static const struct program_option option_table[] = {
	{ "only", OPTION_NAMES, .chosen = &options.only, .names = only_names, .help = "what to measure" },
	{ "seconds", OPTION_SECONDS, .seconds = &options.seconds, .help = "time for each figure" },
	{ "keys", OPTION_NUMBERS, .numbers = &options.keys, .min = 1, .max = UINT32_MAX, .help = "sizes of the tree" },
	{ "threads", OPTION_NUMBERS, .numbers = &options.threads, .min = 1, .max = 256, .help = "threads that work" },
	{ "batch", OPTION_NUMBERS, .numbers = &options.batches, .min = 1, .max = FIELD_BATCH_MAX,
	  .help = "keys of a batch" },
	{ "distribution", OPTION_NAMES, .chosen = &options.distributions, .names = distribution_names,
	  .help = "choice of keys; hot, being the same with any number of them, goes with the first" },
	{ "days", OPTION_NUMBERS, .numbers = &options.days, .min = 1, .max = 10000,
	  .help = "days of a key, for memory" },
	{ "memory-keys", OPTION_NUMBER, .number = &options.memory_keys, .min = 1, .max = UINT32_MAX,
	  .help = "keys for memory, fewer with many days" },
	{ "memory-words", OPTION_NUMBER, .number = &options.memory_words, .min = 1, .max = UINT32_MAX,
	  .help = "at most so many keys times days" },
};

static bool
is_wanted(unsigned only)
{
	return (options.only >> only & 1) != 0;
}

/* ---- batches ---- */

struct work {
	struct field field;
	enum field_kind kind;
	enum distribution distribution;
	unsigned batch;
};

static void
work_run(struct crew_member *member)
{
	const struct work *work = member->crew->context;
	const uint64_t keys_drawn = work->distribution == HOT ? 1 : work->field.keys;
	uint64_t random = random_seed(member->index), keys[FIELD_BATCH_MAX], sum = 0;
	struct engine_worker *worker;

	must(engine_worker_create(work->field.engine, &worker), "engine_worker_create");
	while (crew_goes_on(member)) {
		for (unsigned i = 0; i < work->batch; i++)
			keys[i] = random_key(random_below(&random, keys_drawn));
		engine_batch_begin(worker);
		sum += field_batch(worker, field_tree(worker), work->kind, keys, work->batch, FIELD_DAY);
		engine_batch_end(worker);
		crew_done(member, work->batch);
	}
	engine_worker_destroy(worker);
	crew_saw(sum);
}

static void
work_measure(struct work *work, unsigned threads)
{
	struct crew crew = { .run = work_run, .context = work, .threads = threads };
	double per_s = crew_run(&crew, options.seconds);

	figures_row(only_names[work->kind]);
	figures_text("distribution", distribution_names[work->distribution]);
	figures_count("keys", work->field.keys);
	figures_count("threads", threads);
	figures_count("batch", work->batch);
	figures_real("per_s", per_s);
	figures_row_end();
}

static void
kinds_measure(struct work *work, unsigned threads)
{
	for (work->kind = 0; work->kind < FIELD_KINDS; work->kind++) {
		if (!is_wanted(work->kind))
			continue;
		/* Without prefetching the size of a batch means little. */
		for (unsigned i = work->kind == FIELD_PLAIN ? options.batches.count - 1 : 0; i < options.batches.count;
		     i++) {
			work->batch = (unsigned)options.batches.value[i];
			work_measure(work, threads);
		}
	}
}

/* ---- one size of the tree, one number of threads ---- */

struct round {
	uint64_t keys;
	unsigned threads;
	bool hot_too;
};

static void
round_run(void *context)
{
	const struct round *round = context;
	struct work work = { 0 };

	field_make(&work.field);
	double per_s = field_fill(&work.field, round->keys, FIELD_DAY, round->threads);

	if (is_wanted(ONLY_INSERT)) {
		figures_row("insert");
		figures_count("keys", round->keys);
		figures_count("threads", round->threads);
		figures_real("per_s", per_s);
		figures_row_end();
	}
	for (work.distribution = 0; work.distribution < DISTRIBUTIONS; work.distribution++) {
		if ((options.distributions >> work.distribution & 1) != 0 &&
		    (work.distribution != HOT || round->hot_too))
			kinds_measure(&work, round->threads);
	}
}

static void
rounds_run(void)
{
	for (unsigned k = 0; k < options.keys.count; k++) {
		for (unsigned t = 0; t < options.threads.count; t++) {
			struct round round = {
				.keys = options.keys.value[k],
				.threads = (unsigned)options.threads.value[t],
				.hot_too = k == 0,
			};

			child_run(round_run, &round);
		}
	}
}

/* ---- memory ---- */

static void
memory_run(void *context)
{
	const uint64_t days = *(const uint64_t *)context;
	uint64_t keys = options.memory_words / days;
	struct field field;

	keys = keys < options.memory_keys ? keys : options.memory_keys;
	keys = keys > 0 ? keys : 1;
	field_make(&field);
	const uint64_t before = machine_resident_bytes();

	for (uint64_t day = 0; day < days; day++)
		(void)field_fill(&field, keys, FIELD_DAY + (uint32_t)day, 1);
	/* Twice: what the first finds in use by a walk it frees the next time. */
	engine_reclaim(field.engine);
	engine_reclaim(field.engine);
	figures_row("memory");
	figures_count("keys", keys);
	figures_count("days", days);
	figures_real("bytes_per_key", (double)(machine_resident_bytes() - before) / (double)keys);
	figures_real("bytes_per_key_most", (double)(machine_resident_bytes_most() - before) / (double)keys);
	figures_row_end();
}

int
main(int argc, char **argv)
{
	const struct program program = {
		.name = "engine",
		.summary = "Measures the engine alone: adds, sums, first adds a second, and the memory of a key.",
		.options = option_table,
		.option_count = sizeof(option_table) / sizeof(option_table[0]),
	};

	options.threads = option_numbers_doubling(machine_cpus());
	figures_begin(program.name, options_parse(&program, argc, argv));
	if ((options.only & ~(UINT32_C(1) << ONLY_MEMORY)) != 0)
		rounds_run();
	for (unsigned i = 0; i < options.days.count && is_wanted(ONLY_MEMORY); i++)
		child_run(memory_run, &options.days.value[i]);
	return figures_end();
}
