/*
 * Quiescence by passes. Each worker counts its sections' begins and ends: odd inside one. epoch_quiesce() raises `rounds`
 * and then looks at every worker once; one that it finds inside is waited for until its count has moved, be it into a
 * later section. That is one pass of each busy worker, where ck_epoch needs several of its ticks, and a commit of the
 * log waits for nothing else before it may write.
 *
 * Why no section is missed. A worker's begin stores its count and then loads `rounds`; we add to `rounds` and then load
 * the count; all four are sequentially consistent, so they stand in one order S. If the worker's load comes after our
 * addition in S, it reads our value or a later one of the same chain of read-modify-writes, and everything before our
 * call happens before everything inside its section (Q2). Else its load, and so its store, comes before our addition and
 * our look: we see the odd count, or what it stored at the end or after, all of which are releases (Q1). No fence is
 * needed on any machine, and ThreadSanitizer sees both edges.
 *
 * A worker that registers meanwhile: its publication and our load of `workers` are in S too. If we miss it, it
 * begins its sections after our addition. The count cannot come back to what we saw before 2^63 sections.
 *
 * Reclamation in two generations of lists: `incoming` is a lock-free stack that any thread pushes on; epoch_reclaim()
 * takes it whole, waits one grace period, looks at the walks, and either frees it or keeps it as `postponed` with the
 * walks it has to outlive. A walk is a counter that is odd while it runs: it has ended when the counter has moved, so
 * later walks never postpone anything again, however close they follow each other.
 *
 * Why a walk that begins after the look cannot meet what is freed: the memory was unlinked before it was retired, and
 * the exchange in epoch_walk_begin() and the look in epoch_reclaim() are sequentially consistent: either we see the walk,
 * or the walk sees the unlinking.
 */
#include "epoch/epoch.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include <ck_pr.h>

#include "base/memory.h"
#include "base/mutant.h"

enum {
	CACHE_LINE = 64,
	WALKS_MAX = 8,
	YIELDS_BEFORE_NAP = 32, /* some 20 us if nobody else wants the core */
	/* A batch lasts 50 to 500 us: the first naps meet the end of a short one, the last cost little in a long one. */
	NAP_FIRST_NS = 10000,
	NAP_LAST_NS = 80000,
};

struct epoch_worker {
	_Alignas(CACHE_LINE) _Atomic uint64_t passes; /* Q1; odd inside a section; written by its thread alone */
	struct epoch_worker *next;                    /* of all workers ever; set before publication */
	bool used;                                    /* under registration */
};

static pthread_mutex_t registration = PTHREAD_MUTEX_INITIALIZER;

/* Grows only: a worker's memory is kept for the next one, so that a round may look at it at any time. */
static _Atomic(struct epoch_worker *) workers;
static _Alignas(CACHE_LINE) _Atomic uint64_t rounds; /* Q2; on a line of its own, since every section reads it */

static _Alignas(CACHE_LINE) _Atomic(struct epoch_retired *) incoming;
static _Atomic size_t retired_bytes;
static _Atomic uint64_t walks[WALKS_MAX];

/* Of the reclaiming thread. */
static struct epoch_retired *postponed;
static uint64_t postponed_walks[WALKS_MAX];

static struct epoch_worker *
worker_reuse(void)
{
	struct epoch_worker *worker = atomic_load_explicit(&workers, memory_order_relaxed); /* we hold registration */

	while (worker != NULL && worker->used)
		worker = worker->next;
	return worker;
}

static struct epoch_worker *
worker_add(void)
{
	struct epoch_worker *worker = mem_alloc_aligned(CACHE_LINE, sizeof(*worker));

	if (worker == NULL)
		return NULL;
	atomic_init(&worker->passes, 0);
	worker->next = atomic_load_explicit(&workers, memory_order_relaxed);
	/* In the order S, and a release of `next` to those who load it in epoch_quiesce(). */
	atomic_store_explicit(&workers, worker, memory_order_seq_cst);
	return worker;
}

struct epoch_worker *
epoch_worker_create(void)
{
	(void)pthread_mutex_lock(&registration);
	struct epoch_worker *worker = worker_reuse();

	if (worker == NULL)
		worker = worker_add();
	if (worker != NULL)
		worker->used = true;
	(void)pthread_mutex_unlock(&registration);
	return worker;
}

void
epoch_worker_destroy(struct epoch_worker *worker)
{
	if (worker == NULL)
		return;
	assert(!epoch_in_section(worker));
	(void)pthread_mutex_lock(&registration);
	assert(worker->used);
	worker->used = false;
	(void)pthread_mutex_unlock(&registration);
}

void
epoch_begin(struct epoch_worker *worker)
{
	uint64_t passes = atomic_load_explicit(&worker->passes, memory_order_relaxed); /* our own */

	assert((passes & 1) == 0);
	atomic_store_explicit(&worker->passes, passes + 1, memory_order_seq_cst);
	/* Q2. Nothing inside can move before this load, nor this load before the store. */
	(void)atomic_load_explicit(&rounds, memory_order_seq_cst);
}

