#include "net/worker.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/probe.h"
#include "command/command.h"
#include "log/log.h"
#include "net/conn_hold.h"
#include "net/deadline.h"
#include "net/fault.h"
#include "net/net_limits.h"
#include "net/server_internal.h"
#include "net/worker_event.h"

/* After the time to stop in is over the kernel gets this long to give back what it holds of ours. */
enum { CUT_MS = 2000 };

static _Thread_local const struct worker *worker_self;

bool
worker_is_current(const struct worker *worker)
{
	return worker_self == worker;
}

void
worker_wake(struct worker *worker)
{
	io_wake(worker->io);
}

static void
worker_wake_for_command(void *context)
{
	worker_wake(context);
}

static uint64_t
clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- stopping ---------------------------------------------------------------------------------------------------- */

static void
worker_for_all(struct worker *worker, void (*visit)(struct worker *worker, struct conn *conn))
{
	struct conn *conn = NULL;

	while ((conn = conn_table_next(&worker->conns, conn == NULL ? 0 : conn->slot + 1)) != NULL)
		visit(worker, conn);
}

static void
worker_cut_conn(struct worker *worker, struct conn *conn)
{
	if (conn->state == CONN_OPEN)
		worker->cut = true;
	conn_close(worker, conn);
}

/* What was read in this very round is still answered. */
static void
worker_stop_round(struct worker *worker)
{
	struct server *server = worker->server;

	if (!worker->stopping) {
		/* S1 acquire */
		worker->stopping = atomic_load_explicit(&server->stopping, memory_order_acquire);
		if (worker->stopping)
			worker_for_all(worker, conn_drain);
	} else if (worker->now_ms >= server->stop_deadline_ms) {
		worker_for_all(worker, worker_cut_conn);
	}
}

static bool
worker_is_finished(struct worker *worker)
{
	if (!worker->stopping)
		return false;
	if (worker->conns.used == 0)
		return true;
	if (worker->now_ms < worker->server->stop_deadline_ms + CUT_MS)
		return false;
	log_error("connections left behind", log_u64("count", worker->conns.used));
	worker->cut = true;
	return true;
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

static void
worker_settle(struct worker *worker)
{
	struct conn *conn;

	while ((conn = SLIST_FIRST(&worker->touched)) != NULL) {
		SLIST_REMOVE_HEAD(&worker->touched, touched_link);
		conn_settle(worker, conn);
	}
}

/* Gives the buffers of this round back to the kernel, then lets those receive that found none. */
static void
worker_return_buffers(struct worker *worker)
{
	struct segments *segments = &worker->segments;
	uint32_t room = IO_BUFFERS - segments->held_count;

	for (uint32_t i = 0; i < segments->returned_count; i++)
		io_buffer_put(worker->io, segments->returned[i]);
	segments->returned_count = 0;
	io_buffers_publish(worker->io);
	for (; room > 0 && !TAILQ_EMPTY(&worker->starved); room--)
		conn_feed(worker, TAILQ_FIRST(&worker->starved));
}

static bool
worker_has_work(const struct worker *worker)
{
	if (!TAILQ_EMPTY(&worker->ready))
		return true;
	return !TAILQ_EMPTY(&worker->starved) && worker->segments.held_count < IO_BUFFERS;
}

static void
worker_round(struct worker *worker)
{
	const struct io_event *events = NULL;
	bool block = hold_wait(worker, !worker_has_work(worker));

	PROBE1(wait_begin, block);
	size_t count = io_wait(worker->io, block, &events);

	PROBE1(wait_end, count);
	worker->now_ms = clock_ms();
	counter_add(&worker->counters.rounds, 1);
	for (size_t i = 0; i < count; i++)
		worker_event(worker, &events[i]);
	worker_stop_round(worker);
	hold_release(worker);
	hold_retry(worker);
	if (!TAILQ_EMPTY(&worker->ready))
		batch_run(worker);
	hold_release(worker);
	worker_settle(worker);
	worker_return_buffers(worker);
	if (worker == worker->server->workers[0])
		acceptor_round(worker);
	deadline_arm(worker);
}

static void *
worker_main(void *argument)
{
	struct worker *worker = argument;

	worker_self = worker;
	worker->now_ms = clock_ms();
	io_attach(worker->io);
	if (worker == worker->server->workers[0])
		acceptor_start(worker);
	while (!worker_is_finished(worker))
		worker_round(worker);
	worker_self = NULL;
	return NULL;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static int
worker_init(struct worker *worker, struct server_fault *ret_fault)
{
	const struct server_options *options = &worker->server->options;
	const struct command_options command_options = {
		.engine = options->engine,
		.store = options->store,
		.ledger = options->ledger,
		.request_bytes_max = options->request_bytes_max,
		.response_bytes_max = options->response_bytes_max,
		.auth_token = options->auth_token,
		.read_auth_token = options->read_auth_token,
		.query_timeout_ms = options->query_timeout_ms,
		.wake = worker_wake_for_command,
		.wake_context = worker,
	};

	if (io_create(&worker->io, ret_fault) < 0)
		return -1;
	int r = conn_table_init(&worker->conns, options->clients_max + REFUSED_CLIENTS_MAX);

	if (r == 0)
		r = command_worker_create(&command_options, &worker->command);
	return r == 0 ? 0 : fault_set(ret_fault, "Cannot start a worker: %s", fault_errno(-r));
}

int
worker_create(struct server *server, struct worker **ret_worker, struct server_fault *ret_fault)
{
	struct worker *worker = mem_alloc_aligned(_Alignof(struct worker), sizeof(*worker));

	if (worker == NULL)
		return fault_set(ret_fault, "Cannot start a worker: %s", fault_errno(ENOMEM));
	*worker = (struct worker){ .server = server, .held_lowest = UINT64_MAX };
	TAILQ_INIT(&worker->ready);
	TAILQ_INIT(&worker->starved);
	TAILQ_INIT(&worker->stalled);
	LIST_INIT(&worker->held);
	SLIST_INIT(&worker->touched);
	if (worker_init(worker, ret_fault) < 0) {
		worker_destroy(worker);
		return -1;
	}
	*ret_worker = worker;
	return 0;
}

int
worker_start(struct worker *worker, uint32_t index, int cpu)
{
	pthread_attr_t attributes;
	char name[16];
	cpu_set_t cpus;
	int r = pthread_attr_init(&attributes);

	if (r != 0)
		return -r;
	if (cpu >= 0) {
		CPU_ZERO(&cpus);
		CPU_SET((size_t)cpu, &cpus);
		r = pthread_attr_setaffinity_np(&attributes, sizeof(cpus), &cpus);
	}
	if (r == 0)
		r = pthread_create(&worker->thread, &attributes, worker_main, worker);
	(void)pthread_attr_destroy(&attributes);
	if (r != 0)
		return -r;
	(void)snprintf(name, sizeof(name), "worker-%u", index);
	(void)pthread_setname_np(worker->thread, name);
	return 0;
}

void
worker_destroy(struct worker *worker)
{
	if (worker == NULL)
		return;
	/* It may be woken until its last request has ended. */
	command_worker_destroy(worker->command);
	for (struct mail *mail = mailbox_take(&worker->mailbox); mail != NULL;) {
		struct mail *next = mail->next;

		(void)close(mail->fd);
		mem_free(mail);
		mail = next;
	}
	io_destroy(worker->io);
	conn_table_deinit(&worker->conns);
	pool_deinit(&worker->pool);
	mem_free(worker);
}
