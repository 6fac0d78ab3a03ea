/*
 * batch.h - one batch: lines of many connections, decoded together, then executed in order
 *
 * Connections take turns of CONN_TURN_LINES lines until there are no more lines or the batch is full, so a client that
 * sends much delays others by one turn, not by all it has. Decoding everything before executing anything lets the
 * cache misses of the whole batch overlap (command.h).
 *
 * Because of that a line may be decoded that must not be executed yet: one behind a line whose reply is pending, or
 * whose connection has too many unread replies by then. It is left in the input and read again in a later batch. So is
 * a line that found no room in the log, or whose idempotency key is in use, with all behind it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "command/command.h"
#include "net/input.h"

struct conn;
struct worker;

struct batch_conn {
	struct conn *conn;
	struct input_cursor read;     /* behind the last line that was decoded */
	struct input_cursor executed; /* behind the last one that was executed */
	bool later;                   /* it has more for the next batch */
};

struct batch_line {
	struct input_cursor after;
	int index;      /* of command_batch_push(), or negative: too long */
	uint16_t place; /* of its connection in the batch */
	uint8_t guess;  /* of a line too long: enum command_protocol */
};

struct batch {
	struct batch_conn conns[BATCH_REQUESTS_MAX];
	struct batch_line lines[BATCH_REQUESTS_MAX];
	uint32_t conn_count;
	uint32_t line_count;
};

/* Runs one batch over worker->ready. Connections in it are touched. */
void batch_run(struct worker *worker);
