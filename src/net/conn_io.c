/*
 * conn_io.c - what comes from a client and what goes to it
 */
#include "net/conn_io.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>

#include "base/probe.h"
#include "net/conn_hold.h"

/* ---- input ------------------------------------------------------------------------------------------------------- */

/* A connection that is only waited for reads on, so that closing it does not reset it. */
static void
conn_discard(struct worker *worker, struct conn *conn, const struct io_event *event)
{
	uint32_t bytes = (uint32_t)event->result;

	segment_put(&worker->segments, event->buffer);
	conn->discarded = bytes < UINT32_MAX - conn->discarded ? conn->discarded + bytes : UINT32_MAX;
}

static void
conn_take_input(struct worker *worker, struct conn *conn, const struct io_event *event)
{
	segment_get(&worker->segments, event->buffer, io_buffer(worker->io, event->buffer), (uint32_t)event->result);
	counter_add(&worker->counters.received_bytes, (uint64_t)event->result);
	conn->active_ms = worker->now_ms;
	/* The first byte of a connection will choose its protocol here; so far there is one. */
	if (conn->state != CONN_OPEN || (conn->stalls & STALL_OVER) != 0) {
		conn_discard(worker, conn, event);
		return;
	}
	input_add(&conn->input, &worker->segments, event->buffer);
	conn_ready(worker, conn);
}

static void
conn_take_end(struct worker *worker, struct conn *conn, int error)
{
	switch (error) {
	case 0:
		conn->eof = true;
		if (conn_has_input(conn))
			conn_ready(worker, conn);
		break;
	case ECANCELED:
	case EINTR:
	case EAGAIN:
	case ENOBUFS:
		break; /* conn_settle() starts it anew if that is wanted */
	default:
		conn_close(worker, conn); /* the client is gone */
	}
}

void
conn_received(struct worker *worker, struct conn *conn, const struct io_event *event)
{
	assert(conn->receiving);
	if (!event->more) {
		conn->receiving = false;
		conn->cancelling = false;
	}
	if (event->result > 0)
		conn_take_input(worker, conn, event);
	else
		conn_take_end(worker, conn, -event->result);
	conn_touch(worker, conn);
}

/*
 * A multishot receive may never tell of the end: when input and end come so close together that the kernel wakes it
 * once for both, it takes the input and waits for a further wake (liburing issue 1549; unpatched kernels will be around
 * for years). So there is a watch of its own for the end, and a receive that has not told by then is started anew.
 */
void
conn_hung_up(struct worker *worker, struct conn *conn, const struct io_event *event)
{
	assert(conn->watching);
	conn->watching = false;
	conn->hung_up = event->result > 0;
	conn_touch(worker, conn);
	if (event->result > 0 && (event->result & POLLERR) != 0)
		conn_close(worker, conn); /* reset: nothing that is on its way can arrive */
}

void
conn_feed(struct worker *worker, struct conn *conn)
{
	assert(conn->state != CONN_CLOSING);
	assert(!conn->receiving);
	conn_unqueue(worker, conn);
	conn->hung_up = false;
	conn->receiving = true;
	io_receive(worker->io, conn->fd, conn_tag(conn, OPERATION_RECEIVE));
}

/* A connection that has to wait keeps what has come, but not without bound. */
static bool
conn_must_stop_receiving(const struct worker *worker, const struct conn *conn)
{
	if (conn->hung_up)
		return true;
	if (conn->state == CONN_LINGERING)
		return false;
	if (conn->draining || conn->input.count > CONN_SEGMENTS_MAX)
		return true;
	return conn->stalls != 0 && input_bytes(&conn->input, &worker->segments) > CONN_INPUT_BYTES_MAX;
}

void
conn_settle_receive(struct worker *worker, struct conn *conn)
{
	if (conn->receiving) {
		if (conn->cancelling || !conn_must_stop_receiving(worker, conn))
			return;
		conn->cancelling = true;
		io_cancel(worker->io, conn_tag(conn, OPERATION_RECEIVE));
		return;
	}
	if (conn->eof || conn->queue != QUEUE_NONE)
		return;
	/* Not before all its lines were executed: the bound on kept input counts once. */
	if (conn->state != CONN_LINGERING && (conn->stalls != 0 || conn->draining))
		return;
	if (worker->segments.held_count < IO_BUFFERS && TAILQ_EMPTY(&worker->starved)) {
		conn_feed(worker, conn);
		return;
	}
	conn->queue = QUEUE_STARVED;
	TAILQ_INSERT_TAIL(&worker->starved, conn, queue_link);
}

