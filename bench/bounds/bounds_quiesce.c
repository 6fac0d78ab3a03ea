#include "bounds/bounds.h"

#include "kit/child.h"
#include "kit/crew.h"
#include "kit/field.h"
#include "kit/figures.h"
#include "kit/must.h"
#include "kit/random.h"

enum { KEYS = 10000 };

/* In a process of its own: a worker that has ended goes on being looked at. */
struct round {
	const struct bounds_options *options;
	struct field field;
	unsigned idle, busy;
};

static void
quiesce_run(struct crew_member *member)
{
	const struct round *round = member->crew->context;

	while (crew_goes_on(member)) {
		engine_quiesce(round->field.engine);
		crew_done(member, 1);
	}
}

static void
busy_run(struct crew_member *member)
{
	const struct round *round = member->crew->context;
	const unsigned batch = (unsigned)round->options->batch;
	uint64_t random = random_seed(member->index), keys[FIELD_BATCH_MAX];
	struct engine_worker *worker;

	must(engine_worker_create(round->field.engine, &worker), "engine_worker_create");
	while (crew_goes_on(member)) {
		for (unsigned i = 0; i < batch; i++)
			keys[i] = random_key(random_below(&random, round->field.keys));
		engine_batch_begin(worker);
		(void)field_batch(worker, field_tree(worker), FIELD_ADD, keys, batch, FIELD_DAY);
		engine_batch_end(worker);
		crew_done(member, batch);
	}
	engine_worker_destroy(worker);
}

static void
row(const struct round *round, double per_s, double adds_per_s)
{
	figures_row(round->busy > 0 ? "quiesce_busy" : "quiesce");
	if (round->busy > 0)
		figures_count("busy", round->busy);
	else
		figures_count("idle", round->idle);
	figures_real("per_s", per_s);
	figures_real("ns", 1e9 / per_s);
	if (round->busy > 0)
		figures_real("adds_per_s", adds_per_s);
	figures_row_end();
}

static void
round_run(void *context)
{
	struct round *round = context;
	struct crew busy = { .run = busy_run, .context = round, .threads = round->busy };
	struct crew waiting = { .run = quiesce_run, .context = round, .threads = 1, .cpu_first = round->busy };
	struct engine_worker *worker;

	field_make(&round->field); /* which had a worker */
	(void)field_fill(&round->field, KEYS, FIELD_DAY, 1);
	for (unsigned i = 0; i < round->idle; i++) /* the first takes its place */
		must(engine_worker_create(round->field.engine, &worker), "engine_worker_create");
	crew_begin(&busy);
	crew_begin(&waiting);
	/* One behind the other, but both run all the time. */
	double per_s = crew_measure(&waiting, round->options->seconds);
	double adds_per_s = round->busy > 0 ? crew_measure(&busy, round->options->seconds) : 0;

	crew_end(&waiting);
	crew_end(&busy);
	row(round, per_s, adds_per_s);
}

void
bounds_quiesce(const struct bounds_options *options)
{
	for (unsigned i = 0; i < options->idle.count; i++)
		child_run(round_run, &(struct round){ .options = options, .idle = (unsigned)options->idle.value[i] });
	for (unsigned i = 0; i < options->threads.count; i++)
		child_run(round_run,
		          &(struct round){ .options = options, .busy = (unsigned)options->threads.value[i] });
}
