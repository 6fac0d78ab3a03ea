/*
 * Every prefix of the log is a state that could have been, and shows whatever a reply before it told of.
 *
 * Writers with workers of the engine add, take and decide on the same few keys, as in command/: effects become groups
 * inside the section, replies are held until their epoch is released. A committer closes epochs as fast as it can on a disk in
 * memory; signals stall writers in the middle of operations. Then the log is read back. After each epoch: no word is
 * negative, each total is the sum of its days, no limit is exceeded, gated requests are whole; and for the last epoch that
 * was released when a reply went out: the add that it acknowledged is there, or what made it a refusal.
 *
 * Arguments: seconds, -, threads, seed.
 */
#include "store/prefix.h"

#include "engine/harness.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	EPOCH_FIRST = 10,
	SEQUENCE_FIRST = 5,
	SEGMENT_BYTES = 1 << 20, /* making one takes a disk in memory long under ThreadSanitizer */
	STALL_US = 100,
	BLOCKS_MIN = 100,
	ROUNDS_MAX = 100,
};
static const uint8_t identity[WAL_IDENTITY_BYTES] = "a prefix's log";

/* ---- what the log calls --------------------------------------------------------------------------------------------------- */

static void
epoch_store(void *context, uint64_t epoch)
{
	struct prefix *prefix = context;

	engine_log_epoch_store(prefix->engine, epoch);
}

static uint32_t
today(void *context)
{
	struct prefix *prefix = context;

	return engine_today(prefix->engine);
}

static void
nothing(void *context)
{
	(void)context;
}

static void
state_changed(void *context, enum wal_state state, int error, const char *doing)
{
	(void)context;
	check(state == WAL_OK, "the log's state is %d: %s, %d", state, doing, error);
}

/* ---- stalls ---------------------------------------------------------------------------------------------------------------- */

static void
stall(int number)
{
	int saved_errno = errno;

	(void)number;
	sleep_us(STALL_US);
	errno = saved_errno;
}

static void
disturb(struct prefix *prefix, uint64_t *random)
{
	for (int i = 0; i < 100; i++) {
		struct prefix_writer *writer = &prefix->writers[random_below(random, prefix->writer_count)];

		if (atomic_load_explicit(&writer->busy, memory_order_relaxed)) {
			(void)pthread_kill(writer->thread, SIGUSR1);
			break;
		}
	}
	sleep_us(20 + random_below(random, 100));
}

/* ---- a round --------------------------------------------------------------------------------------------------------------- */

static void
create_tree(struct prefix_writer *writer)
{
	struct tree *tree;

	effect_log_room(&writer->log);
	engine_batch_begin(writer->worker);
	check(tree_create(writer->worker, "t", 1, &tree) == 0, "tree_create()");
	(void)effect_log_append(&writer->log);
	engine_batch_end(writer->worker);
	wal_writer_flush(writer->log.writer);
}

static void
setup(struct prefix *prefix, const struct run *run, uint64_t round)
{
	struct wal_options options = {
		.fsync = WAL_FSYNC_TRUE,
		.segment_bytes = SEGMENT_BYTES,
		.bytes_max = UINT64_MAX,
		.writers_max = run->threads,
		.epoch_first = EPOCH_FIRST,
		.sequence_first = SEQUENCE_FIRST,
		.epoch_store = epoch_store,
		.today = today,
		.grown = nothing,
		.state_changed = state_changed,
		.context = prefix,
	};

	*prefix = (struct prefix){ .memory = memory_device_create(run->seed), .writer_count = run->threads };
	atomic_init(&prefix->fill, KEY_FILL);
	memcpy(options.identity, identity, sizeof(identity));
	options.device = memory_device_wal(prefix->memory);
	check(engine_create(2, PREFIX_DAY + PREFIX_DAYS - 1, &prefix->engine) == 0, "engine_create()");
	check(wal_create(&options, &prefix->wal) == 0 && wal_start(prefix->wal) == 0, "wal_create()");
	prefix->writers = calloc(run->threads, sizeof(*prefix->writers));
	check(prefix->writers, "out of memory");
	for (uint32_t i = 0; i < run->threads; i++) {
		struct prefix_writer *writer = &prefix->writers[i];
		struct wal_writer *log;

		*writer = (struct prefix_writer){ .prefix = prefix, .index = i };
		writer->random = random_seed(run->seed, round * 64 + i);
		check(engine_worker_create(prefix->engine, &writer->worker) == 0, "engine_worker_create()");
		check(wal_writer_create(prefix->wal, nothing, NULL, &log) == 0, "wal_writer_create()");
		check(effect_log_init(&writer->log, log, writer->worker) == 0, "effect_log_init()");
	}
	create_tree(&prefix->writers[0]);
}

static void
run_round(struct prefix *prefix, double seconds, uint64_t *random)
{
	double end = seconds_now() + seconds;

	for (uint32_t i = 0; i < prefix->writer_count; i++)
		check(pthread_create(&prefix->writers[i].thread, NULL, prefix_write, &prefix->writers[i]) == 0,
		      "pthread_create()");
	while (seconds_now() < end)
		disturb(prefix, random);
	atomic_store_explicit(&prefix->stop, true, memory_order_relaxed);
	for (uint32_t i = 0; i < prefix->writer_count; i++)
		(void)pthread_join(prefix->writers[i].thread, NULL);
}

/* The log comes to its end, and is read. */
static void
finish(struct prefix *prefix, struct prefix_sums *sums)
{
	for (uint32_t i = 0; i < prefix->writer_count; i++) {
		struct prefix_writer *writer = &prefix->writers[i];

		engine_worker_destroy(writer->worker);
		effect_log_deinit(&writer->log);
		sums->operations += writer->operations;
		sums->gated += writer->gated;
		sums->refused += writer->refused;
		sums->held += writer->held;
	}
	wal_destroy(prefix->wal);
	prefix_check(prefix, identity, SEQUENCE_FIRST, sums);
	for (uint32_t i = 0; i < prefix->writer_count; i++)
		free(prefix->writers[i].claims.claims);
	free(prefix->writers);
	engine_destroy(prefix->engine);
	memory_device_destroy(prefix->memory);
}

int
main(int argc, char **argv)
{
	struct run run = { .seconds = 10, .threads = 3 };
	struct sigaction action = { .sa_handler = stall, .sa_flags = SA_RESTART };
	struct prefix_sums sums = { 0 };

	run_parse(&run, argc, argv);
	check(run.threads <= WRITERS_MAX_HERE, "too many threads");
	check(sigaction(SIGUSR1, &action, NULL) == 0, "sigaction()");
	double end = seconds_now() + run.seconds;
	uint64_t random = random_seed(run.seed, 63);

	/* On a slow machine, until there is something to prove. */
	for (uint64_t round = 0; seconds_now() < end || (sums.blocks <= BLOCKS_MIN && round < ROUNDS_MAX); round++) {
		struct prefix prefix;

		setup(&prefix, &run, round);
		run_round(&prefix, 0.3, &random);
		finish(&prefix, &sums);
	}
	printf("%lu operations, %lu gated requests, %lu refusals, %lu replies held; %lu epochs of %lu groups; %lu "
	       "claims\n",
	       sums.operations, sums.gated, sums.refused, sums.held, sums.blocks, sums.groups, sums.claims);
	check(sums.gated > 0 && sums.refused > 0 && sums.claims > 0 && sums.blocks > BLOCKS_MIN, "nothing was proved");
	return 0;
}
