/*
 * io_internal.h - what io.c and io_setup.c share
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <liburing.h>

#include "net/io.h"

enum {
	IO_SUBMISSIONS = 512,
	IO_COMPLETIONS = 8 * IO_SUBMISSIONS, /* multishot receives answer without being asked */
	IO_BUFFER_GROUP = 0,
};

struct io {
	/*
	 * Spares the system call when a wake is on its way already. Set by any thread (acq_rel exchange in io_wake()),
	 * cleared by the owner before it hands the event out (acq_rel exchange in io_wake_arm()): a caller that found it
	 * set came before the clearing in the order of this word, so the owner sees what was written before the call.
	 */
	_Alignas(64) _Atomic(bool) wake_pending;
	char padding[63]; /* the rest is the owner's alone */

	struct io_uring ring;
	struct io_uring_buf_ring *buffer_ring;
	char *buffers; /* IO_BUFFERS × IO_BUFFER_BYTES */
	int buffers_added;

	/* Of the one wake and the one timer; the kernel's while they are under way. */
	int wake_fd;
	uint64_t wake_count;
	struct __kernel_timespec timer;

	struct io_event events[IO_EVENTS_MAX];
};

/* Queues the read of the wake descriptor anew. */
void io_wake_arm(struct io *io);
