#include "net/server.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include "base/limits.h"
#include "base/memory.h"
#include "log/log.h"
#include "net/fault.h"
#include "net/server_internal.h"
#include "net/worker.h"

/* Beside clients: files of dumps and log, rings, listeners. */
enum { DESCRIPTORS_OF_OURS = 64 };

/* A client is a descriptor; the soft limit is often 1024 for the sake of programs that use select(). */
static void
descriptor_limit_raise(const struct server_options *options)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur < (rlim_t)options->clients_max + DESCRIPTORS_OF_OURS)
		log_warn("fewer descriptors than clients allowed", log_u64("descriptors", limit.rlim_cur),
		         log_u64("clients_max", options->clients_max));
}

static int
server_listen(struct server *server, struct server_fault *ret_fault)
{
	const struct server_options *options = &server->options;

	server->port = options->port;
	if (listener_open_tcp(options->bind, &server->port, options->nodelay, &server->listeners[0], ret_fault) < 0)
		return -1;
	server->listener_count = 1;
	if (options->unix_socket == NULL)
		return 0;
	if (listener_open_unix(options->unix_socket, options->unix_socket_mode, &server->listeners[1], ret_fault) < 0)
		return -1;
	server->listener_count = 2;
	return 0;
}

/* Ends the threads, of the first `count` workers. */
static bool
server_join(struct server *server, uint32_t count)
{
	bool clean = true;

	for (uint32_t i = 0; i < count; i++)
		worker_wake(server->workers[i]);
	for (uint32_t i = 0; i < count; i++) {
		(void)pthread_join(server->workers[i]->thread, NULL);
		clean &= !server->workers[i]->cut;
	}
	return clean;
}

static int
server_start_threads(struct server *server, struct server_fault *ret_fault)
{
	const struct server_options *options = &server->options;
	sigset_t all;
	sigset_t before;
	uint32_t i = 0;
	int r = 0;

	/* Signals are for the thread that waits for them; a worker starts with them blocked. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	for (; i < options->workers && r == 0; i++)
		r = worker_start(server->workers[i], i, options->cpus != NULL ? options->cpus[i] : -1);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		return 0;
	i--;
	atomic_store_explicit(&server->stopping, true, memory_order_release);
	(void)server_join(server, i);
	return fault_set(ret_fault, "Cannot start worker %u: %s%s", i, fault_errno(-r),
	                 r == -EINVAL ? " (is the CPU that it is pinned to there?)" : "");
}

static void
server_destroy(struct server *server)
{
	for (uint32_t i = 0; server->workers != NULL && i < server->options.workers; i++)
		worker_destroy(server->workers[i]);
	for (uint32_t i = 0; i < server->listener_count; i++)
		listener_close(&server->listeners[i]);
	mem_free(server->workers);
	mem_free(server);
}

int
server_start(const struct server_options *options, struct server **ret_server, struct server_fault *ret_fault)
{
	struct server *server = mem_alloc_zeroed(sizeof(*server));

	assert(options->workers >= 1 && options->workers <= WORKERS_MAX);
	if (server == NULL)
		return fault_set(ret_fault, "Cannot start the server: %s", fault_errno(ENOMEM));
	server->options = *options;
	descriptor_limit_raise(options);
	server->workers = mem_alloc_zeroed(options->workers * sizeof(struct worker *));
	if (server->workers == NULL) {
		(void)fault_set(ret_fault, "Cannot start the server: %s", fault_errno(ENOMEM));
		goto fail;
	}
	if (server_listen(server, ret_fault) < 0)
		goto fail;
	for (uint32_t i = 0; i < options->workers; i++) {
		if (worker_create(server, &server->workers[i], ret_fault) < 0)
			goto fail;
	}
	if (server_start_threads(server, ret_fault) < 0)
		goto fail;
	*ret_server = server;
	return 0;
fail:
	server_destroy(server);
	return -1;
}

uint16_t
server_port(const struct server *server)
{
	return server->port;
}

bool
server_stop(struct server *server, uint32_t timeout_s)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	server->stop_deadline_ms = ((uint64_t)now.tv_sec + timeout_s) * 1000 + (uint64_t)now.tv_nsec / 1000000;
	/* S1 release */
	atomic_store_explicit(&server->stopping, true, memory_order_release);
	for (uint32_t i = 0; i < server->listener_count; i++)
		listener_stop(&server->listeners[i]);
	bool clean = server_join(server, server->options.workers);

	server_destroy(server);
	return clean;
}
