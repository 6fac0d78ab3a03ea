/*
 * give_way.h - long work in slices, so that it holds nobody up
 *
 * On Linux a thread that wakes waits until the one that runs on its processor has had its turn, 3 to 4 ms as a rule. With a
 * worker beside a snapshot's walk that is the p99 of every client. So work that goes on for longer than that gives way every
 * 50 to 100 us: whoever waits runs first, and nobody waiting costs half a microsecond.
 *
 * Rejected: a low priority (nice 19), which does as well for the others, but starves a snapshot where all processors are busy,
 * and a lock's holder with it, while workers wait for the lock; and shorter turns (sched_setattr), which the scheduler rounds
 * up to its tick.
 */
#pragma once

#include <sched.h>

enum { GIVE_WAY_KEYS = 128 }; /* of a tree, walked over between two calls */

/* Not while others may wait for something that the caller holds. */
static inline void
give_way(void)
{
	(void)sched_yield();
}

/* The same in every GIVE_WAY_KEYS-th call. *count is the caller's, from 0. */
static inline void
give_way_now_and_then(unsigned *count)
{
	if (++*count % GIVE_WAY_KEYS == 0)
		give_way();
}
