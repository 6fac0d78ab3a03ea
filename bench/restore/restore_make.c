#include "restore/restore_make.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>

#include "kit/must.h"
#include "kit/random.h"
#include "store/effect_log.h"

enum { ADDS_PER_SECTION = 64, NAME_BYTES = 32 };

struct maker {
	enum restore_kind kind;
	uint64_t keys;
	struct engine *engine;
	struct store *store;
	struct engine_worker *worker;
	struct effect_log effects;
};

struct store_options
restore_options(enum restore_kind kind, const char *directory)
{
	return (struct store_options){
		.directory = directory,
		.restore = true,
		.dump_retention_per_tree = 1,
		.wal = kind == RESTORE_LOG,
		.wal_fsync = WAL_FSYNC_FALSE,
		.wal_segment_bytes = UINT64_C(16) << 20,
		.wal_max_bytes = UINT64_C(1) << 40,
		.writers_max = 2,
	};
}

/* A Feistel network over the next even number of bits, walked until it falls below keys. */
uint64_t
restore_number(uint64_t index, uint64_t keys, unsigned round)
{
	unsigned half = 1;

	while (half < 31 && (UINT64_C(1) << (2 * half)) < keys)
		half++;
	uint64_t mask = (UINT64_C(1) << half) - 1;

	do {
		for (unsigned i = 0; i < 3; i++) {
			uint64_t left = index >> half, right = index & mask;
			uint64_t mixed = (right + round * 3 + i + 1) * UINT64_C(0xd6e8feb86659fd93);

			index = right << half | (left ^ (mixed >> 40 & mask));
		}
	} while (index >= keys);
	return index;
}

/* ---- the store ---- */

static void
no_wake(void *context)
{
	(void)context;
}

static void
maker_open(struct maker *maker, const char *directory)
{
	const struct store_options options = restore_options(maker->kind, directory);
	struct wal_writer *writer = NULL;
	struct store_fault fault;

	must(engine_create(RESTORE_TREES_MAX, RESTORE_DAY, &maker->engine), "engine_create");
	if (store_open(maker->engine, &options, &maker->store, &fault) < 0)
		must(-1, fault.text);
	must(engine_worker_create(maker->engine, &maker->worker), "engine_worker_create");
	if (store_wal(maker->store) != NULL)
		must(wal_writer_create(store_wal(maker->store), no_wake, NULL, &writer), "wal_writer_create");
	must(effect_log_init(&maker->effects, writer, maker->worker), "effect_log_init");
}

static void
maker_close(struct maker *maker)
{
	engine_worker_destroy(maker->worker);
	effect_log_deinit(&maker->effects);
	store_close(maker->store);
	engine_destroy(maker->engine);
}

struct dump_job {
	struct job job;
	struct store *store;
	sem_t done;
	struct store_fault fault;
	int outcome;
};

static void
dump_run(struct job *job)
{
	struct dump_job *dump = (struct dump_job *)(void *)job; /* first member */

	dump->outcome = store_dump_all(dump->store, &dump->fault);
}

static void
dump_done(struct job *job)
{
	(void)sem_post(&((struct dump_job *)(void *)job)->done);
}

static void
maker_dump(struct maker *maker)
{
	struct dump_job dump = { .job = { .run = dump_run, .done = dump_done }, .store = maker->store };

	must(sem_init(&dump.done, 0, 0), "sem_init");
	must(store_submit_maintenance(maker->store, &dump.job) ? 0 : -1, "store_submit_maintenance");
	while (sem_wait(&dump.done) < 0) {}
	(void)sem_destroy(&dump.done);
	must(dump.outcome, dump.fault.text);
}

/* ---- what it holds ---- */

static struct tree *
maker_tree(struct maker *maker, uint64_t number)
{
	char name[NAME_BYTES];
	struct tree *tree = NULL;
	int bytes = snprintf(name, sizeof(name), "tree-%lu", number);
	int r = tree_create(maker->worker, name, (size_t)bytes, &tree);

	must(r == ENGINE_EXISTS ? 0 : r, "tree_create");
	return tree;
}

/* A section of adds, as far as the log has room. Returns how many were done. */
static uint64_t
add_some(struct maker *maker, uint64_t first, unsigned round)
{
	uint64_t trees = maker->kind == RESTORE_TREES ? RESTORE_TREES_MAX : 1, done = 0;

	effect_log_room(&maker->effects);
	engine_batch_begin(maker->worker);
	for (; done < ADDS_PER_SECTION && first + done < maker->keys; done++) {
		uint64_t number = restore_number(first + done, maker->keys, round);
		struct tree *tree = maker_tree(maker, number % trees);
		int r = tree_add(maker->worker, tree, random_key(number), RESTORE_DAY, 1 + (number & 7));

		(void)effect_log_append(&maker->effects);
		effect_log_room(&maker->effects);
		if (r == -EAGAIN)
			break;
		must(r, "tree_add");
	}
	engine_batch_end(maker->worker);
	return done;
}

static void
add_all(struct maker *maker, unsigned round)
{
	struct wal *wal = store_wal(maker->store);

	for (uint64_t done = 0; done < maker->keys;) {
		uint64_t more = add_some(maker, done, round);

		done += more;
		if (wal != NULL)
			wal_writer_flush(maker->effects.writer);
		if (wal != NULL && more < ADDS_PER_SECTION)
			must(wal_sync(wal, engine_log_epoch(maker->engine)), "wal_sync");
	}
}

void
restore_make(enum restore_kind kind, const char *directory, uint64_t keys)
{
	struct maker maker = { .kind = kind, .keys = keys };

	maker_open(&maker, directory);
	for (unsigned round = 0; round < (kind == RESTORE_LOG ? RESTORE_ADDS_PER_KEY : 1); round++)
		add_all(&maker, round);
	if (kind != RESTORE_LOG)
		maker_dump(&maker);
	maker_close(&maker);
}
