/*
 * threads.c - the committer's and the preparing thread
 *
 * Both sleep when there is nothing to do: the committer on a semaphore that is posted at most once between two of its looks
 * (W3), for at most the rest of a second while something is unsynced in mode everysec; the preparing thread on a
 * condition, with a time to try again only while there is no spare.
 */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>

#include "wal/wal_internal.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define RETRY_NS      NS_PER_SECOND

static struct timespec
timespec_of_ns(int64_t ns)
{
	return (struct timespec){ .tv_sec = ns / NS_PER_SECOND, .tv_nsec = ns % NS_PER_SECOND };
}

/* ---- committer ---- */

static void
kick_await(struct wal *wal)
{
	int64_t due_ns = wal_sync_due_ns(wal);
	struct timespec due = timespec_of_ns(due_ns < 0 ? 0 : due_ns);

	/* However it ends: what there is to do is looked at. */
	if (due_ns < 0)
		(void)sem_wait(&wal->kick);
	else
		(void)sem_clockwait(&wal->kick, CLOCK_MONOTONIC, &due);
}

static void *
committer_main(void *argument)
{
	struct wal *wal = argument;

	/* Naps in epoch_quiesce() are short, and what a commit waits for, every held reply waits for. */
	(void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	while (!atomic_load_explicit(&wal->ending, memory_order_acquire)) {
		kick_await(wal);
		(void)atomic_exchange_explicit(&wal->kicked, false, memory_order_acq_rel); /* W3 */
		while (wal_commit(wal))
			;
	}
	return NULL;
}

/* ---- preparing thread ---- */

/* Under lock. Waits for something to do; false: it is to end. */
static bool
prepare_await(struct wal *wal)
{
	int64_t retry_ns = wal_now_ns() + RETRY_NS;
	struct timespec retry = timespec_of_ns(retry_ns);
	int r = 0;

	while (!wal->prepare_ending && wal->prepare_asked == wal->prepare_tried && r != ETIMEDOUT) {
		if (wal->spare.file < 0 && !wal_failed(wal))
			r = pthread_cond_timedwait(&wal->prepare, &wal->lock, &retry);
		else
			r = pthread_cond_wait(&wal->prepare, &wal->lock);
	}
	return !wal->prepare_ending;
}

static void *
preparer_main(void *argument)
{
	struct wal *wal = argument;

	(void)pthread_mutex_lock(&wal->lock);
	while (prepare_await(wal)) {
		uint64_t asked = wal->prepare_asked;

		(void)pthread_mutex_unlock(&wal->lock);
		(void)wal_prepare(wal);
		(void)pthread_mutex_lock(&wal->lock);
		wal->prepare_tried = asked;
		if (wal->waiting > 0)
			(void)pthread_cond_broadcast(&wal->changed);
	}
	(void)pthread_mutex_unlock(&wal->lock);
	return NULL;
}

/* ---- both ---- */

static int
thread_begin(struct wal *wal, const char *name, void *(*run)(void *), pthread_t *ret)
{
	sigset_t all;
	sigset_t before;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(ret, NULL, run, wal);

	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		(void)pthread_setname_np(*ret, name);
	return -r;
}

static void
preparer_end(struct wal *wal)
{
	(void)pthread_mutex_lock(&wal->lock);
	wal->prepare_ending = true;
	(void)pthread_cond_signal(&wal->prepare);
	(void)pthread_mutex_unlock(&wal->lock);
	(void)pthread_join(wal->preparer, NULL);
}

int
wal_start(struct wal *wal)
{
	wal->prepare_asked++; /* the first spare */
	wal->started = true;  /* before there is a thread that looks */
	int r = thread_begin(wal, "wal-prepare", preparer_main, &wal->preparer);

	if (r == 0) {
		r = thread_begin(wal, "wal-commit", committer_main, &wal->committer);
		if (r < 0)
			preparer_end(wal);
	}
	if (r < 0)
		wal->started = false;
	return r;
}

void
wal_threads_end(struct wal *wal)
{
	if (!wal->started)
		return;
	atomic_store_explicit(&wal->ending, true, memory_order_release);
	(void)sem_post(&wal->kick);
	(void)pthread_join(wal->committer, NULL);
	/* Last: the committer may wait for a spare. */
	preparer_end(wal);
	wal->started = false;
}
