/*
 * snapshot.c - what snapshots cost those who add, and how fast they walk
 *
 *   walk, file   one snapshot while nobody adds: the cut alone, its keys looked at and dropped; a dump, as a server writes it. per_s are keys
 *   add          workers add to random keys of the tree in batches, each batch timed as a whole, once without snapshots
 *                (snapshots: none), then with them back to back (walk, file). Rate 0: the next batch begins when one
 *                ends. Else batches begin on a schedule and their time counts from there, so a worker that was held up
 *                makes those behind late, too. snapshot_s: how long one took meanwhile
 *
 * Workers are pinned, one to a processor; the snapshots' thread to the one after them, which may be the first again.
 */
#include "kit/clock.h"
#include "kit/crew.h"
#include "kit/field.h"
#include "kit/figures.h"
#include "kit/histogram.h"
#include "kit/must.h"
#include "kit/options.h"
#include "kit/random.h"
#include "snapshot/snapshot_taker.h"

static const char *const target_names[] = { "none", "walk", "file", NULL };

static struct {
	uint64_t keys, batch;
	struct option_numbers threads, rates;
	double seconds;
	uint32_t targets;
	const char *directory;
} options = {
	.keys = 10000000,
	.batch = 16,
	.threads = { 1, { 1 } },
	.rates = { 2, { 0, 1000000 } },
	.seconds = 5,
	.targets = UINT32_MAX,
	.directory = "/tmp",
};

static const struct program_option option_table[] = {
	{ "keys", OPTION_NUMBER, .number = &options.keys, .min = 1, .max = UINT32_MAX, .help = "size of the tree" },
	{ "seconds", OPTION_SECONDS, .seconds = &options.seconds,
	  .help = "time for each figure; a snapshot is completed" },
	{ "threads", OPTION_NUMBERS, .numbers = &options.threads, .min = 1, .max = 256, .help = "workers that add" },
	{ "batch", OPTION_NUMBER, .number = &options.batch, .min = 1, .max = FIELD_BATCH_MAX,
	  .help = "keys of a batch" },
	{ "rate", OPTION_NUMBERS, .numbers = &options.rates, .min = 0, .max = 1000000000,
	  .help = "adds a second of each worker, 0: as many as it can" },
	{ "snapshots", OPTION_NAMES, .chosen = &options.targets, .names = target_names,
	  .help = "what runs beside the adds" },
	{ "directory", OPTION_TEXT, .text = &options.directory, .help = "where the files go, and are removed" },
};

static bool
is_wanted(enum snapshot_target target)
{
	return (options.targets >> target & 1) != 0;
}

/* ---- adds ---- */

struct adds {
	const struct field *field;
	uint64_t rate;
	struct histogram *latencies; /* one for each worker */
};

/* Spins: who sleeps is woken late, and it is not the kernel that is measured here. */
static uint64_t
await(uint64_t scheduled_ns)
{
	while (clock_ns() < scheduled_ns)
		;
	return scheduled_ns;
}

static void
adds_run(struct crew_member *member)
{
	const struct adds *adds = member->crew->context;
	const unsigned batch = (unsigned)options.batch;
	const uint64_t pause_ns = adds->rate == 0 ? 0 : batch * UINT64_C(1000000000) / adds->rate;
	struct histogram *latency = &adds->latencies[member->index];
	uint64_t random = random_seed(member->index), keys[FIELD_BATCH_MAX], scheduled_ns = clock_ns();
	struct engine_worker *worker;

	must(engine_worker_create(adds->field->engine, &worker), "engine_worker_create");
	while (crew_goes_on(member)) {
		for (unsigned i = 0; i < batch; i++)
			keys[i] = random_key(random_below(&random, adds->field->keys));
		scheduled_ns += pause_ns;
		const uint64_t start_ns = pause_ns == 0 ? clock_ns() : await(scheduled_ns);

		engine_batch_begin(worker);
		(void)field_batch(worker, field_tree(worker), FIELD_ADD, keys, batch, FIELD_DAY);
		engine_batch_end(worker);
		if (crew_phase(member) == CREW_MEASURED)
			histogram_record(latency, clock_ns() - start_ns);
		crew_done(member, batch);
	}
	engine_worker_destroy(worker);
}

