#include "net/worker_event.h"

#include <assert.h>

#include "base/memory.h"
#include "command/command.h"
#include "net/deadline.h"
#include "net/tag.h"
#include "net/worker.h"

static void
worker_conn_event(struct worker *worker, const struct io_event *event, struct tag tag)
{
	struct conn *conn = conn_table_find(&worker->conns, tag.slot, tag.generation);

	if (conn == NULL) {
		/* A connection stays until its operations have ended, so this can not be; but a buffer would be lost. */
		assert(tag.operation != OPERATION_RECEIVE || event->result <= 0);
		return;
	}
	switch (tag.operation) {
	case OPERATION_RECEIVE:
		conn_received(worker, conn, event);
		break;
	case OPERATION_SEND:
		conn_sent(worker, conn, event);
		break;
	case OPERATION_HANGUP:
		conn_hung_up(worker, conn, event);
		break;
	default:
		assert(tag.operation == OPERATION_CLOSE);
		conn_closed(worker, conn);
	}
}

static void
worker_take_mail(struct worker *worker)
{
	struct mail *mail = mailbox_take(&worker->mailbox);

	while (mail != NULL) {
		struct mail *next = mail->next;

		conn_open(worker, mail->fd, false);
		mem_free(mail);
		mail = next;
	}
}

static void
worker_take_replies(struct worker *worker)
{
	struct buffer reply;
	uint64_t ticket = 0;
	uint64_t hold = 0;

	while (command_completed(worker->command, &ticket, &reply, &hold)) {
		struct tag tag = tag_unpack(ticket);
		struct conn *conn = conn_table_find(&worker->conns, tag.slot, tag.generation);

		assert(tag.operation == OPERATION_REPLY);
		if (conn != NULL)
			conn_reply(worker, conn, &reply, hold);
		else
			buffer_deinit(&reply); /* the client has gone meanwhile */
	}
}

static void
worker_take_unparked(struct worker *worker)
{
	uint64_t ticket = 0;

	while (command_unparked(worker->command, &ticket)) {
		struct tag tag = tag_unpack(ticket);
		struct conn *conn = conn_table_find(&worker->conns, tag.slot, tag.generation);

		/* Who closed has been abandoned, and is not told of. */
		assert(conn != NULL && conn->state == CONN_OPEN);
		conn_unpark(worker, conn);
	}
}

void
worker_event(struct worker *worker, const struct io_event *event)
{
	struct tag tag = tag_unpack(event->tag);

	switch (tag.operation) {
	case OPERATION_ACCEPT:
		acceptor_event(worker, tag.slot, event);
		break;
	case OPERATION_WAKE:
		worker_take_mail(worker);
		worker_take_replies(worker);
		worker_take_unparked(worker);
		break;
	case OPERATION_TIMER:
		deadline_check(worker);
		break;
	case OPERATION_RECEIVE:
	case OPERATION_SEND:
	case OPERATION_HANGUP:
	case OPERATION_CLOSE:
		worker_conn_event(worker, event, tag);
		break;
	case OPERATION_CANCEL:
	case OPERATION_REPLY:
		assert(false);
	}
}
