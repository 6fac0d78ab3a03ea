#include "kit/crew.h"

#include <errno.h>

#include "kit/clock.h"
#include "kit/machine.h"
#include "kit/must.h"

#define WARM_UP_SHARE 0.1

static void *
member_main(void *argument)
{
	struct crew_member *member = argument;

	if (!member->crew->anywhere)
		machine_pin(member->crew->cpu_first + member->index);
	member->crew->run(member);
	return NULL;
}

void
crew_begin(struct crew *crew)
{
	crew->members = aligned_alloc(CREW_CACHE_LINE, crew->threads * sizeof(*crew->members));
	must(crew->members == NULL && crew->threads > 0 ? -ENOMEM : 0, "threads");
	atomic_store_explicit(&crew->phase, CREW_WARM_UP, memory_order_relaxed); /* no thread yet */
	for (unsigned i = 0; i < crew->threads; i++) {
		struct crew_member *member = &crew->members[i];

		*member = (struct crew_member){ .crew = crew, .index = i };
		must(pthread_create(&member->thread, NULL, member_main, member), "pthread_create");
	}
}

static uint64_t
crew_sum(const struct crew *crew)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < crew->threads; i++)
		sum += atomic_load_explicit(&crew->members[i].done, memory_order_relaxed);
	return sum;
}

double
crew_measure(struct crew *crew, double seconds)
{
	clock_nap(seconds * WARM_UP_SHARE);
	atomic_store_explicit(&crew->phase, CREW_MEASURED, memory_order_relaxed);
	const double start = clock_seconds();
	const uint64_t before = crew_sum(crew);

	if (crew->edge != NULL)
		crew->edge(crew->context);
	do
		clock_nap(seconds);
	while (crew_sum(crew) == before);
	crew->counted = crew_sum(crew) - before;
	crew->seconds = clock_seconds() - start;
	if (crew->edge != NULL)
		crew->edge(crew->context);
	return (double)crew->counted / crew->seconds;
}

void
crew_end(struct crew *crew)
{
	atomic_store_explicit(&crew->phase, CREW_OVER, memory_order_relaxed);
	for (unsigned i = 0; i < crew->threads; i++)
		(void)pthread_join(crew->members[i].thread, NULL);
	free(crew->members);
	crew->members = NULL;
}

double
crew_run(struct crew *crew, double seconds)
{
	crew_begin(crew);
	double per_s = crew_measure(crew, seconds);

	crew_end(crew);
	return per_s;
}
