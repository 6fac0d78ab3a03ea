#include "bounds/bounds.h"

#include "kit/crew.h"
#include "kit/field.h"
#include "kit/figures.h"
#include "kit/must.h"
#include "kit/random.h"

enum { ADDS_AT_ONCE = 64 };

struct hot {
	struct field field;
	_Alignas(CREW_CACHE_LINE) _Atomic uint64_t shared;
};

static void
own_run(struct crew_member *member)
{
	_Alignas(CREW_CACHE_LINE) _Atomic uint64_t own = 0;

	while (crew_goes_on(member)) {
		for (unsigned i = 0; i < ADDS_AT_ONCE; i++)
			atomic_fetch_add_explicit(&own, 1, memory_order_acq_rel);
		crew_done(member, ADDS_AT_ONCE);
	}
}

static void
shared_run(struct crew_member *member)
{
	struct hot *hot = member->crew->context;

	while (crew_goes_on(member)) {
		for (unsigned i = 0; i < ADDS_AT_ONCE; i++)
			atomic_fetch_add_explicit(&hot->shared, 1, memory_order_acq_rel);
		crew_done(member, ADDS_AT_ONCE);
	}
}

static void
tree_run(struct crew_member *member)
{
	struct hot *hot = member->crew->context;
	struct engine_worker *worker;

	must(engine_worker_create(hot->field.engine, &worker), "engine_worker_create");
	while (crew_goes_on(member)) {
		engine_batch_begin(worker);
		struct tree *tree = field_tree(worker);

		for (unsigned i = 0; i < ADDS_AT_ONCE; i++)
			must(tree_add(worker, tree, random_key(0), FIELD_DAY, 1), "tree_add");
		engine_batch_end(worker);
		crew_done(member, ADDS_AT_ONCE);
	}
	engine_worker_destroy(worker);
}

void
bounds_hot(const struct bounds_options *options)
{
	static const struct {
		const char *what;
		void (*run)(struct crew_member *member);
	} kinds[] = { { "word_own", own_run }, { "word_shared", shared_run }, { "hot", tree_run } };
	struct hot hot = { 0 };

	field_make(&hot.field);
	(void)field_fill(&hot.field, 1, FIELD_DAY, 1);
	for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (unsigned t = 0; t < options->threads.count; t++) {
			const unsigned threads = (unsigned)options->threads.value[t];
			struct crew crew = { .run = kinds[k].run, .context = &hot, .threads = threads };
			double per_s = crew_run(&crew, options->seconds);

			figures_row(kinds[k].what);
			figures_count("threads", threads);
			figures_real("per_s", per_s);
			figures_real("ns", threads * 1e9 / per_s);
			figures_row_end();
		}
	}
}