void
epoch_end(struct epoch_worker *worker)
{
	uint64_t passes = atomic_load_explicit(&worker->passes, memory_order_relaxed); /* our own */

	assert((passes & 1) == 1);
	atomic_store_explicit(&worker->passes, passes + 1, memory_order_release); /* Q1 */
}

bool
epoch_in_section(const struct epoch_worker *worker)
{
	return (atomic_load_explicit(&worker->passes, memory_order_relaxed) & 1) == 1; /* our own */
}

static void
wait_a_little(unsigned *looks)
{
	if (++*looks <= YIELDS_BEFORE_NAP) {
		(void)sched_yield();
		return;
	}
	unsigned doublings = *looks - YIELDS_BEFORE_NAP - 1;
	long nap_ns = doublings < 3 ? (long)NAP_FIRST_NS << doublings : NAP_LAST_NS;

	(void)nanosleep(&(struct timespec){ .tv_nsec = nap_ns }, NULL);
}

static void
worker_wait(struct epoch_worker *worker, unsigned *looks)
{
	uint64_t seen = atomic_load_explicit(&worker->passes, memory_order_seq_cst); /* Q1 */

	if ((seen & 1) == 0)
		return;
	while (atomic_load_explicit(&worker->passes, memory_order_acquire) == seen) /* Q1 */
		wait_a_little(looks);
}

void
epoch_quiesce(void)
{
	unsigned looks = 0;

	atomic_fetch_add_explicit(&rounds, 1, memory_order_seq_cst); /* Q2 */
	struct epoch_worker *worker = atomic_load_explicit(&workers, memory_order_seq_cst);

	for (; worker != NULL; worker = worker->next)
		worker_wait(worker, &looks);
}

void
epoch_retire(struct epoch_retired *retired, void (*destroy)(struct epoch_retired *), size_t bytes)
{
	retired->destroy = destroy;
	retired->bytes = bytes;
	/* Relaxed: only a hint for when to reclaim and a figure for people. */
	atomic_fetch_add_explicit(&retired_bytes, bytes, memory_order_relaxed);
	if (MUTANT(NO_GRACE)) {
		destroy(retired);
		return;
	}
	retired->next = atomic_load_explicit(&incoming, memory_order_relaxed);
	/* R1 release; no ABA: the only remover takes the whole stack. */
	while (!atomic_compare_exchange_weak_explicit(&incoming, &retired->next, retired, memory_order_release,
	                                              memory_order_relaxed))
		;
}

unsigned
epoch_walk_begin(void)
{
	for (;;) {
		for (unsigned i = 0; i < WALKS_MAX; i++) {
			uint64_t seen = atomic_load_explicit(&walks[i], memory_order_relaxed);

			if ((seen & 1) == 0 &&
			    atomic_compare_exchange_strong_explicit(&walks[i], &seen, seen + 1, memory_order_seq_cst,
			                                            memory_order_relaxed)) {
				/* Holds the mark before every load of the walk. */
				ck_pr_fence_memory();
				return i;
			}
		}
		(void)sched_yield();
	}
}

void
epoch_walk_end(unsigned token)
{
	assert(token < WALKS_MAX);
	/* Release: the walk's loads come before; pairs with the loads of `walks` in epoch_reclaim(). */
	uint64_t before = atomic_fetch_add_explicit(&walks[token], 1, memory_order_seq_cst);

	assert((before & 1) == 1);
	(void)before;
}

static void
free_list(struct epoch_retired *list)
{
	while (list != NULL) {
		struct epoch_retired *next = list->next;

		atomic_fetch_sub_explicit(&retired_bytes, list->bytes, memory_order_relaxed);
		list->destroy(list);
		list = next;
	}
}

static bool
postponed_is_free(void)
{
	for (unsigned i = 0; i < WALKS_MAX; i++) {
		if (!MUTANT(NO_WALK_CHECK) && (postponed_walks[i] & 1) != 0 &&
		    atomic_load_explicit(&walks[i], memory_order_seq_cst) == postponed_walks[i])
			return false;
	}
	return true;
}

void
epoch_reclaim(void)
{
	if (postponed != NULL) {
		if (!postponed_is_free())
			return; /* what came meanwhile waits for the next call, so there is never more than one such list */
		free_list(postponed);
		postponed = NULL;
	}
	/* R1 acquire. */
	struct epoch_retired *list = atomic_exchange_explicit(&incoming, NULL, memory_order_acquire);

	if (list == NULL)
		return;
	epoch_quiesce();
	for (unsigned i = 0; i < WALKS_MAX; i++)
		postponed_walks[i] = atomic_load_explicit(&walks[i], memory_order_seq_cst);
	if (postponed_is_free())
		free_list(list);
	else
		postponed = list;
}

size_t
epoch_retired_bytes(void)
{
	return atomic_load_explicit(&retired_bytes, memory_order_relaxed);
}
