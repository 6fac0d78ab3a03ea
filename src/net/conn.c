#include "net/conn.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command/command.h"
#include "log/log.h"
#include "net/address.h"
#include "net/conn_hold.h"
#include "net/conn_io.h"
#include "net/net_limits.h"

void
conn_touch(struct worker *worker, struct conn *conn)
{
	if (conn->touched)
		return;
	conn->touched = true;
	SLIST_INSERT_HEAD(&worker->touched, conn, touched_link);
}

/* ---- queues ------------------------------------------------------------------------------------------------------ */

void
conn_unqueue(struct worker *worker, struct conn *conn)
{
	if (conn->queue == QUEUE_READY)
		TAILQ_REMOVE(&worker->ready, conn, queue_link);
	else if (conn->queue == QUEUE_STARVED)
		TAILQ_REMOVE(&worker->starved, conn, queue_link);
	else if (conn->queue == QUEUE_STALLED)
		TAILQ_REMOVE(&worker->stalled, conn, queue_link);
	conn->queue = QUEUE_NONE;
}

void
conn_ready(struct worker *worker, struct conn *conn)
{
	if (conn->state != CONN_OPEN || conn->stalls != 0 || conn->queue == QUEUE_READY)
		return;
	conn_unqueue(worker, conn);
	conn->queue = QUEUE_READY;
	TAILQ_INSERT_TAIL(&worker->ready, conn, queue_link);
}

void
conn_unstall(struct worker *worker, struct conn *conn, enum conn_stall stall)
{
	if ((conn->stalls & stall) == 0)
		return;
	conn->stalls &= (uint8_t)~stall;
	if (conn_has_input(conn))
		conn_ready(worker, conn);
}

