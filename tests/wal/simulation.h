/*
 * simulation.h - a log in a simulated world: one thread, one seed, every interleaving and misfortune from that seed
 *
 * The world is a row of runs. In each the log is recovered, created, used by writers who append, wait and go, by somebody who
 * syncs, rotates and dumps, and ended: in order, killed, or by a crash of the machine at any call to the device. Device calls and the
 * moving of E are places where writers act in between, as their threads would.
 *
 * The model knows of each group when it was appended, with which tag, and whether anybody was told that it is safe. What recovery
 * finds is compared with that (simulation_model.c).
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "epoch/epoch.h"
#include "wal/memory_device.h"
#include "wal/random.h"
#include "wal/recover.h"
#include "wal/wal.h"
#include "wal/wal_internal.h"

enum { SIM_WRITERS = 3, SIM_RECORDS_MAX = 5 };

/* Group n says so in each of its records: key = n, day = how many records it has, delta = which of them this is. */
struct sim_group {
	uint64_t tag;
	uint32_t records;
	uint32_t seen;  /* by this recovery */
	bool safe;      /* somebody was told, or it was recovered once */
	bool in_dump;   /* and so no longer needed from the log */
	bool candidate; /* of the dump under way */
	bool lost;      /* a recovery did not find it: it must never come back */
};

struct sim_writer {
	struct wal_writer *writer;
	uint64_t waits_for; /* 0: nothing */
	bool woken;
	struct sim *sim;
};

/* What the store would have in its manifest. */
struct sim_manifest {
	uint64_t sequence_first;
	uint64_t epoch;
	uint64_t synced;
};

struct sim {
	uint64_t seed;
	uint64_t random;
	unsigned run, step;
	bool trace;

	struct memory_device *memory;
	struct wal_options options;
	struct wal *wal;
	struct epoch_worker *worker;
	_Atomic uint64_t epoch; /* the word that tags are loaded from */
	struct sim_writer writers[SIM_WRITERS];
	struct sim_manifest manifest;

	uint64_t die_after;     /* device calls; 0: never */
	bool dead;              /* the machine has stopped: every call fails */
	bool fault_injected;    /* in this run, of a call that may make the log fail */
	bool room_injected;     /* in this run, room was short, or preparing failed */
	bool flood;             /* of this run: all writers fill their buffers again and again */
	bool inside;            /* a call of a commit: writers may act */
	bool moving;            /* E is being moved */
	bool was_ok;            /* the state, when sections that are still open may have looked */
	uint64_t released_last; /* what was seen last */
	bool failed_seen;
	unsigned grown;

	struct sim_group *groups;
	size_t group_count, group_capacity;

	/* Of the last recovery. */
	struct wal_recovered recovered;
	uint64_t epoch_seen; /* of the last block */
	uint64_t open_group; /* that its records belong to; UINT64_MAX: none */
};

/* Of all seeds, to see that everything happens. */
struct sim_totals {
	uint64_t runs, groups, lost, commits, rotations, dumps, forgets, fulls, failures, crashes, kills, ends, cut,
	    waits;
	uint64_t refused, straddled, deaths_at_start;
};
extern struct sim_totals sim_totals;

#define SIM_CHECK(sim, condition)                                      \
	do {                                                           \
		if (!(condition))                                      \
			sim_fail(sim, __FILE__, __LINE__, #condition); \
	} while (0)

_Noreturn void sim_fail(const struct sim *sim, const char *file, int line, const char *condition);

static inline bool
sim_chance(struct sim *sim, unsigned percent)
{
	return random_below(&sim->random, 100) < percent;
}

/* ---- simulation.c: the world ---- */

void sim_begin(struct sim *sim, uint64_t seed, bool trace);
void sim_end(struct sim *sim);

/* Recovers and creates until both went well. The log is as new, writers are there. */
void sim_run_begin(struct sim *sim);
void sim_run_end(struct sim *sim);

void sim_writer_begin(struct sim *sim, struct sim_writer *writer);

/* ---- simulation_work.c: what happens in it ---- */

void sim_step(struct sim *sim);

/* Writers act in between, perhaps. */
void sim_interlude(struct sim *sim);

/* Looks at what the log says of itself, and takes note of what is safe. */
void sim_observe(struct sim *sim);

/* ---- simulation_model.c: what must be true ---- */

uint64_t sim_group_new(struct sim *sim, uint64_t tag, uint32_t records);
void sim_safe_up_to(struct sim *sim, uint64_t epoch);

/* Reads the log as the manifest has it and compares. False: the machine stopped before it was done. */
bool sim_recover(struct sim *sim);
