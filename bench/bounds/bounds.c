/*
 * bounds.c - what would bound the engine on more cores than there are to try it, each bound by itself
 *
 *   section   a worker's section with nothing in it but loads of the two words that every operation looks at, the log's epoch
 *             and the tree's generation, while another thread moves the epoch and waits for quiescence as a committer
 *             does. moves 0: nobody moves it. What is seen is the traffic of the cache lines of epoch and workers
 *   batch     the same with a batch of adds in the section, which is what that traffic is spread over
 *   word_own, word_shared, hot   one counter: an atomic addition to a word of each thread's own, to one word of all, and
 *             tree_add() on one key of all, which does two of them on one cache line
 *   quiesce   how often a second one thread can wait for quiescence with so many workers idle
 *   quiesce_busy   the same with workers at work, in sections of a batch of adds
 *   commit    the committer's work without a disk: one record, one commit, with so many idle writers and workers
 *
 * per_s is of all threads together, ns is what one thread takes for one.
 */
#include "bounds/bounds.h"

#include "kit/field.h"
#include "kit/figures.h"
#include "kit/machine.h"

static void (*const measures[])(const struct bounds_options *) = { bounds_epoch, bounds_hot, bounds_quiesce,
	                                                           bounds_commit };
static const char *const only_names[] = { "epoch", "hot", "quiesce", "commit", NULL };

int
main(int argc, char **argv)
{
	struct bounds_options options = {
		.threads = option_numbers_doubling(machine_cpus()),
		.rates = { 4, { 0, 5000, 50000, 1000000 } },
		.idle = { 5, { 1, 4, 16, 64, 256 } },
		.batch = 16,
		.seconds = 1,
	};
	uint32_t only = UINT32_MAX;
	const struct program_option table[] = {
		{ "only", OPTION_NAMES, .chosen = &only, .names = only_names, .help = "what to measure" },
		{ "seconds", OPTION_SECONDS, .seconds = &options.seconds, .help = "time for each figure" },
		{ "threads", OPTION_NUMBERS, .numbers = &options.threads, .min = 1, .max = 256,
		  .help = "threads that work; whoever moves the epoch or waits has the processor after theirs" },
		{ "moves", OPTION_NUMBERS, .numbers = &options.rates, .min = 0, .max = 1000000,
		  .help = "how often a second the epoch moves, if it can" },
		{ "idle", OPTION_NUMBERS, .numbers = &options.idle, .min = 1, .max = 256, .help = "idle workers" },
		{ "batch", OPTION_NUMBER, .number = &options.batch, .min = 1, .max = FIELD_BATCH_MAX,
		  .help = "adds of a section" },
	};
	const struct program program = {
		.name = "bounds",
		.summary = "Measures what would bound the engine on many cores, each bound by itself.",
		.options = table,
		.option_count = sizeof(table) / sizeof(table[0]),
	};

	figures_begin(program.name, options_parse(&program, argc, argv));
	for (unsigned i = 0; i < sizeof(measures) / sizeof(measures[0]); i++) {
		if ((only >> i & 1) != 0)
			measures[i](&options);
	}
	return figures_end();
}
