/*
 * crew.h - threads that all do the same over and over, and how much of it they do in a second
 *
 * Each thread makes what it needs, then repeats a step while crew_goes_on() and tells crew_done() what it did, then cleans
 * up. Only what is done between warm-up and end counts.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { CREW_CACHE_LINE = 64 };

enum crew_phase { CREW_WARM_UP, CREW_MEASURED, CREW_OVER };

struct crew;

struct crew_member {
	_Alignas(CREW_CACHE_LINE) _Atomic uint64_t done; /* written by its thread alone */
	struct crew *crew;
	unsigned index;
	pthread_t thread;
};

struct crew {
	void (*run)(struct crew_member *member);
	void *context;
	unsigned threads;
	unsigned cpu_first;          /* thread n runs on processor cpu_first + n */
	bool anywhere;               /* or where the kernel likes */
	void (*edge)(void *context); /* may be NULL; called when the time that counts begins and ends */
	/* Set by the calls below. */
	struct crew_member *members;
	double seconds;   /* measured */
	uint64_t counted; /* done in that time */
	_Alignas(CREW_CACHE_LINE) _Atomic enum crew_phase phase;
};

/* Starts the threads. */
void crew_begin(struct crew *crew);

/* Lets them warm up, then counts for so long, or longer if nothing is done in that time. Returns what was done in a second.
 * Once for each begin. */
double crew_measure(struct crew *crew, double seconds);

/* Ends them and waits for them. Those that look at no phase end by themselves. */
void crew_end(struct crew *crew);

/* All three. */
double crew_run(struct crew *crew, double seconds);

/* ---- the threads ---- */

/* Relaxed: a step more or less does not matter. */
static inline enum crew_phase
crew_phase(const struct crew_member *member)
{
	return atomic_load_explicit(&member->crew->phase, memory_order_relaxed);
}

static inline bool
crew_goes_on(const struct crew_member *member)
{
	return crew_phase(member) != CREW_OVER;
}

static inline void
crew_done(struct crew_member *member, uint64_t count)
{
	uint64_t done = atomic_load_explicit(&member->done, memory_order_relaxed); /* our own */

	atomic_store_explicit(&member->done, done + count, memory_order_relaxed);
}

/* A value that hangs on all that was read: so the reading cannot be left out. */
static inline void
crew_saw(uint64_t value)
{
	__asm__ volatile("" : : "r"(value));
}