void
conn_unpark(struct worker *worker, struct conn *conn)
{
	assert((conn->stalls & STALL_PARKED) != 0 && conn_has_input(conn));
	conn->active_ms = worker->now_ms; /* it was not idle, it waited for others */
	conn_unstall(worker, conn, STALL_PARKED);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

void
conn_open(struct worker *worker, int fd, bool refused)
{
	struct conn *conn = conn_table_take(&worker->conns);

	assert(worker_is_current(worker));
	assert(fd >= 0);
	if (conn == NULL) {
		(void)close(fd);
		acceptor_client_left(worker, refused);
		return;
	}
	conn->fd = fd;
	conn->refused = refused;
	conn->active_ms = worker->now_ms;
	input_init(&conn->input);
	buffer_init(&conn->replies, conn_replies_bytes_max(worker));
	buffer_init(&conn->unsent, 0);
	if (refused) {
		conn->stalls = STALL_OVER;
		command_reply_too_many_clients(&conn->replies);
	}
	conn->draining = worker->stopping;
	conn->watching = true;
	io_watch_hangup(worker->io, fd, conn_tag(conn, OPERATION_HANGUP));
	conn_touch(worker, conn);
}

static void
conn_linger(struct worker *worker, struct conn *conn)
{
	/* Not by the ring: there it would wake a kernel thread, and this is rare. */
	if (shutdown(conn->fd, SHUT_WR) < 0) {
		conn_close(worker, conn);
		return;
	}
	conn->state = CONN_LINGERING;
	conn->wait_ms = worker->now_ms;
	conn->active_ms = worker->now_ms;
	worker->lingering_count++;
}

bool
conn_is_quiet(const struct conn *conn)
{
	int unread = 0;
	int unsent = 0;

	(void)ioctl(conn->fd, FIONREAD, &unread);
	(void)ioctl(conn->fd, TIOCOUTQ, &unsent);
	return unread == 0 && unsent == 0;
}

/* All was answered and given to the kernel. */
static void
conn_finish(struct worker *worker, struct conn *conn)
{
	bool over = (conn->stalls & STALL_OVER) != 0;

	conn_unqueue(worker, conn);
	if (!conn->eof && (over || !conn_is_quiet(conn)))
		conn_linger(worker, conn);
	else
		conn_close(worker, conn);
}

void
conn_close(struct worker *worker, struct conn *conn)
{
	assert(worker_is_current(worker));
	assert(!conn->in_batch);
	if (conn->state == CONN_CLOSING)
		return;
	if (conn->state == CONN_LINGERING)
		worker->lingering_count--;
	conn->state = CONN_CLOSING;
	conn_unqueue(worker, conn);
	conn_hold_end(worker, conn);
	if ((conn->stalls & STALL_PENDING) != 0 || conn->parked)
		command_abandon(worker->command, conn_tag(conn, OPERATION_REPLY));
	input_clear(&conn->input, &worker->segments, &worker->pool);
	pool_put(&worker->pool, &conn->replies);
	if (conn->receiving && !conn->cancelling)
		io_cancel(worker->io, conn_tag(conn, OPERATION_RECEIVE));
	if (conn->sending)
		io_cancel(worker->io, conn_tag(conn, OPERATION_SEND));
	if (conn->watching)
		io_cancel(worker->io, conn_tag(conn, OPERATION_HANGUP));
	conn_touch(worker, conn);
}

void
conn_drop(struct worker *worker, struct conn *conn, const char *reason)
{
	struct address_text address;
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	if (conn->state == CONN_CLOSING)
		return;
	log_info("client dropped", log_string("reason", reason),
	         log_string("address", address_of_peer(conn->fd, &address)));
	/* What it has not read by now it never will: the kernel need not keep that. */
	if (conn->sending)
		(void)setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	conn_close(worker, conn);
}

void
conn_drain(struct worker *worker, struct conn *conn)
{
	conn->draining = true;
	conn_touch(worker, conn);
}

void
conn_closed(struct worker *worker, struct conn *conn)
{
	bool refused = conn->refused;

	assert(conn->state == CONN_CLOSING);
	assert(conn->queue == QUEUE_NONE && conn->mark_count == 0);
	assert(!conn->receiving && !conn->sending && !conn->watching && !conn->touched);
	conn_table_give(&worker->conns, conn);
	acceptor_client_left(worker, refused);
}

/* ---- the end of a round ------------------------------------------------------------------------------------------ */

/* Nothing is left to do for this client. */
static bool
conn_is_finished(const struct conn *conn)
{
	if (conn->sending || conn_unsent(conn) > 0 || (conn->stalls & (STALL_PENDING | STALL_LOG | STALL_PARKED)) != 0)
		return false;
	if ((conn->stalls & STALL_OVER) != 0)
		return true;
	if (conn->queue == QUEUE_READY)
		return false;
	return conn->eof || (conn->draining && !conn->receiving);
}

static void
conn_settle_open(struct worker *worker, struct conn *conn)
{
	/* What can not be executed now is kept in memory of its own, so that receive buffers are free for others. */
	if (conn->queue != QUEUE_READY && !input_hold(&conn->input, &worker->segments, &worker->pool))
		conn->stalls |= STALL_BROKEN;
	if ((conn->stalls & STALL_BROKEN) != 0) {
		conn_drop(worker, conn, "out of memory");
		return;
	}
	conn_flush(worker, conn);
	if (conn_is_finished(conn))
		conn_finish(worker, conn);
}

void
conn_settle(struct worker *worker, struct conn *conn)
{
	assert(!conn->in_batch);
	conn->touched = false;
	if (conn->state == CONN_OPEN)
		conn_settle_open(worker, conn);
	if (conn->state == CONN_LINGERING && (conn->eof || conn->discarded > CONN_LINGER_BYTES_MAX))
		conn_close(worker, conn);
	if (conn->state != CONN_CLOSING) {
		conn_settle_receive(worker, conn);
		return;
	}
	if (conn->receiving || conn->sending || conn->watching || conn->closing)
		return;
	pool_put(&worker->pool, &conn->unsent);
	conn->closing = true;
	io_close(worker->io, conn->fd, conn_tag(conn, OPERATION_CLOSE));
}
