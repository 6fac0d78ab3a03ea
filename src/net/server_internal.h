/*
 * server_internal.h - what the workers share
 *
 * Written before the first thread starts and read-only afterwards, but for the atomics.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "net/listener.h"
#include "net/server.h"

enum { LISTENERS_MAX = 2 };

struct worker;

struct server {
	struct server_options options;
	struct listener listeners[LISTENERS_MAX];
	uint32_t listener_count;
	uint16_t port;
	struct worker **workers; /* options.workers of them */

	/*
	 * S1  stop: server_stop() writes stop_deadline_ms, then stopping by release -> worker_round() loads it by acquire.
	 */
	_Atomic(bool) stopping;    /* S1 */
	uint64_t stop_deadline_ms; /* S1 */

	/* Accepted and not closed. Relaxed: a limit of numbers, nothing is read through it. */
	_Atomic(uint32_t) clients;

	/*
	 * enum accept_state. RUNNING -> PAUSED -> RUNNING by the accepting worker, PAUSED -> RESUME by any that closes a
	 * connection. Relaxed: who misses the pause is made up for by the timer.
	 */
	_Atomic(int) accepting;
};
