/*
 * conn_hold.c - held replies, stalled lines
 *
 *             unsent                              replies
 *   [ sent | with the kernel | held e ]   [ held e | held e+1 ............ ]
 *   ^output_begin            ^marks[0]             ^marks[1]              ^conn_output_end()
 *
 * Output of a connection is one stream. A mark says from which position on it depends on which epoch, and everything
 * behind a mark waits with it, whether it depends on the log or not: replies keep their order. A send ends in front of the
 * first mark, and goes on behind it when the epoch is released; so no held byte is ever copied or with the kernel.
 *
 * Two marks are enough. Epochs rise from mark to mark (a reply that depends on an earlier one than the mark before it
 * is covered by that mark), the last is at most two above the released one, and the first is above it: which leaves two.
 *
 * A client that never stops sending does not starve: `unsent` is not added to, so once its last epoch is released all of
 * it goes, and then come the replies gathered meanwhile.
 *
 * Nobody polls: before the worker blocks it asks to be woken when the lowest epoch that anything waits for is released. One
 * that is too busy to block asks once in a tick of the clock, for an epoch in which nothing was written ends only when
 * somebody waits for it.
 * `held_lowest` may be too low when a connection has gone meanwhile; that costs one wake, and the next look mends it.
 *
 * Stalled connections stand in one queue in the order in which they stalled, with epochs that do not go down, and go back to
 * the ready ones in front of all others: nobody that came later takes the room that they wait for.
 */
#include "net/conn_hold.h"

#include <assert.h>

#include "base/probe.h"
#include "command/command.h"
#include "net/conn_io.h"
#include "net/worker.h"

/* ---- replies ----------------------------------------------------------------------------------------------------- */

/* Marks of released epochs are of no use any more. Returns true if there were any. */
static bool
conn_drop_marks(struct conn *conn, uint64_t released)
{
	uint8_t before = conn->mark_count;

	while (conn->mark_count > 0 && conn->marks[0].epoch <= released) {
		PROBE2(reply_released, conn, conn->marks[0].epoch);
		conn->marks[0] = conn->marks[1];
		conn->mark_count--;
	}
	return conn->mark_count < before;
}

void
conn_hold(struct worker *worker, struct conn *conn, uint64_t from, uint64_t epoch)
{
	uint8_t count = conn->mark_count;

	assert(from >= conn->output_begin + conn->sent);
	if (epoch == 0 || (count > 0 && epoch <= conn->marks[count - 1].epoch))
		return;
	const uint64_t released = command_released(worker->command);

	if (epoch <= released)
		return;
	if (count == 0) {
		LIST_INSERT_HEAD(&worker->held, conn, held_link);
	} else {
		(void)conn_drop_marks(conn, released); /* may leave none; it stays in the list, for it gets one now */
	}
	assert(conn->mark_count < CONN_MARKS);
	conn->marks[conn->mark_count++] = (struct conn_mark){ .epoch = epoch, .position = from };
	PROBE2(reply_held, conn, epoch);
	if (epoch < worker->held_lowest)
		worker->held_lowest = epoch;
}

size_t
conn_hold_free_bytes(const struct conn *conn)
{
	uint64_t end = conn->mark_count > 0 ? conn->marks[0].position : conn_output_end(conn);

	assert(end >= conn->output_begin + conn->sent);
	return (size_t)(end - conn->output_begin);
}

void
conn_hold_end(struct worker *worker, struct conn *conn)
{
	if (conn->mark_count == 0)
		return;
	LIST_REMOVE(conn, held_link);
	conn->mark_count = 0;
	/* held_lowest stays: see above. */
	if (LIST_EMPTY(&worker->held))
		worker->held_lowest = UINT64_MAX;
}

/*
 * What is held will never be released: instead of each reply there is one that its outcome is unknown. A send under way ends
 * in front of what is replaced, so it need not be waited for.
 */
