/*
 * load_exchange.c - requests out, replies in
 *
 * Closed loop: every connection has `depth` requests in flight, and each reply is followed by a new request. What comes
 * out is the throughput the server can bear; the latency is that of a server at its limit.
 *
 * Paced: requests are due at fixed times, whatever the server does, and go to the connections in turn. When all of them
 * are full, or the server stalls, due requests wait here, and the wait is part of their latency: it is counted from the
 * time a request was due, not from the time it could be sent (else a stall of a second, in which a thousand requests
 * should have been sent, would show as one slow request: coordinated omission).
 */
#include "load/load_exchange.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { NS_PER_S = 1000000000 };

bool
exchange_fail(struct load_thread *thread, const char *failure, int error)
{
	if (thread->result.failure == NULL) {
		thread->result.failure = failure;
		thread->result.error = error;
	}
	return false;
}

/* ---- sending --------------------------------------------------------------------------------------------------- */

static enum load_kind
choose_kind(struct load_thread *thread)
{
	const uint64_t *percent = thread->options->percent;

	if (percent[LOAD_ADD] == 100)
		return LOAD_ADD;
	const uint64_t choice = load_random_below(&thread->random, 100);

	if (choice < percent[LOAD_ADD])
		return LOAD_ADD;
	return choice < percent[LOAD_ADD] + percent[LOAD_SUM] ? LOAD_SUM : LOAD_DECREMENT;
}

static void
push_request(struct load_thread *thread, struct load_conn *conn, uint64_t due_ns)
{
	const enum load_kind kind = choose_kind(thread);

	load_conn_push(conn, thread->protocol, kind, load_keys_next(&thread->keys, &thread->random), due_ns);
	thread->requests_left--;
	thread->requests_begun++;
	thread->pending_count++;
}

bool
exchange_flush(struct load_thread *thread, struct load_conn *conn)
{
	const int r = load_conn_flush(conn);

	return r == 0 || exchange_fail(thread, "sending failed", -r);
}

/* Closed loop: as many requests as the connection may have in flight. */
bool
exchange_fill(struct load_thread *thread, struct load_conn *conn, uint64_t now_ns)
{
	if (now_ns < thread->window.until_ns) {
		while (load_conn_has_room(conn) && thread->requests_left > 0)
			push_request(thread, conn, now_ns);
	}
	return conn->waits_to_send || exchange_flush(thread, conn);
}

static double
interval_ns(const struct load_thread *thread)
{
	return (double)NS_PER_S * (double)thread->options->threads / (double)thread->options->rate;
}

/* The threads take turns. */
static double
first_due_ns(const struct load_thread *thread)
{
	return interval_ns(thread) * (double)thread->index / (double)thread->options->threads;
}

uint64_t
exchange_next_due_ns(const struct load_thread *thread)
{
	return thread->window.start_ns +
	       (uint64_t)(first_due_ns(thread) + interval_ns(thread) * (double)thread->requests_begun);
}

uint64_t
exchange_due_count(const struct load_thread *thread)
{
	const double span_ns = (double)(thread->window.until_ns - thread->window.start_ns) - first_due_ns(thread);
	const uint64_t count = span_ns > 0 ? (uint64_t)(span_ns / interval_ns(thread)) : 0;

	return count > thread->requests_begun ? count : thread->requests_begun;
}

bool
exchange_is_over(const struct load_thread *thread, uint64_t due_ns)
{
	return thread->requests_left == 0 || due_ns >= thread->window.until_ns;
}

/* Passes those that are full; *walked goes up by one for each connection it looks at. */
static struct load_conn *
next_with_room(struct load_thread *thread, uint64_t *walked)
{
	if (thread->pending_count == thread->connection_count * thread->options->depth)
		return NULL;
	for (;;) {
		struct load_conn *conn = &thread->connections[thread->next_connection];

		thread->next_connection = (thread->next_connection + 1) % thread->connection_count;
		(*walked)++;
		if (load_conn_has_room(conn))
			return conn;
	}
}

bool
exchange_send_due(struct load_thread *thread, uint64_t now_ns)
{
	const uint32_t first = thread->next_connection;
	uint64_t walked = 0;

	for (;;) {
		const uint64_t due_ns = exchange_next_due_ns(thread);
		struct load_conn *conn = NULL;

		if (due_ns <= now_ns && !exchange_is_over(thread, due_ns))
			conn = next_with_room(thread, &walked);
		if (conn == NULL)
			break;
		push_request(thread, conn, due_ns);
	}
	/* One send for each connection whose turn it was, in their order. Those that were full have nothing to send. */
	if (walked > thread->connection_count)
		walked = thread->connection_count;
	for (uint32_t at = first; walked > 0; walked--, at = (at + 1) % thread->connection_count) {
		if (!thread->connections[at].waits_to_send && !exchange_flush(thread, &thread->connections[at]))
			return false;
	}
	return true;
}

