#include "net/batch.h"

#include <assert.h>

#include "base/probe.h"
#include "command/command.h"
#include "log/log.h"
#include "net/address.h"
#include "net/conn.h"
#include "net/conn_hold.h"
#include "net/net_limits.h"
#include "net/server_internal.h"
#include "net/tag.h"
#include "net/worker.h"

enum { INDEX_TOO_LONG = -1 };

static_assert(BATCH_REQUESTS_MAX <= UINT16_MAX, "places are kept in 16 bits");
static_assert((int)COMMAND_TOGETHER_MAX * (int)COMMAND_TOGETHER_REPLY_BYTES <= (int)CONN_REPLIES_SLACK,
              "replies to lines that were executed together may go beyond CONN_UNSENT_BYTES_MAX");

enum turn {
	TURN_OVER, /* more lines when its turn comes again */
	TURN_DONE, /* no more lines in this batch */
	TURN_FULL, /* the batch is full */
};

/* Gives the connection its place; false when it can not go on. */
static bool
batch_enter(struct worker *worker, struct conn *conn)
{
	struct batch *batch = &worker->batch;

	if (!input_join(&conn->input, &worker->segments, &worker->pool)) {
		conn->stalls |= STALL_BROKEN;
		conn_touch(worker, conn);
		return false;
	}
	const struct input_cursor begin = input_begin(&conn->input);

	conn->in_batch = true;
	conn->place = (uint16_t)batch->conn_count;
	batch->conns[batch->conn_count++] = (struct batch_conn){ .conn = conn, .read = begin, .executed = begin };
	/* Without memory here the first reply fails, which ends the connection. */
	if (conn->replies.data == NULL)
		(void)pool_get(&worker->pool, &conn->replies);
	return true;
}

/* Decodes lines of one connection for one turn. */
static enum turn
batch_read(struct worker *worker, struct conn *conn)
{
	struct batch *batch = &worker->batch;
	struct batch_conn *entry = &batch->conns[conn->place];
	const struct input_rules rules = {
		.line_bytes_max = worker->server->options.request_bytes_max,
		.last = conn->eof,
	};
	const uint64_t ticket = tag_pack(OPERATION_REPLY, conn->slot, conn->generation);

	for (int i = 0; i < CONN_TURN_LINES; i++) {
		struct input_cursor cursor = entry->read;
		const char *line = NULL;
		size_t bytes = 0;
		int index = INDEX_TOO_LONG;

		if (batch->line_count == BATCH_REQUESTS_MAX)
			return TURN_FULL;
		enum input_status status = input_next(&conn->input, &worker->segments, &rules, &cursor, &line, &bytes);

		if (status == INPUT_LATER)
			entry->later = true;
		if (status == INPUT_LATER || status == INPUT_EMPTY)
			return TURN_DONE;
		if (status == INPUT_LINE) {
			index = command_batch_push(worker->command, line, bytes, &conn->client, ticket);
			if (index < 0)
				return TURN_FULL;
		}
		batch->lines[batch->line_count++] =
		    (struct batch_line){ .after = cursor, .index = index, .place = conn->place };
		if (status == INPUT_TOO_LONG)
			batch->lines[batch->line_count - 1].guess = (uint8_t)command_guess(line, bytes);
		entry->read = cursor;
		if (status == INPUT_TOO_LONG)
			return TURN_DONE;
	}
	return TURN_OVER;
}

static void
batch_fill(struct worker *worker)
{
	struct batch *batch = &worker->batch;
	enum turn turn = TURN_DONE;

	batch->conn_count = 0;
	batch->line_count = 0;
	while (turn != TURN_FULL && !TAILQ_EMPTY(&worker->ready)) {
		struct conn *conn = TAILQ_FIRST(&worker->ready);

		if (!conn->in_batch && batch->conn_count == BATCH_REQUESTS_MAX)
			break;
		conn_unqueue(worker, conn);
		if (!conn->in_batch && !batch_enter(worker, conn))
			continue;
		turn = batch_read(worker, conn);
		if (turn != TURN_DONE)
			conn_ready(worker, conn);
	}
}

static void
batch_refuse_line(struct worker *worker, struct conn *conn, enum command_protocol guess)
{
	struct address_text address;

	command_reply_too_large(worker->command, &conn->client, guess, &conn->replies);
	conn->stalls |= STALL_OVER;
	log_info("client dropped", log_string("reason", "request too long"),
	         log_string("address", address_of_peer(conn->fd, &address)));
}

/* Returns false when it could not be executed now. */
static bool
batch_execute_line(struct worker *worker, struct conn *conn, int index)
{
	const uint64_t begin = conn_output_end(conn);
	uint64_t hold = 0;

	switch (command_batch_run(worker->command, index, &conn->replies, &hold)) {
	case COMMAND_DONE:
		conn_hold(worker, conn, begin, hold);
		return true;
	case COMMAND_PENDING:
		conn->stalls |= STALL_PENDING;
		return true;
	case COMMAND_LATER:
		assert(conn_output_end(conn) == begin);
		conn_hold_stall(worker, conn, hold);
		return false;
	case COMMAND_PARKED:
		assert(conn_output_end(conn) == begin);
		conn->stalls |= STALL_PARKED;
		conn->parked = true;
		return false;
	}
	__builtin_unreachable();
}

static void
batch_execute(struct worker *worker)
{
	struct batch *batch = &worker->batch;

	for (uint32_t i = 0; i < batch->line_count; i++) {
		const struct batch_line *line = &batch->lines[i];
		struct batch_conn *entry = &batch->conns[line->place];
		struct conn *conn = entry->conn;

		/* What has been executed is answered, too. */
		if (conn->stalls != 0 && !command_batch_is_done(worker->command, line->index))
			continue;
		if (line->index == INDEX_TOO_LONG)
			batch_refuse_line(worker, conn, line->guess);
		else if (!batch_execute_line(worker, conn, line->index))
			continue;
		entry->executed = line->after;
		if (conn->replies.failed)
			conn->stalls |= STALL_BROKEN;
		else if (conn_unsent(conn) >= CONN_UNSENT_BYTES_MAX)
			conn->stalls |= STALL_UNSENT;
	}
}

/* Lines are no longer borrowed: what was executed leaves the input. */
static void
batch_finish(struct worker *worker)
{
	struct batch *batch = &worker->batch;

	for (uint32_t i = 0; i < batch->conn_count; i++) {
		struct batch_conn *entry = &batch->conns[i];
		struct conn *conn = entry->conn;

		conn->in_batch = false;
		if ((conn->stalls & STALL_OVER) != 0)
			input_clear(&conn->input, &worker->segments, &worker->pool);
		else
			input_commit(&conn->input, &worker->segments, &worker->pool, &entry->executed);
		if (conn->stalls != 0 && conn->queue == QUEUE_READY)
			conn_unqueue(worker, conn);
		else if (entry->later)
			conn_ready(worker, conn);
		conn_touch(worker, conn);
	}
}

void
batch_run(struct worker *worker)
{
	PROBE0(batch_begin);
	command_batch_begin(worker->command);
	batch_fill(worker);
	PROBE0(batch_decoded);
	batch_execute(worker);
	PROBE2(batch_executed, worker->batch.line_count, worker->batch.conn_count);
	command_batch_end(worker->command);
	batch_finish(worker);
	PROBE0(batch_end);
}
