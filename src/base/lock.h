/*
 * lock.h - a four-byte lock for short sections: spin briefly, then yield
 *
 * A pure spin behind a descheduled owner was seen to wait 280 ms on a small machine; yielding after a few rounds brings
 * that to some milliseconds. Wraps ck_spinlock and tells ThreadSanitizer of its edges.
 *
 * Edge L: lock_release() releases what the owner wrote -> lock_take() of the next owner acquires it.
 */
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include <ck_spinlock.h>

#include "base/tsan.h"

enum { SPINS_BEFORE_YIELD = 64 };

struct lock {
	ck_spinlock_t spinlock;
};

/* One round of waiting for another thread; *spins counts the rounds so far. */
static inline void
lock_pause(unsigned *spins)
{
	if (++*spins < SPINS_BEFORE_YIELD)
		ck_pr_stall();
	else
		(void)sched_yield();
}

static inline void
lock_take(struct lock *lock)
{
	unsigned spins = 0;

	while (!ck_spinlock_trylock(&lock->spinlock)) {
		while (ck_spinlock_locked(&lock->spinlock))
			lock_pause(&spins);
	}
	TSAN_ACQUIRE(lock);
}

/* False, at once: somebody has it. */
static inline bool
lock_try(struct lock *lock)
{
	if (!ck_spinlock_trylock(&lock->spinlock))
		return false;
	TSAN_ACQUIRE(lock);
	return true;
}

static inline void
lock_release(struct lock *lock)
{
	TSAN_RELEASE(lock);
	ck_spinlock_unlock(&lock->spinlock);
}
