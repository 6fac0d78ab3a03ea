/*
 * conn_io.h - the parts of a connection that conn.c and conn_io.c share
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/conn.h"
#include "net/net_limits.h"
#include "net/server_internal.h"
#include "net/tag.h"
#include "net/worker.h"

static inline uint64_t
conn_tag(const struct conn *conn, enum operation operation)
{
	return tag_pack(operation, conn->slot, conn->generation);
}

static inline bool
conn_has_input(const struct conn *conn)
{
	return conn->input.count > 0 || conn->input.start < conn->input.held.bytes;
}

static inline size_t
conn_replies_bytes_max(const struct worker *worker)
{
	return CONN_UNSENT_BYTES_MAX + worker->server->options.response_bytes_max + CONN_REPLIES_SLACK;
}

/* It no longer waits for that; if for nothing else, it is ready. */
void conn_unstall(struct worker *worker, struct conn *conn, enum conn_stall stall);

/* Sends the replies gathered, up to what is held, unless earlier ones are still on their way. */
void conn_flush(struct worker *worker, struct conn *conn);

/* Starts or stops receiving, as the connection can bear. */
void conn_settle_receive(struct worker *worker, struct conn *conn);