/* ---- receiving ------------------------------------------------------------------------------------------------- */

static void
note_wrong(struct load_thread *thread, const char *reply, size_t bytes)
{
	if (bytes > LOAD_REPLY_BYTES_MAX)
		bytes = LOAD_REPLY_BYTES_MAX;
	while (bytes > 0 && (reply[bytes - 1] == '\n' || reply[bytes - 1] == '\r'))
		bytes--;
	if (thread->result.wrong++ == 0)
		memcpy(thread->result.first_wrong, reply, bytes);
}

/* Replies to requests that were due at the same time have the same latency, and are many: counted at once. */
static void
count_replies(struct load_thread *thread, uint64_t due_ns, uint64_t count, uint64_t now_ns)
{
	const struct load_window *window = &thread->window;

	if (now_ns >= window->from_ns && now_ns < window->until_ns) {
		thread->result.replies += count;
		thread->slices.replies += count;
	}
	if (due_ns >= window->from_ns)
		histogram_record_many(&thread->slices.open, now_ns > due_ns ? now_ns - due_ns : 0, count);
}

/* Takes the whole replies of data. Returns their bytes, or SIZE_MAX after a failure. */
static size_t
take_replies(struct load_thread *thread, struct load_conn *conn, const char *data, size_t bytes, uint64_t now_ns)
{
	const struct load_language *language = thread->protocol->language;
	uint64_t due_ns = 0, same_due = 0, count = 0;
	size_t taken = 0;

	for (; taken < bytes && conn->pending_count > 0; count++, same_due++) {
		const struct load_pending *pending = &conn->pending[conn->pending_first];
		bool right = false;
		const size_t reply_bytes = language->read_reply(pending->kind, data + taken, bytes - taken, &right);

		if (reply_bytes == 0)
			break;
		if (!right)
			note_wrong(thread, data + taken, reply_bytes);
		if (pending->due_ns != due_ns) {
			count_replies(thread, due_ns, same_due, now_ns);
			due_ns = pending->due_ns;
			same_due = 0;
		}
		load_conn_pop(conn);
		taken += reply_bytes;
	}
	count_replies(thread, due_ns, same_due, now_ns);
	thread->pending_count -= count;
	thread->replies += count;
	if (taken == bytes || conn->pending_count > 0)
		return taken;
	note_wrong(thread, data + taken, bytes - taken);
	(void)exchange_fail(thread, "the server sent more than was asked", 0);
	return SIZE_MAX;
}

static void
show_progress(struct load_thread *thread)
{
	atomic_store_explicit(&thread->progress.replies, thread->replies, memory_order_relaxed);
	atomic_store_explicit(&thread->progress.wrong, thread->result.wrong, memory_order_relaxed);
}

/* One read. *ret_more tells whether another may find something. */
static bool
receive_once(struct load_thread *thread, struct load_conn *conn, char *input, bool to_the_end, bool *ret_more)
{
	const ssize_t received =
	    recv(conn->fd, input + conn->partial_bytes, EXCHANGE_INPUT_BYTES - conn->partial_bytes, 0);

	/* A short read has emptied the socket, but for the end of the stream. */
	*ret_more = received > 0 && (to_the_end || (size_t)received == EXCHANGE_INPUT_BYTES - conn->partial_bytes);
	if (received < 0)
		return errno == EAGAIN || exchange_fail(thread, "receiving failed", errno);
	if (received == 0)
		return exchange_fail(thread, "the server closed the connection", 0);
	memcpy(input, conn->partial, conn->partial_bytes);
	thread->last_reply_ns = load_now_ns();
	load_slices_advance(&thread->slices, thread->last_reply_ns);
	const size_t bytes = conn->partial_bytes + (size_t)received;
	const size_t taken = take_replies(thread, conn, input, bytes, thread->last_reply_ns);

	show_progress(thread);
	if (taken == SIZE_MAX)
		return false;
	conn->partial_bytes = bytes - taken;
	if (conn->partial_bytes > sizeof(conn->partial)) {
		note_wrong(thread, input + taken, conn->partial_bytes);
		return exchange_fail(thread, "a reply is too long", 0);
	}
	memcpy(conn->partial, input + taken, conn->partial_bytes);
	return true;
}

bool
exchange_receive(struct load_thread *thread, struct load_conn *conn, char *input, bool to_the_end)
{
	bool more = true;

	while (more) {
		if (!receive_once(thread, conn, input, to_the_end, &more))
			return false;
	}
	return true;
}
