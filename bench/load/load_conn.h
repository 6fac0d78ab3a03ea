/*
 * load_conn.h - one connection of karma-load: what is to be sent, and what is awaited in which order
 *
 * Belongs to one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/load_options.h"

struct load_pending {
	uint64_t due_ns; /* when it should have been sent; latency counts from here */
	enum load_kind kind;
};

struct load_conn {
	int fd;
	bool waits_to_send; /* the socket was full: epoll tells when it goes on */
	uint32_t depth;
	uint32_t pending_first, pending_count; /* ring of `depth`, oldest first: replies come in order */
	struct load_pending *pending;
	char *out;
	size_t out_first, out_end, out_capacity;
	size_t partial_bytes; /* start of a reply whose rest is still to come */
	char partial[LOAD_REPLY_BYTES_MAX];
};

/* Connects and waits until connected. 0 or negative errno; there is nothing to deinit on failure. */
int load_conn_init(struct load_conn *conn, const struct load_options *options);
void load_conn_deinit(struct load_conn *conn);

static inline bool
load_conn_has_room(const struct load_conn *conn)
{
	return conn->pending_count < conn->depth;
}

/* Queues one request; there is room. */
void load_conn_push(struct load_conn *conn, const struct load_protocol *protocol, enum load_kind kind, uint64_t key,
                    uint64_t due_ns);

/* The reply to the oldest request has come; there is one. */
static inline void
load_conn_pop(struct load_conn *conn)
{
	conn->pending_first = conn->pending_first + 1 < conn->depth ? conn->pending_first + 1 : 0;
	conn->pending_count--;
}

/* Sends what is queued as far as the socket takes it; sets waits_to_send. 0 or negative errno. */
int load_conn_flush(struct load_conn *conn);