static void
conn_replace_held(struct worker *worker, struct conn *conn)
{
	const size_t free_bytes = conn_hold_free_bytes(conn);
	const size_t unsent_left = free_bytes < conn->unsent.bytes ? free_bytes : conn->unsent.bytes;
	const size_t replies_left = free_bytes - unsent_left;
	struct buffer unknown;

	/* Bounded by what is held; a reply may be shorter than what stands for it. */
	buffer_init(&unknown, SIZE_MAX / 2);
	if (conn->unsent.bytes > unsent_left)
		command_reply_unknown(conn->unsent.data + unsent_left, conn->unsent.bytes - unsent_left, &unknown);
	if (conn->replies.bytes > replies_left)
		command_reply_unknown(conn->replies.data + replies_left, conn->replies.bytes - replies_left, &unknown);
	buffer_truncate(&conn->unsent, unsent_left);
	buffer_truncate(&conn->replies, replies_left);
	conn->replies.bytes_max = replies_left + unknown.bytes + conn_replies_bytes_max(worker);
	buffer_append(&conn->replies, unknown.data, unknown.bytes);
	if (unknown.failed || conn->replies.failed)
		conn->stalls |= STALL_BROKEN;
	buffer_deinit(&unknown);
}

void
hold_release(struct worker *worker)
{
	struct conn *next;

	if (LIST_EMPTY(&worker->held))
		return;
	/* In this order: what the log released before it failed is released. */
	const bool failed = command_log_failed(worker->command);
	const uint64_t released = command_released(worker->command);

	if (!failed && released < worker->held_lowest)
		return;
	worker->held_lowest = UINT64_MAX;
	for (struct conn *conn = LIST_FIRST(&worker->held); conn != NULL; conn = next) {
		next = LIST_NEXT(conn, held_link);
		if (conn_drop_marks(conn, released) || failed)
			conn_touch(worker, conn);
		if (failed && conn->mark_count > 0) {
			conn_replace_held(worker, conn);
			conn->mark_count = 0;
		}
		if (conn->mark_count == 0)
			LIST_REMOVE(conn, held_link);
		else if (conn->marks[0].epoch < worker->held_lowest)
			worker->held_lowest = conn->marks[0].epoch;
	}
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

void
conn_hold_stall(struct worker *worker, struct conn *conn, uint64_t epoch)
{
	const struct conn *last = TAILQ_LAST(&worker->stalled, conn_queue);

	assert(conn->stalls == 0);
	conn_unqueue(worker, conn);
	conn->stalls = STALL_LOG;
	conn->retry_epoch = last != NULL && last->retry_epoch > epoch ? last->retry_epoch : epoch;
	conn->queue = QUEUE_STALLED;
	TAILQ_INSERT_TAIL(&worker->stalled, conn, queue_link);
}

void
hold_retry(struct worker *worker)
{
	struct conn_queue again;
	struct conn *conn;

	if (TAILQ_EMPTY(&worker->stalled))
		return;
	/* In this order: see hold_release(). */
	const bool failed = command_log_failed(worker->command);
	const uint64_t released = command_released(worker->command);

	TAILQ_INIT(&again);
	while ((conn = TAILQ_FIRST(&worker->stalled)) != NULL && (failed || conn->retry_epoch <= released)) {
		assert(conn->state == CONN_OPEN);
		assert(conn->stalls == STALL_LOG && conn_has_input(conn));
		TAILQ_REMOVE(&worker->stalled, conn, queue_link);
		conn->stalls = 0;
		conn->active_ms = worker->now_ms; /* it was not idle, it waited for us */
		conn->queue = QUEUE_READY;
		TAILQ_INSERT_TAIL(&again, conn, queue_link);
	}
	TAILQ_CONCAT(&again, &worker->ready, queue_link);
	TAILQ_CONCAT(&worker->ready, &again, queue_link);
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

bool
hold_wait(struct worker *worker, bool idle)
{
	const struct conn *first = TAILQ_FIRST(&worker->stalled);
	uint64_t epoch = worker->held_lowest;

	if (first != NULL && first->retry_epoch < epoch)
		epoch = first->retry_epoch;
	if (epoch == UINT64_MAX || (!idle && worker->asked_ms == worker->now_ms))
		return idle;
	worker->asked_ms = worker->now_ms;
	return command_wait(worker->command, epoch) && idle;
}
