#include "net/deadline.h"

#include <assert.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "net/net_limits.h"
#include "net/server_internal.h"
#include "net/worker.h"

enum { TICK_MS = 500, TICK_STOPPING_MS = 20, STOP_QUIET_MS = 100 };

static bool
deadline_is_needed(const struct worker *worker)
{
	const struct server_options *options = &worker->server->options;

	if (worker->stopping || worker->lingering_count > 0)
		return true;
	if (options->write_timeout_s > 0 && worker->sending_count > 0)
		return true;
	if (options->idle_timeout_s > 0 && worker->conns.used > 0)
		return true;
	return worker == worker->server->workers[0] && acceptor_is_paused(worker);
}

void
deadline_arm(struct worker *worker)
{
	if (worker->timer_armed || !deadline_is_needed(worker))
		return;
	worker->timer_armed = true;
	io_timer(worker->io, worker->stopping ? TICK_STOPPING_MS : TICK_MS);
}

static bool
is_over(const struct worker *worker, uint64_t since_ms, uint64_t bound_ms)
{
	return worker->now_ms - since_ms >= bound_ms;
}

/*
 * A send completes no earlier than a third of the socket's buffer has become free, which may be megabytes. A client that
 * reads slowly is not to be taken for one that does not read: what it takes can be seen in the socket.
 */
static void
deadline_check_send(struct worker *worker, struct conn *conn, uint64_t write_ms)
{
	int bytes = 0;

	(void)ioctl(conn->fd, SIOCOUTQ, &bytes); /* if that fails, nothing is in it */
	if ((uint32_t)bytes < conn->outgoing) {
		conn->wait_ms = worker->now_ms;
		conn->active_ms = worker->now_ms;
	}
	conn->outgoing = (uint32_t)bytes;
	if (is_over(worker, conn->wait_ms, write_ms))
		conn_drop(worker, conn, "write timeout");
}

static bool
linger_is_over(const struct worker *worker, const struct conn *conn)
{
	/* Who stops waits only for what would be lost. */
	if (conn->draining && is_over(worker, conn->active_ms, STOP_QUIET_MS) && conn_is_quiet(conn))
		return true;
	return is_over(worker, conn->active_ms, CONN_LINGER_QUIET_MS) || is_over(worker, conn->wait_ms, CONN_LINGER_MS);
}

/* Then it is not idle. */
static bool
conn_waits_for_us(const struct conn *conn)
{
	return conn->mark_count > 0 || (conn->stalls & (STALL_PENDING | STALL_LOG | STALL_PARKED)) != 0;
}

static void
deadline_check_conn(struct worker *worker, struct conn *conn)
{
	const struct server_options *options = &worker->server->options;
	const uint64_t write_ms = (uint64_t)options->write_timeout_s * 1000;
	const uint64_t idle_ms = (uint64_t)options->idle_timeout_s * 1000;

	if (conn->state == CONN_LINGERING) {
		if (linger_is_over(worker, conn))
			conn_close(worker, conn);
	} else if (conn->sending) {
		if (write_ms > 0)
			deadline_check_send(worker, conn, write_ms);
	} else if (conn->state == CONN_OPEN && !conn_waits_for_us(conn)) {
		if (idle_ms > 0 && is_over(worker, conn->active_ms, idle_ms))
			conn_drop(worker, conn, "idle timeout");
	}
}

void
deadline_check(struct worker *worker)
{
	struct conn *conn = NULL;

	assert(worker->timer_armed);
	worker->timer_armed = false;
	while ((conn = conn_table_next(&worker->conns, conn == NULL ? 0 : conn->slot + 1)) != NULL)
		deadline_check_conn(worker, conn);
}
