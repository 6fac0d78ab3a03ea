/*
 * epoch.h - sections, quiescence and safe reclamation
 *
 *   section    what a worker looks up inside one stays valid until its end. One per batch, never nested, never waited in.
 *   quiesce    waits until every section that was open at the call has ended (a grace period). One pass of each busy worker.
 *   retire     hands over memory that nobody can reach any more but that somebody may still look at.
 *   walk       a reader of whole trees outside any section; nothing that was reachable at its begin is freed before its end.
 *   reclaim    frees what was retired: after a grace period, and after the walks that were under way then. One thread.
 *
 *              section  quiesce  retire  walk  reclaim     -  run together freely
 *   section       -        w       -       -      w        w  the second waits for sections open at its begin
 *   quiesce                -       -       -      -        x  one thread at a time
 *   retire                         -       -      -        d  reclaim puts memory off to its next call while such a walk runs
 *   walk                                   -      d
 *   reclaim                                       x
 *
 * There is one domain per process: a worker's section protects every engine there is.
 *
 * Edges (the proof stands in epoch.c)
 *   Q1  everything a worker did in a section: release in epoch_end() -> acquire in epoch_quiesce() that waited for it, or
 *       found it ended.
 *   Q2  everything before epoch_quiesce(): its addition to `rounds` -> the load in epoch_begin() of every section that it
 *       did not wait for. So either the section sees our stores, or we wait for it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct epoch_worker;

/* Returns NULL when there is no memory. Any thread. */
struct epoch_worker *epoch_worker_create(void);

/* Takes worker; NULL is fine. Not inside its section. Its memory is kept for a later worker: a round may be looking at it. */
void epoch_worker_destroy(struct epoch_worker *worker);

/* The worker's own thread. */
void epoch_begin(struct epoch_worker *worker);
void epoch_end(struct epoch_worker *worker);
bool epoch_in_section(const struct epoch_worker *worker);

/* Any thread outside a section, several at once. Yields, then sleeps in short naps while a section lasts. */
void epoch_quiesce(void);

/* Stands first in what is retired. */
struct epoch_retired {
	struct epoch_retired *next;
	void (*destroy)(struct epoch_retired *retired);
	size_t bytes; /* for the account only */
};

/* Takes the object, which must be unreachable for sections that begin later. Lock-free, any thread. */
void epoch_retire(struct epoch_retired *retired, void (*destroy)(struct epoch_retired *), size_t bytes);

/* Returns a token for epoch_walk_end(). Waits (yielding) while as many walks as there are slots run. */
unsigned epoch_walk_begin(void);
void epoch_walk_end(unsigned token);

/* Frees what can be freed. One thread at a time, outside any section. */
void epoch_reclaim(void);

/* Retired and not yet freed; approximate. */
size_t epoch_retired_bytes(void);
