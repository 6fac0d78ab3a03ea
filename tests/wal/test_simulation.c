/*
 * Whatever happens to the log and its disk, recovery finds every group that was called safe, each whole and once, as a prefix
 * by epochs; room that was accepted is there; waits end exactly when they may; a crash is never taken for damage.
 *
 *   test_wal_simulation [seeds] [trace]      KARMA_TEST_SEED: the first one
 */
#include "wal/simulation.h"

#include <string.h>

enum { SEEDS_DEFAULT = 5000, RUNS_MAX = 6, STEPS_MAX = 150 };

static void
simulate(uint64_t seed, bool trace)
{
	struct sim sim;

	sim_begin(&sim, seed, trace);
	for (uint64_t runs = 1 + random_below(&sim.random, RUNS_MAX); runs > 0; runs--) {
		sim_run_begin(&sim);
		for (uint64_t steps = random_below(&sim.random, STEPS_MAX); steps > 0 && !sim.dead; steps--)
			sim_step(&sim);
		sim_run_end(&sim);
	}
	SIM_CHECK(&sim, sim_recover(&sim));
	sim_end(&sim);
}

int
main(int argc, char **argv)
{
	uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : SEEDS_DEFAULT;
	uint64_t first = random_seed();
	const struct sim_totals *t = &sim_totals;

	for (uint64_t i = 0; i < seeds; i++)
		simulate(first + i, argc > 2);
	printf("%llu runs: %llu ended, %llu killed, %llu crashed, %llu died while starting\n",
	       (unsigned long long)t->runs, (unsigned long long)t->ends, (unsigned long long)t->kills,
	       (unsigned long long)t->crashes, (unsigned long long)t->deaths_at_start);
	printf("%llu groups, %llu lost, %llu torn tails; %llu commits, %llu acts inside; %llu rotations, %llu dumps, "
	       "%llu forgets\n",
	       (unsigned long long)t->groups, (unsigned long long)t->lost, (unsigned long long)t->cut,
	       (unsigned long long)t->commits, (unsigned long long)t->straddled, (unsigned long long)t->rotations,
	       (unsigned long long)t->dumps, (unsigned long long)t->forgets);
	printf("%llu times full, %llu sections refused; %llu failures; %llu waits\n", (unsigned long long)t->fulls,
	       (unsigned long long)t->refused, (unsigned long long)t->failures, (unsigned long long)t->waits);
	/* With so many seeds everything must have happened. */
	if (seeds >= 500 && (t->ends == 0 || t->kills == 0 || t->crashes == 0 || t->deaths_at_start == 0 ||
	                     t->lost == 0 || t->cut == 0 || t->rotations == 0 || t->forgets == 0 || t->fulls == 0 ||
	                     t->refused == 0 || t->failures == 0)) {
		(void)fprintf(stderr, "something never happened\n");
		return 1;
	}
	return 0;
}
