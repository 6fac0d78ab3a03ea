/*
 * io.c - the io_uring backend: queueing operations, taking completions
 *
 * One ring per thread, with the flags that keep the kernel's work inside our own system calls (DEFER_TASKRUN):
 * receives and sends run when we enter, never as an interruption of a batch. Everything queued in a round goes down
 * with the one enter that fetches the next input.
 *
 * Completions are copied off the ring before a handler runs, so the ring has room for what handlers set off, and no
 * handler runs on the stack of another. What finds the completion ring full is kept by the kernel and comes with a
 * later enter (all kernels that we accept do); a multishot operation ends then, and is started again like any other
 * that ended.
 *
 * Sockets are left in blocking mode: for one that is O_NONBLOCK io_uring reports -EAGAIN instead of waiting.
 */
#include "net/io.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/io_internal.h"
#include "net/tag.h"

/* Never NULL: when the queue is full what is in it goes to the kernel now. */
static struct io_uring_sqe *
io_sqe(struct io *io)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&io->ring);

	while (sqe == NULL) {
		/* Refused (EAGAIN, EBUSY) means too much under way: taking completions into the overflow list helps. */
		if (io_uring_submit(&io->ring) <= 0)
			(void)io_uring_get_events(&io->ring);
		sqe = io_uring_get_sqe(&io->ring);
	}
	return sqe;
}

void
io_accept(struct io *io, int fd, uint64_t tag)
{
	struct io_uring_sqe *sqe = io_sqe(io);

	io_uring_prep_multishot_accept(sqe, fd, NULL, NULL, SOCK_CLOEXEC);
	io_uring_sqe_set_data64(sqe, tag);
}

void
io_receive(struct io *io, int fd, uint64_t tag)
{
	struct io_uring_sqe *sqe = io_sqe(io);

	io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = IO_BUFFER_GROUP;
	io_uring_sqe_set_data64(sqe, tag);
}

void
io_watch_hangup(struct io *io, int fd, uint64_t tag)
{
	struct io_uring_sqe *sqe = io_sqe(io);

	io_uring_prep_poll_add(sqe, fd, POLLRDHUP);
	io_uring_sqe_set_data64(sqe, tag);
}

void
io_send(struct io *io, int fd, const char *data, size_t bytes, uint64_t tag)
{
	struct io_uring_sqe *sqe = io_sqe(io);

	assert(bytes > 0);
	io_uring_prep_send(sqe, fd, data, bytes < INT_MAX ? bytes : INT_MAX, MSG_NOSIGNAL);
	io_uring_sqe_set_data64(sqe, tag);
}

void
io_close(struct io *io, int fd, uint64_t tag)
{
	struct io_uring_sqe *sqe = io_sqe(io);

	io_uring_prep_close(sqe, fd);
	io_uring_sqe_set_data64(sqe, tag);
}

void
io_cancel(struct io *io, uint64_t tag)
{
	struct io_uring_sqe *sqe = io_sqe(io);

	io_uring_prep_cancel64(sqe, tag, 0);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	io_uring_sqe_set_data64(sqe, tag_pack(OPERATION_CANCEL, 0, 0));
}

void
io_timer(struct io *io, uint32_t milliseconds)
{
	struct io_uring_sqe *sqe = io_sqe(io);

	io->timer.tv_sec = milliseconds / 1000;
	io->timer.tv_nsec = (long long)(milliseconds % 1000) * 1000000;
	io_uring_prep_timeout(sqe, &io->timer, 0, 0);
	io_uring_sqe_set_data64(sqe, tag_pack(OPERATION_TIMER, 0, 0));
}

void
io_wake_arm(struct io *io)
{
	struct io_uring_sqe *sqe = io_sqe(io);

	(void)atomic_exchange_explicit(&io->wake_pending, false, memory_order_acq_rel);
	io_uring_prep_read(sqe, io->wake_fd, &io->wake_count, sizeof(io->wake_count), 0);
	io_uring_sqe_set_data64(sqe, tag_pack(OPERATION_WAKE, 0, 0));
}

void
io_wake(struct io *io)
{
	const uint64_t one = 1;

	if (atomic_exchange_explicit(&io->wake_pending, true, memory_order_acq_rel))
		return;
	while (write(io->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

char *
io_buffer(struct io *io, uint16_t index)
{
	assert(index < IO_BUFFERS);
	return io->buffers + (size_t)index * IO_BUFFER_BYTES;
}

void
io_buffer_put(struct io *io, uint16_t index)
{
	io_uring_buf_ring_add(io->buffer_ring, io_buffer(io, index), IO_BUFFER_BYTES, index,
	                      io_uring_buf_ring_mask(IO_BUFFERS), io->buffers_added);
	io->buffers_added++;
}

void
io_buffers_publish(struct io *io)
{
	if (io->buffers_added > 0)
		io_uring_buf_ring_advance(io->buffer_ring, io->buffers_added);
	io->buffers_added = 0;
}

static void
io_event_take(struct io_event *event, const struct io_uring_cqe *cqe)
{
	*event = (struct io_event){
		.tag = cqe->user_data,
		.result = cqe->res,
		.buffer = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT),
		.more = (cqe->flags & IORING_CQE_F_MORE) != 0,
	};
}

size_t
io_wait(struct io *io, bool block, const struct io_event **ret_events)
{
	struct io_uring_cqe *cqe;
	unsigned head;
	unsigned seen = 0;
	size_t count = 0;
	bool woken = false;

	/* An error (EINTR, EAGAIN, EBUSY) leaves what was not taken in the queue, for the next round. */
	(void)(block ? io_uring_submit_and_wait(&io->ring, 1) : io_uring_submit_and_get_events(&io->ring));
	io_uring_for_each_cqe(&io->ring, head, cqe)
	{
		if (count == IO_EVENTS_MAX)
			break;
		seen++;
		if (tag_unpack(cqe->user_data).operation == OPERATION_CANCEL)
			continue;
		woken |= tag_unpack(cqe->user_data).operation == OPERATION_WAKE;
		io_event_take(&io->events[count++], cqe);
	}
	io_uring_cq_advance(&io->ring, seen);
	if (woken)
		io_wake_arm(io);
	*ret_events = io->events;
	return count;
}
