/*
 * io.h - asynchronous socket operations of one thread: accept, receive, send, close, wake
 *
 * The only door to io_uring; a second backend (epoll, for hosts whose container profile forbids io_uring) would stand
 * behind the same calls. An operation is queued, goes to the kernel with the next io_wait(), and comes back there as
 * an event with the tag that it was given.
 *
 * Thread: all of it belongs to the thread that called io_attach(), but io_create() and io_destroy(), which run while
 * that thread is not there, and io_wake(), which any thread may call.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct io;
struct server_fault;

enum {
	IO_EVENTS_MAX = 1024,      /* taken at once */
	IO_BUFFERS = 256,          /* that the kernel receives into; a power of two */
	IO_BUFFER_BYTES = 8 * 1024 /* about 120 requests; 2 MiB a worker in all */
};

struct io_event {
	uint64_t tag;
	int32_t result;  /* as of the system call: a count or a descriptor, or a negative errno */
	uint16_t buffer; /* of a receive with result > 0: the caller's until io_buffer_put() */
	bool more;       /* the operation goes on: further events with this tag will come */
};

/* Returns 0, or -1 with *ret_fault written. */
int io_create(struct io **ret_io, struct server_fault *ret_fault);

/* NULL is fine. Nothing may be under way that uses memory of the caller. */
void io_destroy(struct io *io);

/* Makes the calling thread the one that uses io. */
void io_attach(struct io *io);

/*
 * Hands over what was queued and takes what has come, at most IO_EVENTS_MAX: one system call. With `block` it waits
 * for the first event. Returns the number of events, which stay valid until the next call. It may be 0.
 */
size_t io_wait(struct io *io, bool block, const struct io_event **ret_events);

/* One event per connection, result is its descriptor. Goes on until an event without `more`. */
void io_accept(struct io *io, int fd, uint64_t tag);

/* One event per piece of input. Goes on until an event without `more`; -ENOBUFS: all buffers were in use. */
void io_receive(struct io *io, int fd, uint64_t tag);

/*
 * One event when the other side has closed or reset the connection, whether its last input was received or not. result
 * is as of poll(): POLLRDHUP, POLLHUP, POLLERR.
 */
void io_watch_hangup(struct io *io, int fd, uint64_t tag);

/* Borrows data until its event; may send less. */
void io_send(struct io *io, int fd, const char *data, size_t bytes, uint64_t tag);

void io_close(struct io *io, int fd, uint64_t tag);

/* The operation with this tag ends with -ECANCELED, unless it has ended already. No event of its own. */
void io_cancel(struct io *io, uint64_t tag);

/* One OPERATION_TIMER event after that time. One at a time. */
void io_timer(struct io *io, uint32_t milliseconds);

/*
 * An OPERATION_WAKE event comes up; several calls may make one. What was written before the call is seen after the
 * event. Any thread, never waits.
 */
void io_wake(struct io *io);

/* Where a received piece stands. Given back, a buffer is filled again at once, so not while anything points into it. */
char *io_buffer(struct io *io, uint16_t index);
void io_buffer_put(struct io *io, uint16_t index);

/* Makes what was put back usable: once for many. */
void io_buffers_publish(struct io *io);
