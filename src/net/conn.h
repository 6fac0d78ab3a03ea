/*
 * conn.h - one client connection
 *
 *   OPEN ──────────────► LINGERING ──────► CLOSING ──► (slot free)
 *    │  last reply sent,    │  client closed,  ▲
 *    │  unread input        │  or long enough  │
 *    └──────────────────────┴──────────────────┘  all answered, client gone, or dropped
 *
 * Handlers of events and the batch only note what happened and touch the connection; once per round conn_settle()
 * looks at all of it and decides: send, receive or not, finish, close.
 *
 * Closing waits until the kernel has given back every operation of the connection, so memory that it reads from or
 * writes to is never used again too early, and a descriptor is closed exactly once.
 *
 * All functions: the worker's own thread, outside of command_batch_begin() … command_batch_end().
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buffer.h"
#include "command/command.h"
#include "net/input.h"

struct io_event;
struct worker;

enum conn_state { CONN_OPEN, CONN_LINGERING, CONN_CLOSING };

/* Why no further line is executed. */
enum conn_stall {
	STALL_PENDING = 1, /* a reply is on its way from another thread */
	STALL_UNSENT = 2,  /* the client does not read what it gets */
	STALL_OVER = 4,    /* an over-long line: nothing behind it counts */
	STALL_BROKEN = 8,  /* no memory for input or reply: can not go on */
	STALL_LOG = 16,    /* the log has no room for what the next line writes */
	STALL_PARKED = 32, /* the idempotency key of the next line is in use */
};

enum conn_queue_name { QUEUE_NONE, QUEUE_READY, QUEUE_STARVED, QUEUE_STALLED };

enum { CONN_MARKS = 2 };

/* From this position of the output on it must not be sent before that epoch of the log is released (conn_hold.c). */
struct conn_mark {
	uint64_t epoch;
	uint64_t position;
};

struct conn {
	int fd;
	uint32_t slot;
	uint32_t generation;
	uint8_t state;  /* enum conn_state */
	uint8_t stalls; /* enum conn_stall */
	uint8_t queue;  /* enum conn_queue_name */
	bool touched;
	bool refused;  /* not counted as a client */
	bool eof;      /* the client will send nothing more */
	bool draining; /* the server stops: no input beyond what has come */
	bool in_batch;
	bool parked;        /* a line was, some time: command/ may keep something for it */
	bool receiving;     /* with the kernel */
	bool cancelling;    /* the receive */
	bool sending;       /* with the kernel: `unsent` must stay as it is */
	bool watching;      /* with the kernel: for the client hanging up */
	bool hung_up;       /* it did; the end of its input should have come, or will */
	bool closing;       /* with the kernel */
	uint8_t mark_count; /* 0: nothing is held */
	struct command_client client;
	uint16_t place; /* in the batch */
	uint32_t discarded;
	uint32_t outgoing;  /* bytes in the socket when a send was last found waiting */
	uint64_t active_ms; /* last input or progress of output */
	uint64_t wait_ms;   /* since when this send, or this lingering, makes no progress */
	struct input input;
	struct buffer replies; /* gathered; sent when the ones before have gone */
	struct buffer unsent;  /* given to the kernel, up to what is held */
	size_t sent;           /* of unsent */
	uint64_t output_begin; /* position of the first byte of unsent in all output of the connection */
	struct conn_mark marks[CONN_MARKS];
	uint64_t retry_epoch; /* STALL_LOG: when there may be room */
	TAILQ_ENTRY(conn) queue_link;
	SLIST_ENTRY(conn) touched_link;
	LIST_ENTRY(conn) held_link; /* with marks */
};

static_assert(sizeof(struct conn) <= 320, "ten thousand idle connections are kept cheaply");

TAILQ_HEAD(conn_queue, conn);
SLIST_HEAD(conn_list, conn);
LIST_HEAD(conn_held, conn);

/* Replies that wait for the client, or for the log. */
static inline size_t
conn_unsent(const struct conn *conn)
{
	return conn->replies.bytes + conn->unsent.bytes - conn->sent;
}

/* The position that the next reply will begin at. */
static inline uint64_t
conn_output_end(const struct conn *conn)
{
	return conn->output_begin + conn->unsent.bytes + conn->replies.bytes;
}

/* Takes fd. A refused client gets one line that says so. */
void conn_open(struct worker *worker, int fd, bool refused);

/* Completions of its operations. */
void conn_received(struct worker *worker, struct conn *conn, const struct io_event *event);
void conn_sent(struct worker *worker, struct conn *conn, const struct io_event *event);
void conn_hung_up(struct worker *worker, struct conn *conn, const struct io_event *event);
void conn_closed(struct worker *worker, struct conn *conn);

/* The pending reply has come, with the epoch that it depends on. Takes the buffer's memory. */
void conn_reply(struct worker *worker, struct conn *conn, struct buffer *reply, uint64_t hold);

/* The parked line at its front is to be executed again. */
void conn_unpark(struct worker *worker, struct conn *conn);

/* No more input: what has come is answered, then it ends. */
void conn_drain(struct worker *worker, struct conn *conn);

/*
 * Everything sent has arrived and everything that came was read: closing resets nothing that the client has not got.
 * Two system calls, for connections that end by our will.
 */
bool conn_is_quiet(const struct conn *conn);

/* Has it looked at by conn_settle() at the end of this round. */
void conn_touch(struct worker *worker, struct conn *conn);
void conn_settle(struct worker *worker, struct conn *conn);

/* Puts it into the queue of those with input to execute (unless it has to wait), or out of any queue. */
void conn_ready(struct worker *worker, struct conn *conn);
void conn_unqueue(struct worker *worker, struct conn *conn);

/* Starts receiving again: it was put aside because all receive buffers were in use. */
void conn_feed(struct worker *worker, struct conn *conn);

/* Ends it without waiting for anything; the log tells why. conn_close(): the same, without a word. */
void conn_drop(struct worker *worker, struct conn *conn, const char *reason);
void conn_close(struct worker *worker, struct conn *conn);