/* ---- output ------------------------------------------------------------------------------------------------------ */

/* Sends `unsent` up to there. */
static void
conn_send(struct worker *worker, struct conn *conn, size_t end)
{
	assert(!conn->sending);
	assert(conn->sent < end && end <= conn->unsent.bytes);
	conn->sending = true;
	conn->wait_ms = worker->now_ms;
	conn->outgoing = 0;
	worker->sending_count++;
	PROBE1(send_begin, conn);
	io_send(worker->io, conn->fd, conn->unsent.data + conn->sent, end - conn->sent, conn_tag(conn, OPERATION_SEND));
}

/* Gives the memory back when all of it has been sent. */
static bool
conn_unsent_is_over(struct worker *worker, struct conn *conn)
{
	if (conn->sent < conn->unsent.bytes)
		return false;
	conn->output_begin += conn->unsent.bytes;
	conn->sent = 0;
	pool_put(&worker->pool, &conn->unsent);
	return true;
}

void
conn_flush(struct worker *worker, struct conn *conn)
{
	if (conn->sending)
		return;
	if (conn_unsent_is_over(worker, conn)) {
		if (conn->replies.bytes == 0) {
			pool_put(&worker->pool, &conn->replies);
			return;
		}
		if (conn_hold_free_bytes(conn) == 0)
			return; /* gathered in one piece as long as none of it may go */
		conn->unsent = conn->replies;
		buffer_init(&conn->replies, conn_replies_bytes_max(worker));
	}
	size_t end = conn_hold_free_bytes(conn);

	if (end > conn->unsent.bytes)
		end = conn->unsent.bytes;
	if (end > conn->sent)
		conn_send(worker, conn, end);
}

void
conn_sent(struct worker *worker, struct conn *conn, const struct io_event *event)
{
	assert(conn->sending);
	conn->sending = false;
	worker->sending_count--;
	PROBE2(send_end, conn, event->result);
	conn_touch(worker, conn);
	if (conn->state == CONN_CLOSING)
		return;
	if (event->result < 0 && event->result != -EAGAIN && event->result != -EINTR) {
		conn_close(worker, conn); /* the client is gone */
		return;
	}
	if (event->result > 0) {
		conn->sent += (size_t)event->result;
		conn->active_ms = worker->now_ms;
		counter_add(&worker->counters.sent_bytes, (uint64_t)event->result);
	}
	(void)conn_unsent_is_over(worker, conn); /* what is left goes on in conn_flush() */
	if (conn_unsent(conn) <= CONN_UNSENT_BYTES_MAX / 2)
		conn_unstall(worker, conn, STALL_UNSENT);
}

void
conn_reply(struct worker *worker, struct conn *conn, struct buffer *reply, uint64_t hold)
{
	assert((conn->stalls & STALL_PENDING) != 0);
	conn->active_ms = worker->now_ms; /* it was not idle, it waited for us */
	if (conn->state != CONN_OPEN) {
		buffer_deinit(reply);
		return;
	}
	conn_hold(worker, conn, conn_output_end(conn), hold);
	if (conn->replies.bytes == 0) {
		size_t bytes_max = conn->replies.bytes_max;

		pool_put(&worker->pool, &conn->replies);
		conn->replies = *reply; /* a large one need not be copied */
		conn->replies.bytes_max = bytes_max;
	} else {
		buffer_append(&conn->replies, reply->data, reply->bytes);
		buffer_deinit(reply);
	}
	if (conn->replies.failed)
		conn->stalls |= STALL_BROKEN;
	else if (conn_unsent(conn) >= CONN_UNSENT_BYTES_MAX)
		conn->stalls |= STALL_UNSENT;
	conn_unstall(worker, conn, STALL_PENDING);
	conn_touch(worker, conn);
}
