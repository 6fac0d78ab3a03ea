/*
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

#include <ck_epoch.h>

#include "base/memory.h"
#include "base/mutant.h"
#include "base/tsan.h"

enum {
	WALKS_MAX = 8,
	YIELDS_BEFORE_NAP = 32,
	NAP_NS = 50000,
};

struct epoch_worker {
	ck_epoch_record_t record; /* first: ck_epoch_recycle() gives it back */
	bool in_section;
};

static ck_epoch_t domain;
static pthread_once_t domain_once = PTHREAD_ONCE_INIT;
static pthread_mutex_t registration = PTHREAD_MUTEX_INITIALIZER;

static _Atomic(struct epoch_retired *) incoming;
static _Atomic size_t retired_bytes;
static _Atomic uint64_t walks[WALKS_MAX];

/* Of the reclaiming thread. */
static struct epoch_retired *postponed;
static uint64_t postponed_walks[WALKS_MAX];

static void
domain_setup(void)
{
	ck_epoch_init(&domain);
}

struct epoch_worker *
epoch_worker_create(void)
{
	(void)pthread_once(&domain_once, domain_setup);
	(void)pthread_mutex_lock(&registration);
	struct epoch_worker *worker = (struct epoch_worker *)(void *)ck_epoch_recycle(&domain, NULL);

	if (worker == NULL) {
		size_t bytes = (sizeof(*worker) + CK_MD_CACHELINE - 1) & ~(size_t)(CK_MD_CACHELINE - 1);

		worker = mem_alloc_aligned(CK_MD_CACHELINE, bytes);
		if (worker != NULL)
			ck_epoch_register(&domain, &worker->record, NULL);
	}
	if (worker != NULL)
		worker->in_section = false;
	(void)pthread_mutex_unlock(&registration);
	return worker;
}

void
epoch_worker_destroy(struct epoch_worker *worker)
{
	if (worker == NULL)
		return;
	assert(!worker->in_section);
	(void)pthread_mutex_lock(&registration);
	ck_epoch_unregister(&worker->record);
	(void)pthread_mutex_unlock(&registration);
}

void
epoch_begin(struct epoch_worker *worker)
{
	assert(!worker->in_section);
	worker->in_section = true;
	ck_epoch_begin(&worker->record, NULL);
	TSAN_ACQUIRE(&domain.epoch); /* Q2 */
}

void
epoch_end(struct epoch_worker *worker)
{
	assert(worker->in_section);
	worker->in_section = false;
	TSAN_RELEASE(&domain); /* Q1 */
	(void)ck_epoch_end(&worker->record, NULL);
}

bool
epoch_in_section(const struct epoch_worker *worker)
{
	return worker->in_section;
}

/* Called by ck_epoch each time it looks and has to wait. */
static void
wait_a_little(ck_epoch_t *epoch, ck_epoch_record_t *record, void *context)
{
	unsigned *looks = context;

	(void)epoch;
	(void)record;
	if (++*looks < YIELDS_BEFORE_NAP)
		(void)sched_yield();
	else
		(void)nanosleep(&(struct timespec){ .tv_nsec = NAP_NS }, NULL);
}

void
epoch_quiesce(void)
{
	unsigned looks = 0;

	(void)pthread_once(&domain_once, domain_setup);
	TSAN_RELEASE(&domain.epoch); /* Q2 */
	ck_epoch_synchronize_wait(&domain, wait_a_little, &looks);
	TSAN_ACQUIRE(&domain); /* Q1 */
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
