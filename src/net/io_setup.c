/*
 * io_setup.c - making a ring, and saying why it can not be made
 *
 * The ring is made disabled, by the thread that starts the server, and enabled by the worker, which becomes its
 * single issuer: so all that can fail has failed before a thread runs, and the message goes to who started it.
 */
#include "net/io_setup.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/kernel.h"
#include "base/memory.h"
#include "net/fault.h"
#include "net/io_internal.h"
#include "net/server.h"

static const size_t buffer_bytes = (size_t)IO_BUFFERS * IO_BUFFER_BYTES;
static const size_t buffer_ring_bytes = IO_BUFFERS * sizeof(struct io_uring_buf);

static_assert((IO_BUFFERS & (IO_BUFFERS - 1)) == 0, "the kernel wants a power of two");
static_assert(IO_BUFFERS <= 1 << 15, "and at most this many");

void
io_setup_explain(int error, const char *release, int disabled, struct server_fault *ret_fault)
{
	assert(error > 0);
	const char *text = fault_errno(error);

	if ((error == EINVAL || error == ENOSYS) && !kernel_is_supported(release))
		(void)fault_set(ret_fault,
		                "Cannot use io_uring: Linux " KERNEL_NEEDED " or newer is needed, this is %s", release);
	else if (error == EPERM && disabled > 0)
		(void)fault_set(
		    ret_fault,
		    "Cannot use io_uring: %s (the sysctl kernel.io_uring_disabled is %d: set it to 0, or to 1 and "
		    "add the user to kernel.io_uring_group)",
		    text, disabled);
	else if (error == EPERM || error == EACCES || error == ENOSYS)
		(void)fault_set(
		    ret_fault,
		    "Cannot use io_uring: %s (a seccomp or container profile forbids it, or the kernel lacks it: "
		    "allow io_uring_setup, io_uring_enter and io_uring_register)",
		    text);
	else if (error == ENOMEM)
		(void)fault_set(
		    ret_fault,
		    "Cannot use io_uring: %s (raise the limit of locked memory, ulimit -l or LimitMEMLOCK=, or use "
		    "fewer workers)",
		    text);
	else if (error == EMFILE || error == ENFILE)
		(void)fault_set(ret_fault, "Cannot use io_uring: %s (raise the limit of open files, ulimit -n)", text);
	else
		(void)fault_set(ret_fault, "Cannot use io_uring: %s (kernel %s)", text, release);
}

static int
sysctl_io_uring_disabled(void)
{
	FILE *file = fopen("/proc/sys/kernel/io_uring_disabled", "re");
	int value = -1;

	if (file == NULL)
		return -1;
	/* NOLINTNEXTLINE(cert-err34-c): one digit of the kernel's own */
	if (fscanf(file, "%d", &value) != 1)
		value = -1;
	(void)fclose(file);
	return value;
}

static int
setup_fail(int error, struct server_fault *ret_fault)
{
	struct utsname names = { .release = "?" };

	(void)uname(&names);
	io_setup_explain(error, names.release, sysctl_io_uring_disabled(), ret_fault);
	return -1;
}

/* 0 or a negative errno. */
static int
ring_make(struct io *io)
{
	const unsigned flags = IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |
	                       IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
	struct io_uring_params params = { .flags = flags | IORING_SETUP_COOP_TASKRUN, .cq_entries = IO_COMPLETIONS };
	int r = io_uring_queue_init_params(IO_SUBMISSIONS, &io->ring, &params);

	if (r != -EINVAL)
		return r;
	/* DEFER_TASKRUN means all that COOP_TASKRUN does: a kernel that will not have both gets the one that matters. */
	params = (struct io_uring_params){ .flags = flags, .cq_entries = IO_COMPLETIONS };
	return io_uring_queue_init_params(IO_SUBMISSIONS, &io->ring, &params);
}

static void *
map(size_t bytes)
{
	void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return block == MAP_FAILED ? NULL : block;
}

/* 0 or a negative errno. Memory of its own, page by page: the kernel pins the small part, the large one grows as used. */
static int
buffers_make(struct io *io)
{
	io->buffer_ring = map(buffer_ring_bytes);
	io->buffers = map(buffer_bytes);
	if (io->buffer_ring == NULL || io->buffers == NULL)
		return -ENOMEM;
	struct io_uring_buf_reg registration = {
		.ring_addr = (uint64_t)(uintptr_t)io->buffer_ring,
		.ring_entries = IO_BUFFERS,
		.bgid = IO_BUFFER_GROUP,
	};
	int r = io_uring_register_buf_ring(&io->ring, &registration, 0);

	if (r < 0)
		return r;
	io_uring_buf_ring_init(io->buffer_ring);
	for (unsigned i = 0; i < IO_BUFFERS; i++)
		io_buffer_put(io, (uint16_t)i);
	io_buffers_publish(io);
	return 0;
}

int
io_create(struct io **ret_io, struct server_fault *ret_fault)
{
	struct io *io = mem_alloc_aligned(_Alignof(struct io), sizeof(*io));

	if (io == NULL)
		return setup_fail(ENOMEM, ret_fault);
	*io = (struct io){ .ring.ring_fd = -1, .wake_fd = eventfd(0, EFD_CLOEXEC) };
	int r = io->wake_fd < 0 ? -errno : ring_make(io);

	if (r < 0) {
		io->ring.ring_fd = -1; /* liburing has undone what it did, but leaves a number there */
		goto fail;
	}
	r = buffers_make(io);
	if (r < 0)
		goto fail;
	*ret_io = io;
	return 0;
fail:
	io_destroy(io);
	return setup_fail(-r, ret_fault);
}

void
io_destroy(struct io *io)
{
	if (io == NULL)
		return;
	if (io->ring.ring_fd >= 0)
		io_uring_queue_exit(&io->ring);
	if (io->buffer_ring != NULL)
		(void)munmap(io->buffer_ring, buffer_ring_bytes);
	if (io->buffers != NULL)
		(void)munmap(io->buffers, buffer_bytes);
	if (io->wake_fd >= 0)
		(void)close(io->wake_fd);
	mem_free(io);
}

void
io_attach(struct io *io)
{
	/* Not by io_uring_enable_rings(): the shared library of liburing 2.3 lacks it. */
	int r = io_uring_register((unsigned)io->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);

	assert(r == 0); /* fails only for a ring that is not ours or not disabled */
	(void)r;
	(void)io_uring_register_ring_fd(&io->ring); /* spares a look-up per enter; all goes on without */
	io_wake_arm(io);
}
