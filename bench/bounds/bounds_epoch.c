#include "bounds/bounds.h"

#include "kit/clock.h"
#include "kit/crew.h"
#include "kit/field.h"
#include "kit/figures.h"
#include "kit/machine.h"
#include "kit/must.h"
#include "kit/random.h"

enum { KEYS = 10000, SECTIONS_AT_ONCE = 64 };

struct sections {
	struct field field;
	unsigned batch; /* adds of a section */
	uint64_t rate;
	unsigned cpu; /* of who moves the epoch */
	pthread_t mover;
	uint64_t edges[2]; /* moves when the time that counts begins and ends */
	unsigned edge;
	_Alignas(CREW_CACHE_LINE) _Atomic uint64_t moved; /* written by the mover alone */
	_Alignas(CREW_CACHE_LINE) _Atomic bool ending;
};

/* ---- who moves the epoch ---- */

static void *
mover_main(void *argument)
{
	struct sections *sections = argument;
	const uint64_t pause_ns = 1000000000 / sections->rate;
	uint64_t epoch = engine_log_epoch(sections->field.engine), next_ns = clock_ns(), moved = 0;

	machine_pin(sections->cpu);
	while (!atomic_load_explicit(&sections->ending, memory_order_relaxed)) {
		next_ns += pause_ns;
		while (clock_ns() < next_ns)
			;
		engine_log_epoch_store(sections->field.engine, ++epoch);
		engine_quiesce(sections->field.engine);
		atomic_store_explicit(&sections->moved, ++moved, memory_order_relaxed);
	}
	return NULL;
}

static void
mover_begin(struct sections *sections)
{
	sections->edge = 0;
	atomic_store_explicit(&sections->moved, 0, memory_order_relaxed);
	atomic_store_explicit(&sections->ending, false, memory_order_relaxed);
	if (sections->rate > 0)
		must(pthread_create(&sections->mover, NULL, mover_main, sections), "pthread_create");
}

static void
mover_end(struct sections *sections)
{
	atomic_store_explicit(&sections->ending, true, memory_order_relaxed);
	if (sections->rate > 0)
		(void)pthread_join(sections->mover, NULL);
}

static void
edge(void *context)
{
	struct sections *sections = context;

	sections->edges[sections->edge++] = atomic_load_explicit(&sections->moved, memory_order_relaxed);
}

/* ---- who is in sections ---- */

/* The tree is never dropped, so it may be looked up once for all sections. */
static struct tree *
tree_of(struct engine_worker *worker)
{
	engine_batch_begin(worker);
	struct tree *tree = field_tree(worker);

	engine_batch_end(worker);
	return tree;
}

static uint64_t
section(struct sections *sections, struct engine_worker *worker, struct tree *tree, const uint64_t *keys)
{
	engine_batch_begin(worker);
	uint64_t seen = engine_log_epoch(sections->field.engine) + tree_generation(tree);

	if (sections->batch > 0)
		seen += field_batch(worker, tree, FIELD_ADD, keys, sections->batch, FIELD_DAY);
	engine_batch_end(worker);
	return seen;
}

static void
sections_run(struct crew_member *member)
{
	struct sections *sections = member->crew->context;
	uint64_t random = random_seed(member->index), keys[FIELD_BATCH_MAX], seen = 0;
	struct engine_worker *worker;

	must(engine_worker_create(sections->field.engine, &worker), "engine_worker_create");
	struct tree *tree = tree_of(worker);

	while (crew_goes_on(member)) {
		for (unsigned n = 0; n < SECTIONS_AT_ONCE; n++) {
			for (unsigned i = 0; i < sections->batch; i++)
				keys[i] = random_key(random_below(&random, sections->field.keys));
			seen += section(sections, worker, tree, keys);
		}
		crew_done(member, SECTIONS_AT_ONCE);
	}
	engine_worker_destroy(worker);
	crew_saw(seen);
}

static void
measure(struct sections *sections, unsigned threads, double seconds)
{
	struct crew crew = { .run = sections_run, .context = sections, .threads = threads, .edge = edge };

	sections->cpu = threads;
	crew_begin(&crew);
	mover_begin(sections);
	double per_s = crew_measure(&crew, seconds);

	mover_end(sections);
	crew_end(&crew);
	figures_row(sections->batch == 0 ? "section" : "batch");
	figures_count("threads", threads);
	figures_count("batch", sections->batch);
	figures_count("moves", sections->rate);
	figures_real("moves_per_s", (double)(sections->edges[1] - sections->edges[0]) / crew.seconds);
	figures_real("per_s", per_s);
	figures_real("ns", threads * 1e9 / per_s);
	figures_row_end();
}

void
bounds_epoch(const struct bounds_options *options)
{
	struct sections sections = { 0 };

	field_make(&sections.field);
	(void)field_fill(&sections.field, KEYS, FIELD_DAY, 1);
	for (unsigned with_adds = 0; with_adds < 2; with_adds++) {
		for (unsigned t = 0; t < options->threads.count; t++) {
			for (unsigned r = 0; r < options->rates.count; r++) {
				sections.batch = with_adds ? (unsigned)options->batch : 0;
				sections.rate = options->rates.value[r];
				measure(&sections, (unsigned)options->threads.value[t], options->seconds);
			}
		}
	}
}
