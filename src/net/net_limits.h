/*
 * net_limits.h - what a client can make the front end keep, beyond what options say
 */
#pragma once

#include <assert.h>
#include <stddef.h>

#include "base/limits.h"
#include "net/io.h"

enum {
	/* Unread replies of one connection: above, no line of it is executed, until half of that is gone. One reply of
	 * response_bytes_max may come on top. */
	CONN_UNSENT_BYTES_MAX = 256 * 1024,
	/* Beside the longest reply, room for the shortest ones and an error text. */
	CONN_REPLIES_SLACK = 4096,
	/* Input kept of a connection that has to wait, beyond which it receives no more. What the kernel had handed out by
	 * then (at most all receive buffers) comes on top. */
	CONN_INPUT_BYTES_MAX = IO_BUFFER_BYTES,
	/* Receive buffers filled by one connection, so that a fast one leaves some to the others. */
	CONN_SEGMENTS_MAX = IO_BUFFERS / 16,
	/* Lines in a row, before it is another connection's turn. */
	CONN_TURN_LINES = 64,
	/* After a last reply to a client that is still sending: closing at once would reset the connection, and the reply
	 * might be lost with it. So what comes is read and thrown away: until nothing has come for the first time, and in
	 * all not longer than the second and not more than that many bytes. */
	CONN_LINGER_QUIET_MS = 2000,
	CONN_LINGER_MS = 10000,
	CONN_LINGER_BYTES_MAX = 16 * 1024 * 1024,
	/* Clients above clients_max that are being told so, at once. */
	REFUSED_CLIENTS_MAX = 64,
	LISTEN_BACKLOG = 4096,
	/* How often, and how long apart, an address in use is tried: a killed server gives it back within milliseconds. */
	LISTEN_TRIES = 50,
	LISTEN_RETRY_MS = 20,
};

static_assert(CONN_SEGMENTS_MAX >= 1, "a connection needs a buffer");
static_assert((int)CONN_TURN_LINES <= (int)BATCH_REQUESTS_MAX, "a turn fits a batch");
