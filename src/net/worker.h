/*
 * worker.h - one thread, one ring, its connections
 *
 * A round: hand over what was queued and fetch what has come (the one system call); note it at the connections; one
 * batch of lines; look at what the log has released; settle every connection that was touched, which queues one send
 * each. Then the next.
 *
 * Who may touch what: all of it is the worker's own, but for the first part, which the struct marks.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/acceptor.h"
#include "net/batch.h"
#include "net/conn.h"
#include "net/conn_table.h"
#include "net/io.h"
#include "net/mailbox.h"
#include "net/pool.h"
#include "net/segment.h"

struct command_worker;
struct server;
struct server_fault;

/* Written by the worker alone, read by tests: relaxed, nothing is read through them. */
struct worker_counters {
	_Atomic(uint64_t) received_bytes;
	_Atomic(uint64_t) sent_bytes;
	_Atomic(uint64_t) rounds;
};

static inline void
counter_add(_Atomic(uint64_t) *counter, uint64_t amount)
{
	/* One writer: no need for an atomic addition. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + amount,
	                      memory_order_relaxed);
}

struct worker {
	/* Other threads': the accepting worker posts and counts up, this one takes and counts down. */
	_Alignas(64) struct mailbox mailbox;
	_Atomic(uint32_t) load; /* connections, also those in the mailbox. Relaxed: it only chooses the least loaded */
	char padding[52];       /* the rest is the worker's own */

	struct server *server;
	struct io *io;
	struct command_worker *command;
	uint64_t now_ms; /* monotonic, as of this round */
	struct conn_queue ready;
	struct conn_queue starved;
	struct conn_queue stalled; /* by STALL_LOG, the oldest first */
	struct conn_held held;     /* connections with output that waits for the log */
	uint64_t held_lowest;      /* no epoch below is waited for by them; UINT64_MAX: none at all */
	uint64_t asked_ms;         /* when command_wait() was last called */
	struct conn_list touched;
	struct pool pool;
	struct conn_table conns;
	uint32_t sending_count;
	uint32_t lingering_count;
	uint32_t refused_count;
	bool timer_armed;
	bool stopping;
	bool cut; /* the time to stop in was over before everything was sent */
	struct worker_counters counters;
	struct segments segments;
	struct batch batch;
	struct acceptor acceptor; /* of the first worker only */
	pthread_t thread;
};

/* Makes ring and command worker; the thread is not started. Returns 0, or -1 with *ret_fault written. */
int worker_create(struct server *server, struct worker **ret_worker, struct server_fault *ret_fault);

/* Starts the thread, on that CPU if not negative. Returns 0 or a negative errno. */
int worker_start(struct worker *worker, uint32_t index, int cpu);

/* Has it look at its mailbox, its finished requests and server->stopping. Any thread. */
void worker_wake(struct worker *worker);

/* Takes worker, whose thread was never started or has been joined. NULL is fine. */
void worker_destroy(struct worker *worker);

/* For asserts. */
bool worker_is_current(const struct worker *worker);