/* ---- figures ---- */

static void
adds_print(const struct adds *adds, unsigned threads, double per_s, const struct snapshot_taker *taker)
{
	struct histogram *all = &adds->latencies[0];

	for (unsigned i = 1; i < threads; i++)
		histogram_add(all, &adds->latencies[i]);
	figures_row("add");
	figures_count("keys", adds->field->keys);
	figures_count("threads", threads);
	figures_count("batch", options.batch);
	figures_count("rate", adds->rate);
	figures_text("snapshots", target_names[taker->target]);
	figures_real("per_s", per_s);
	figures_count("p50_ns", histogram_percentile(all, 0.5));
	figures_count("p99_ns", histogram_percentile(all, 0.99));
	figures_count("p99.9_ns", histogram_percentile(all, 0.999));
	figures_count("max_ns", all->max);
	figures_count("snapshots_done", taker->count);
	figures_real("snapshot_s", taker->count > 0 ? taker->seconds / (double)taker->count : 0);
	figures_row_end();
}

static void
measure_beside(struct adds *adds, unsigned threads, struct snapshot_taker *taker)
{
	struct crew crew = { .run = adds_run, .context = adds, .threads = threads };

	adds->latencies = calloc(threads, sizeof(*adds->latencies));
	must(adds->latencies == NULL, "calloc");
	crew_begin(&crew);
	snapshot_taker_begin(taker);
	double per_s = crew_measure(&crew, options.seconds);

	snapshot_taker_end(taker);
	crew_end(&crew);
	adds_print(adds, threads, per_s, taker);
	free(adds->latencies);
}

static void
measure_alone(struct snapshot_taker *taker)
{
	snapshot_take(taker);
	figures_row(target_names[taker->target]);
	figures_count("keys", taker->field->keys);
	figures_real("per_s", (double)taker->keys / taker->seconds);
	figures_real("snapshot_s", taker->seconds);
	figures_count("bytes", taker->bytes);
	figures_row_end();
}

static void
measure_all(const struct field *field, const struct scratch *scratch)
{
	for (enum snapshot_target target = SNAPSHOT_WALK; target < SNAPSHOT_TARGETS; target++) {
		if (is_wanted(target))
			measure_alone(&(struct snapshot_taker){ .field = field, .target = target, .scratch = scratch });
	}
	for (unsigned t = 0; t < options.threads.count; t++) {
		const unsigned threads = (unsigned)options.threads.value[t];

		for (unsigned i = 0; i < options.rates.count * SNAPSHOT_TARGETS; i++) {
			struct adds adds = { .field = field, .rate = options.rates.value[i / SNAPSHOT_TARGETS] };
			struct snapshot_taker taker = {
				.field = field,
				.target = i % SNAPSHOT_TARGETS,
				.scratch = scratch,
				.cpu = threads,
			};

			if (is_wanted(taker.target))
				measure_beside(&adds, threads, &taker);
		}
	}
}

int
main(int argc, char **argv)
{
	const struct program program = {
		.name = "snapshot",
		.summary = "Measures adds with and without snapshots beside, and how fast snapshots walk.",
		.options = option_table,
		.option_count = sizeof(option_table) / sizeof(option_table[0]),
	};
	struct scratch scratch;
	struct field field;

	figures_begin(program.name, options_parse(&program, argc, argv));
	scratch_make(&scratch, options.directory);
	field_make(&field);
	(void)field_fill(&field, options.keys, FIELD_DAY, 1);
	measure_all(&field, &scratch);
	scratch_remove(&scratch);
	return figures_end();
}
