#include "load/load_conn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load/load_connect.h"

int
load_conn_init(struct load_conn *conn, const struct load_options *options)
{
	const uint32_t depth = (uint32_t)options->depth;
	/* Blocking until connected, so that all connections of a run are there before it starts. */
	const int fd = load_connect(options);

	if (fd < 0)
		return fd;
	/* All that may be in flight fits, were none of it sent yet. */
	*conn = (struct load_conn){ .fd = fd, .depth = depth, .out_capacity = (size_t)depth * LOAD_REQUEST_BYTES_MAX };
	conn->pending = calloc(depth, sizeof(*conn->pending));
	conn->out = malloc(conn->out_capacity);
	int r = conn->pending != NULL && conn->out != NULL ? 0 : -ENOMEM;

	if (r == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	if (r < 0)
		load_conn_deinit(conn);
	return r;
}

void
load_conn_deinit(struct load_conn *conn)
{
	(void)close(conn->fd);
	free(conn->pending);
	free(conn->out);
}

static void
make_room(struct load_conn *conn)
{
	if (conn->out_capacity - conn->out_end >= LOAD_REQUEST_BYTES_MAX)
		return;
	memmove(conn->out, conn->out + conn->out_first, conn->out_end - conn->out_first);
	conn->out_end -= conn->out_first;
	conn->out_first = 0;
	/* What is unsent is pending, and pending leaves room for one more. */
	assert(conn->out_capacity - conn->out_end >= LOAD_REQUEST_BYTES_MAX);
}

void
load_conn_push(struct load_conn *conn, const struct load_protocol *protocol, enum load_kind kind, uint64_t key,
               uint64_t due_ns)
{
	assert(load_conn_has_room(conn));
	make_room(conn);
	conn->out_end += load_protocol_request(protocol, kind, key, conn->out + conn->out_end);
	uint32_t place = conn->pending_first + conn->pending_count;

	place = place < conn->depth ? place : place - conn->depth;
	conn->pending[place] = (struct load_pending){ .due_ns = due_ns, .kind = kind };
	conn->pending_count++;
}

int
load_conn_flush(struct load_conn *conn)
{
	while (conn->out_first < conn->out_end) {
		const ssize_t sent =
		    send(conn->fd, conn->out + conn->out_first, conn->out_end - conn->out_first, MSG_NOSIGNAL);

		if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			conn->waits_to_send = true;
			return 0;
		}
		if (sent < 0)
			return -errno;
		conn->out_first += (size_t)sent;
	}
	conn->out_first = 0;
	conn->out_end = 0;
	conn->waits_to_send = false;
	return 0;
}
