/*
 * command.h - from a line to its reply
 *
 * One struct command_worker per network worker. A round of the worker is one batch:
 *
 *   command_batch_begin()
 *   command_batch_push() × n     decodes a line and prefetches what it will touch; nothing is executed
 *   command_batch_run() × n      in the order pushed; lines may be left out
 *   command_batch_end()
 *
 * Whole-tree and file requests are run by the store's threads: command_batch_run() returns COMMAND_PENDING, and later
 * `wake` is called (on another thread) and command_completed() yields the reply. The front end executes no later line
 * of that connection before.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "karma/engine.h"

struct ledger;
struct store;
struct command_worker;

struct command_options {
	struct engine *engine;
	struct store *store;
	struct ledger *ledger; /* NULL: idempotency keys are refused */
	size_t request_bytes_max;
	size_t response_bytes_max;
	const char *auth_token;      /* may do everything; NULL or empty: none. Borrowed */
	const char *read_auth_token; /* may read */
	uint32_t query_timeout_ms;   /* of v2's reads of whole trees; 0: none */
	void (*wake)(void *context); /* any thread; must be safe until command_worker_destroy() returns */
	void *wake_context;
};

/* 0 or -ENOMEM. Destroy abandons what is pending, waits until the store's threads have given it back, and throws the
 * replies away. */
int command_worker_create(const struct command_options *options, struct command_worker **ret);
void command_worker_destroy(struct command_worker *worker);

enum command_status {
	COMMAND_DONE,
	COMMAND_PENDING,
	COMMAND_LATER,  /* no room in the log: nothing was executed; push and run the line again, see *ret_hold */
	COMMAND_PARKED, /* its idempotency key is in use: nothing was executed; again when command_unparked() says so */
};

/* The protocols of requests: v1 and v2 side by side, told apart by each request's members. */
enum command_protocol { PROTOCOL_NONE, PROTOCOL_V1, PROTOCOL_V2 };

/* What there is to remember of a client; the front end keeps it with the connection. All zero for a new one. */
struct command_client {
	/* Of the last request run that named a command or operation: in its envelope is answered what is no request. */
	uint8_t protocol;
};

/* What a line, or as much of it as there is, looks like when it is no request: v2 or else v1. */
enum command_protocol command_guess(const char *line, size_t bytes);

void command_batch_begin(struct command_worker *worker);

/*
 * Decodes one line (line and client are borrowed until command_batch_end()). ticket comes back with a pending reply. Returns
 * the index for command_batch_run(), or -1 when the batch is full: run it, then go on in the next.
 */
int command_batch_push(struct command_worker *worker, const char *line, size_t bytes, struct command_client *client,
                       uint64_t ticket);

/*
 * Executes one pushed line. Lines are run in the order in which they were pushed, each at most once. A line that is left out
 * is not executed, so it may come again in a later batch; but see command_batch_is_done().
 *
 * On COMMAND_DONE its reply has been appended to out, or out->failed is set: it was executed, but there is no memory to
 * say so. The connection has to end then, since any other reply would be wrong.
 *
 * *ret_hold is the log epoch on which the reply depends: it must not be sent, nor anything behind it on its connection,
 * before command_released() ≥ *ret_hold. 0: it depends on nothing. Of replies of one worker it never goes down by more than
 * one, and it is at most two above command_released(). With COMMAND_LATER: when to try again.
 */
enum command_status command_batch_run(struct command_worker *worker, int index, struct buffer *out, uint64_t *ret_hold);

/* Lines right behind each other that increment the same key for the same ticket are executed with the first of them. */
enum {
	COMMAND_TOGETHER_MAX = 64,         /* lines, the first included */
	COMMAND_TOGETHER_REPLY_BYTES = 32, /* of each, at most */
};

/*
 * Has the next line to be run been executed already, together with the one before it? Then it may not be left out, also when
 * its connection has been paused since: it is run for its reply, or it would be executed again in a later batch. That
 * run gives COMMAND_DONE, and holds for the same epoch.
 */
bool command_batch_is_done(const struct command_worker *worker, int index);

void command_batch_end(struct command_worker *worker);

/* The next finished reply of a pending request: false when there is none. The caller takes *ret_reply (buffer_deinit).
 * *ret_hold as of command_batch_run(). */
bool command_completed(struct command_worker *worker, uint64_t *ret_ticket, struct buffer *ret_reply,
                       uint64_t *ret_hold);

/*
 * The next parked line whose turn has come: false when there is none. It has to be pushed and run again soon, with the same
 * ticket and as the next line of its connection, since the key may be kept for it. Asked for after a wake().
 */
bool command_unparked(struct command_worker *worker, uint64_t *ret_ticket);

/* ---- the log: replies that wait ------------------------------------------------------------------------------------ */

/* Replies that depend on this epoch or an earlier one may be sent. UINT64_MAX without a log. The worker's thread. */
uint64_t command_released(const struct command_worker *worker);

/* The log has failed: no epoch above command_released() will ever be released. What waits for one is to be replaced by
 * command_reply_unknown(). Final. */
bool command_log_failed(const struct command_worker *worker);

/*
 * Before blocking: asks for wake() when command_released() ≥ epoch, or the log has failed. False, and no wake: that is so
 * already. A later call replaces the earlier; 0 ends it.
 */
bool command_wait(struct command_worker *worker, uint64_t epoch);

/* Appends, for each of the whole replies in the bytes given, one that says that its outcome is unknown. */
void command_reply_unknown(const char *replies, size_t bytes, struct buffer *out);

/*
 * The client of a pending or parked request, also one that command_unparked() has told of, has gone. A ticket that is neither
 * is fine. A parked line leaves, and gives back a key that was kept for it. Of a pending request nobody will read the reply. If its turn has not come it is not begun any
 * more, not even a delete, dump or load: no reply has said that it was done, and a client that lost its connection knows
 * as little of a request that was run. A read of a whole tree ends early; what changes something is finished once begun.
 * command_completed() yields a reply of any content then.
 */
void command_abandon(struct command_worker *worker, uint64_t ticket);

/* Pending requests of this worker. */
size_t command_pending(const struct command_worker *worker);

/* The reply to a line that is longer than request_bytes_max; guess is what the begin of it looks like. */
void command_reply_too_large(const struct command_worker *worker, const struct command_client *client,
                             enum command_protocol guess, struct buffer *out);

/* The only reply to a client beyond --max-clients. */
void command_reply_too_many_clients(struct buffer *out);
