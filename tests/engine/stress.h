/*
 * stress.h - one round of the stress test: an engine, its fields, the books, and who works on them
 *
 *   workers      do every operation there is, in batches of 1 … 48
 *   committer    moves the log epoch as fast as it can, and judges every prefix of the log (stress_work.c)
 *   maintenance  the main thread: back-to-back cuts, each compared with the books (stress_cut.c); now and then
 *                compaction, whole-tree deletes, reclaiming
 */
#pragma once

#include <pthread.h>

#include "field.h"
#include "ledger.h"

struct mix {
	const char *name;
	uint32_t weight[FIELDS]; /* of 100 operations */
	bool removes_keys;       /* compaction takes empty keys away */
};

struct stress;

struct stress_worker {
	struct stress *stress;
	struct engine_worker *worker;
	struct tree *tree[FIELDS]; /* valid in the section */
	struct ledger *ledger;
	uint64_t random;
	_Atomic uint64_t operations;
	uint64_t admitted, refused;
	_Atomic bool busy; /* in a section: worth disturbing */
	pthread_t thread;
};

struct stress {
	struct engine *engine;
	struct fields fields;
	struct books books;
	const struct mix *mix;
	struct stress_worker *workers; /* the last one is the maintenance thread's */
	uint32_t worker_count;
	_Atomic bool stop_workers, stop_committer;
	uint64_t epochs;
	pthread_t committer;
};

/* Over all rounds. */
struct stress_sums {
	uint64_t cuts, by_walker, by_writers, deltas, keys_set_aside;
	uint64_t operations, admitted, refused, epochs;
};

void *stress_worker_main(void *worker);
void *stress_committer_main(void *stress);

/*
 * Stalls one worker, wherever it is, as a busy machine would: for some microseconds, or when `tree` is about to be cut
 * until others have worked in its next generation. Any thread, while the workers run; with a tree the maintenance thread,
 * which calls stress_disturb_end() after the cut.
 */
void stress_disturb_setup(void);
void stress_disturb(struct stress *stress, uint64_t *random, struct tree *tree);
void stress_disturb_end(void);

/* Takes a cut of one field, checks it against the books, and adds to the sums. The maintenance thread. */
void stress_cut(struct stress *stress, uint32_t field, struct stress_sums *sums);

/* The maintenance thread's other work. */
void stress_maintain(struct stress *stress);

/* Nobody works any more, everything is closed: the engine shows what the effects add up to. */
void stress_check_end(struct stress *stress);
