/*
 * conn_hold.h - what waits for the log: replies that must not be sent yet, lines that found no room in it
 *
 * All functions: the worker's own thread. Without a log nothing is ever held or stalled, and each is one look at an empty
 * list.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/conn.h"

struct worker;

/*
 * What is appended to the connection's replies from stream position `from` on (conn_output_end() before the reply) is not
 * sent before command_released() ≥ epoch. 0 is fine: it depends on nothing of its own.
 */
void conn_hold(struct worker *worker, struct conn *conn, uint64_t from, uint64_t epoch);

/* Bytes of `unsent` and `replies` together, from the first of unsent on, that are in front of everything held. */
size_t conn_hold_free_bytes(const struct conn *conn);

/* It forgets what it holds: the connection closes. */
void conn_hold_end(struct worker *worker, struct conn *conn);

/* The line to be executed next found no room in the log (STALL_LOG): it is tried again when that epoch is released. */
void conn_hold_stall(struct worker *worker, struct conn *conn, uint64_t epoch);

/* Makes ready, in front of others, the connections whose lines may find room now. Before a batch. */
void hold_retry(struct worker *worker);

/* Touches the connections whose held replies may be sent now, or have to be replaced. Before a batch, so that only these
 * are replaced and not what the batch adds behind them; and before settling, for what has been released meanwhile. */
void hold_release(struct worker *worker);

/*
 * Before io_wait(): asks for what is waited for, if anything. Returns whether the worker may block: if it is idle, and
 * that has not come already.
 */
bool hold_wait(struct worker *worker, bool idle);
