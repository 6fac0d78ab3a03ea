/*
 * acceptor.h - accepting connections and spreading them over the workers
 *
 * One worker accepts for all (its ring holds one multishot accept per listener) and hands each connection to the one
 * that has fewest. Clients keep few connections long, so counting beats the kernel's hash.
 *
 * When descriptors or memory run out accepting pauses: the multishot accept is not started again until a connection
 * has closed, or for ACCEPT_RETRY_MS. Clients wait in the listen queue meanwhile.
 *
 * Thread: that worker's, but for acceptor_client_left().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct io_event;
struct server;
struct worker;

/* server->accepting */
enum accept_state { ACCEPT_RUNNING, ACCEPT_PAUSED, ACCEPT_RESUME };

struct acceptor {
	bool armed[2]; /* per listener: with the kernel */
	uint64_t paused_ms;
	uint64_t pause_logged_ms;
	uint64_t refuse_logged_ms;
	uint64_t refused;
};

void acceptor_start(struct worker *worker);
void acceptor_event(struct worker *worker, uint32_t listener, const struct io_event *event);

/* Resumes if it is time. Once a round. */
void acceptor_round(struct worker *worker);

/* It waits for time to pass. */
bool acceptor_is_paused(const struct worker *worker);

/* A connection of this worker has been closed, so a descriptor has become free. Any worker, its own thread. */
void acceptor_client_left(struct worker *worker, bool refused);
