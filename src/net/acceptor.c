#include "net/acceptor.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "log/log.h"
#include "net/fault.h"
#include "net/net_limits.h"
#include "net/server_internal.h"
#include "net/tag.h"
#include "net/worker.h"

enum { ACCEPT_RETRY_MS = 1000, LOG_INTERVAL_MS = 10000 };

static bool
log_is_due(uint64_t *logged_ms, uint64_t now_ms)
{
	if (*logged_ms != 0 && now_ms - *logged_ms < LOG_INTERVAL_MS)
		return false;
	*logged_ms = now_ms;
	return true;
}

static void
acceptor_arm(struct worker *worker, uint32_t listener)
{
	assert(!worker->acceptor.armed[listener]);
	worker->acceptor.armed[listener] = true;
	io_accept(worker->io, worker->server->listeners[listener].fd, tag_pack(OPERATION_ACCEPT, listener, 0));
}

void
acceptor_start(struct worker *worker)
{
	for (uint32_t i = 0; i < worker->server->listener_count; i++)
		acceptor_arm(worker, i);
}

bool
acceptor_is_paused(const struct worker *worker)
{
	return atomic_load_explicit(&worker->server->accepting, memory_order_relaxed) != ACCEPT_RUNNING;
}

/* ---- spreading --------------------------------------------------------------------------------------------------- */

static struct worker *
least_loaded(const struct server *server)
{
	struct worker *best = server->workers[0];
	uint32_t best_load = UINT32_MAX;

	for (uint32_t i = 0; i < server->options.workers; i++) {
		uint32_t load = atomic_load_explicit(&server->workers[i]->load, memory_order_relaxed);

		if (load < best_load) {
			best = server->workers[i];
			best_load = load;
		}
	}
	return best;
}

/* Takes fd, a client that is counted. */
static void
acceptor_give(struct worker *worker, struct worker *target, int fd)
{
	(void)atomic_fetch_add_explicit(&target->load, 1, memory_order_relaxed);
	if (target == worker) {
		conn_open(worker, fd, false);
		return;
	}
	struct mail *mail = mem_alloc(sizeof(*mail));

	if (mail == NULL) {
		(void)atomic_fetch_sub_explicit(&target->load, 1, memory_order_relaxed);
		(void)atomic_fetch_add_explicit(&worker->load, 1, memory_order_relaxed);
		conn_open(worker, fd, false);
		return;
	}
	*mail = (struct mail){ .fd = fd };
	mailbox_post(&target->mailbox, mail);
	worker_wake(target);
}

/* Takes fd, a client too many. It is told so, as long as there are not too many even of these. */
static void
acceptor_refuse(struct worker *worker, int fd)
{
	struct acceptor *acceptor = &worker->acceptor;

	acceptor->refused++;
	if (log_is_due(&acceptor->refuse_logged_ms, worker->now_ms))
		log_warn("too many clients", log_u64("clients_max", worker->server->options.clients_max),
		         log_u64("refused", acceptor->refused));
	if (worker->refused_count >= REFUSED_CLIENTS_MAX) {
		(void)close(fd);
		return;
	}
	worker->refused_count++;
	conn_open(worker, fd, true);
}

static void
acceptor_accepted(struct worker *worker, int fd)
{
	struct server *server = worker->server;

	if (worker->stopping) {
		(void)close(fd);
		return;
	}
	if (atomic_load_explicit(&server->clients, memory_order_relaxed) >= server->options.clients_max) {
		acceptor_refuse(worker, fd);
		return;
	}
	(void)atomic_fetch_add_explicit(&server->clients, 1, memory_order_relaxed);
	acceptor_give(worker, least_loaded(server), fd);
}

/* ---- pausing ----------------------------------------------------------------------------------------------------- */

static bool
is_the_clients_fault(int error)
{
	return error == ECONNABORTED || error == EINTR || error == EAGAIN || error == EPROTO;
}

/* Also for what we do not know: trying again at once might go on for ever. */
static void
acceptor_pause(struct worker *worker, int error)
{
	struct acceptor *acceptor = &worker->acceptor;

	acceptor->paused_ms = worker->now_ms;
	atomic_store_explicit(&worker->server->accepting, ACCEPT_PAUSED, memory_order_relaxed);
	if (log_is_due(&acceptor->pause_logged_ms, worker->now_ms))
		log_warn("accepting paused", log_string("reason", fault_errno(error)),
		         log_u64("clients", atomic_load_explicit(&worker->server->clients, memory_order_relaxed)));
}

void
acceptor_round(struct worker *worker)
{
	struct server *server = worker->server;
	int accepting = atomic_load_explicit(&server->accepting, memory_order_relaxed);

	if (accepting == ACCEPT_RUNNING || worker->stopping)
		return;
	if (accepting == ACCEPT_PAUSED && worker->now_ms - worker->acceptor.paused_ms < ACCEPT_RETRY_MS)
		return;
	atomic_store_explicit(&server->accepting, ACCEPT_RUNNING, memory_order_relaxed);
	for (uint32_t i = 0; i < server->listener_count; i++) {
		if (!worker->acceptor.armed[i])
			acceptor_arm(worker, i);
	}
}

void
acceptor_client_left(struct worker *worker, bool refused)
{
	struct server *server = worker->server;
	int paused = ACCEPT_PAUSED;

	if (refused) {
		worker->refused_count--;
	} else {
		(void)atomic_fetch_sub_explicit(&worker->load, 1, memory_order_relaxed);
		(void)atomic_fetch_sub_explicit(&server->clients, 1, memory_order_relaxed);
	}
	if (atomic_load_explicit(&server->accepting, memory_order_relaxed) != ACCEPT_PAUSED)
		return;
	if (atomic_compare_exchange_strong_explicit(&server->accepting, &paused, ACCEPT_RESUME, memory_order_relaxed,
	                                            memory_order_relaxed))
		worker_wake(server->workers[0]);
}

void
acceptor_event(struct worker *worker, uint32_t listener, const struct io_event *event)
{
	assert(listener < worker->server->listener_count);
	worker->acceptor.armed[listener] = event->more;
	if (event->result >= 0)
		acceptor_accepted(worker, event->result);
	if (event->more || worker->stopping)
		return;
	/* Told to stop by another thread, which ended the accept before we were woken. */
	if (atomic_load_explicit(&worker->server->stopping, memory_order_relaxed))
		return;
	if (event->result >= 0 || is_the_clients_fault(-event->result))
		acceptor_arm(worker, listener);
	else
		acceptor_pause(worker, -event->result);
}
