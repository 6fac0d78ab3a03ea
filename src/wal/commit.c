/*
 * commit.c - one commit: close epoch e, write its block, sync, publish
 *
 *   1  look what is wanted; pause to gather more (batch_wait_us)
 *   2  room for what will be accepted, or WAL_FULL                       wal_room_check(), its proof in segments.c
 *   3  gate closed; E = e + 1; gate open                                 nobody begins with tag e any more
 *   4  epoch_quiesce()                                                   nobody is inside with tag e any more
 *   5  gather every buffer[e & 1] into one block, one write, a sync as the mode says
 *   6  released = e; wake who waits                                      only now may a next commit move E to e + 2
 *
 * In 5 the buffers are stable: what has tag e was appended in a section that loaded E = e. One that began after 4 began
 * loads e + 1 (Q2); one that began before has ended when 4 is done, and what it wrote is seen (Q1). Meanwhile writers fill
 * the other buffers, of e + 1.
 *
 * A failed write or sync is never tried again: the kernel may have dropped the pages it could not write, and a second sync
 * would call that well. The state becomes WAL_FAILED, nothing is released any more, and every waiter is woken.
 */
#include <assert.h>
#include <errno.h>
#include <time.h>

#include "base/probe.h"
#include "epoch/epoch.h"
#include "wal/wal_internal.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define SYNC_EVERY_NS NS_PER_SECOND
#define NS_PER_US     INT64_C(1000)
#define US_PER_SECOND 1000000U

struct work {
	bool close; /* E is to move */
	bool sync;
	bool rotate;
};

int64_t
wal_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

int64_t
wal_sync_due_ns(const struct wal *wal)
{
	/* What failed stays unsynced, and is never due: the committer would wake for it without end. */
	if (wal->options.fsync != WAL_FSYNC_EVERYSEC || !wal->unsynced || wal_failed(wal))
		return -1;
	return wal->unsynced_since_ns + SYNC_EVERY_NS;
}

static struct work
work_look(struct wal *wal)
{
	uint64_t released = atomic_load_explicit(&wal->released, memory_order_relaxed); /* only we store these two */
	uint64_t durable = atomic_load_explicit(&wal->durable, memory_order_relaxed);
	int64_t due_ns = wal_sync_due_ns(wal);
	struct work work;

	(void)pthread_mutex_lock(&wal->lock);
	work.rotate = wal->rotate_wanted != wal->rotate_done;
	work.close = work.rotate || wal->sync_wanted > released;
	work.sync = wal->sync_wanted > durable;
	(void)pthread_mutex_unlock(&wal->lock);
	work.close = work.close || wal_writers_waiting(wal);
	work.sync = work.sync || (due_ns >= 0 && wal_now_ns() >= due_ns);
	return work;
}

void
wal_fail(struct wal *wal, int error, const char *doing)
{
	(void)pthread_mutex_lock(&wal->lock);
	wal_state_set(wal, WAL_FAILED, error, doing);
	(void)pthread_mutex_unlock(&wal->lock);
	wal_writers_wake(wal);
	wal_changed(wal);
}

int
wal_commit_sync(struct wal *wal)
{
	int r;

	if (!wal->unsynced)
		return 0;
	PROBE1(sync_begin, wal->last.epoch);
	r = wal->options.device.sync(wal->options.device.context, wal->current.file);
	PROBE2(sync_end, wal->last.epoch, r);
	atomic_fetch_add_explicit(&wal->syncs, 1, memory_order_relaxed);
	if (r < 0) {
		wal_fail(wal, r, "sync");
		return r;
	}
	wal->unsynced = false;
	/* Release: who has it in a manifest knows that block on disk. */
	atomic_store_explicit(&wal->block_synced, wal->last.epoch, memory_order_release);
	return 0;
}

/* ---- the commit ---- */

static void
batch_wait(const struct wal *wal)
{
	uint32_t wait_us = wal->options.batch_wait_us;
	struct timespec pause = { .tv_sec = wait_us / US_PER_SECOND, .tv_nsec = wait_us % US_PER_SECOND * NS_PER_US };

	if (wait_us > 0)
		(void)nanosleep(&pause, NULL);
}

static void
epoch_move(struct wal *wal, uint64_t epoch)
{
	wal_gate_close(wal);
	/* First ours: nobody can have a tag above wal_epoch(). Both sequentially consistent. */
	atomic_store_explicit(&wal->epoch, epoch, memory_order_seq_cst);
	wal->options.epoch_store(wal->options.context, epoch);
	wal_gate_open(wal);
}

static void
released_publish(struct wal *wal, uint64_t epoch)
{
	/* Release: wal_sync() returns on it. First, so that who sees released with fsync=true finds it durable too. */
	if (!wal->unsynced)
		atomic_store_explicit(&wal->durable, epoch, memory_order_release);
	atomic_store_explicit(&wal->released, epoch, memory_order_seq_cst); /* W1, W2 */
}

/* Without room for a next segment, too: what was tagged before stands in this one or in earlier ones. */
static void
rotate_publish(struct wal *wal)
{
	(void)pthread_mutex_lock(&wal->lock);
	wal->rotate_done = wal->rotate_wanted;
	wal->rotate_sequence = wal->current.sequence;
	(void)pthread_mutex_unlock(&wal->lock);
}

static void
grown_tell(struct wal *wal)
{
	bool tell;

	(void)pthread_mutex_lock(&wal->lock);
	tell = !wal->grown_told && atomic_load_explicit(&wal->bytes, memory_order_relaxed) > wal->options.bytes_max;
	wal->grown_told = wal->grown_told || tell;
	(void)pthread_mutex_unlock(&wal->lock);
	if (tell)
		wal->options.grown(wal->options.context);
}

/* Returns false if the log has failed, and has told everybody. */
static bool
epoch_close(struct wal *wal, const struct work *work)
{
	uint64_t epoch = atomic_load_explicit(&wal->epoch, memory_order_relaxed); /* only we store it */

	PROBE1(commit_begin, epoch);
	batch_wait(wal);
	wal_room_check(wal);
	bool rotate = work->rotate && wal_spare_await(wal);

	epoch_move(wal, epoch + 1);
	epoch_quiesce();
	PROBE1(commit_closed, epoch);
	if (wal_block_write(wal, epoch, rotate) < 0)
		return false;
	if ((work->sync || rotate || wal->options.fsync == WAL_FSYNC_TRUE) && wal_commit_sync(wal) < 0)
		return false;
	released_publish(wal, epoch);
	PROBE1(commit_published, epoch);
	if (work->rotate)
		rotate_publish(wal);
	return true;
}

bool
wal_commit(struct wal *wal)
{
	if (wal_failed(wal))
		return false;
	struct work work = work_look(wal);

	if (!work.close && !work.sync)
		return false;
	if (work.close) {
		if (!epoch_close(wal, &work))
			return true;
		wal_writers_wake(wal);
		PROBE0(commit_end);
		grown_tell(wal);
	} else {
		if (wal_commit_sync(wal) < 0)
			return true;
		uint64_t released = atomic_load_explicit(&wal->released, memory_order_relaxed); /* our own */

		atomic_store_explicit(&wal->durable, released, memory_order_release);
	}
	wal_changed(wal);
	return true;
}
