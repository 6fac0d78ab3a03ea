/*
 * fault_shim.c - preloaded into the server, makes the files of its log fail on command
 *
 * The file that KARMA_FAULTS names holds one struct fault per kind of call. It is mapped here and written by the test (see
 * log_files.py), so a fault begins and ends in the middle of a run, and the test sees what came of it. Only calls on
 * files karma-*.wal are touched.
 *
 *   let_pass  so many calls go through first
 *   error     errno to fail with; 0: none
 *   bytes     a write does no more than so many bytes; 0: all. With `error`, that many are written before it fails
 *   stall     while not 0, calls wait
 *   calls     counted here: calls on files of the log; met: those that met a fault; waiting: those that stall now
 *
 * KARMA_FAULTS_DIRECT lets the server write around the cache, where a write syncs as well.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum call { CALL_WRITE, CALL_SYNC, CALL_ALLOCATE, CALLS };
enum { STALL_INTERVAL_US = 20000, PIECES_MAX = 1024 };

struct fault {
	_Atomic uint64_t let_pass;
	_Atomic uint64_t error;
	_Atomic uint64_t bytes;
	_Atomic uint64_t stall;
	_Atomic uint64_t calls;
	_Atomic uint64_t met;
	_Atomic uint64_t waiting;
	uint64_t unused;
};

static_assert(sizeof(struct fault) == 64, "the test writes the same layout");

static struct fault *faults; /* NULL: nothing is to fail */
static bool direct;          /* the log may be written around the cache */

__attribute__((constructor)) static void
faults_map(void)
{
	const char *path = getenv("KARMA_FAULTS"); /* NOLINT(concurrency-mt-unsafe): before main() */
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	void *map = mmap(NULL, CALLS * sizeof(struct fault), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	(void)close(fd);
	if (map != MAP_FAILED)
		faults = map;
	direct = getenv("KARMA_FAULTS_DIRECT") != NULL; /* NOLINT(concurrency-mt-unsafe): the same */
}

static bool
is_of_log(int fd)
{
	char link[64];
	char path[4096];

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t bytes = readlink(link, path, sizeof(path) - 1);

	if (bytes < 4)
		return false;
	path[bytes] = '\0';
	const char *slash = strrchr(path, '/');

	return slash != NULL && strncmp(slash, "/karma-", 7) == 0 && strcmp(path + bytes - 4, ".wal") == 0;
}

static bool
passes(struct fault *fault)
{
	uint64_t left = atomic_load_explicit(&fault->let_pass, memory_order_relaxed);

	while (left > 0)
		if (atomic_compare_exchange_weak_explicit(&fault->let_pass, &left, left - 1, memory_order_relaxed,
		                                          memory_order_relaxed))
			return true;
	return false;
}

static void
stall(struct fault *fault)
{
	(void)atomic_fetch_add_explicit(&fault->waiting, 1, memory_order_relaxed);
	while (atomic_load_explicit(&fault->stall, memory_order_relaxed) != 0)
		(void)usleep(STALL_INTERVAL_US);
	(void)atomic_fetch_sub_explicit(&fault->waiting, 1, memory_order_relaxed);
}

/* The fault that this call meets, or NULL; waits first if it is to. */
static struct fault *
fault_of(enum call call, int fd)
{
	int saved = errno;
	struct fault *fault = faults != NULL && is_of_log(fd) ? &faults[call] : NULL;

	errno = saved;
	if (fault == NULL)
		return NULL;
	(void)atomic_fetch_add_explicit(&fault->calls, 1, memory_order_relaxed);
	bool any = atomic_load_explicit(&fault->error, memory_order_relaxed) != 0 ||
	           atomic_load_explicit(&fault->bytes, memory_order_relaxed) != 0 ||
	           atomic_load_explicit(&fault->stall, memory_order_relaxed) != 0;

	if (!any || passes(fault))
		return NULL;
	(void)atomic_fetch_add_explicit(&fault->met, 1, memory_order_relaxed);
	stall(fault);
	return fault;
}

/* 0, or the errno to fail with. */
static int
error_of(const struct fault *fault)
{
	return fault == NULL ? 0 : (int)atomic_load_explicit(&fault->error, memory_order_relaxed);
}

/* Copies as many pieces as hold at most `bytes`. */
static int
shorten(const struct iovec *pieces, int count, uint64_t bytes, struct iovec short_pieces[static PIECES_MAX])
{
	int used = 0;

	for (; used < count && used < PIECES_MAX && bytes > 0; used++) {
		short_pieces[used] = pieces[used];
		if (short_pieces[used].iov_len > bytes)
			short_pieces[used].iov_len = bytes;
		bytes -= short_pieces[used].iov_len;
	}
	return used;
}

/* All writes end here. position < 0: where the file stands. */
static ssize_t
faulty_write(int fd, const struct iovec *pieces, int count, off_t position, int flags)
{
	struct fault *fault = fault_of(CALL_WRITE, fd);
	uint64_t bytes = fault == NULL ? 0 : atomic_load_explicit(&fault->bytes, memory_order_relaxed);
	int error = error_of(fault);
	struct iovec short_pieces[PIECES_MAX];
	ssize_t r = 0;

	if (bytes > 0) {
		count = shorten(pieces, count, bytes, short_pieces);
		pieces = short_pieces;
	}
	if (error == 0 || bytes > 0)
		r = syscall(SYS_pwritev2, fd, pieces, count, position, 0L, flags);
	if (error == 0)
		return r;
	errno = error;
	return -1;
}

static int
faulty(enum call call, int fd, long number, long a, long b, long c)
{
	int error = error_of(fault_of(call, fd));

	if (error == 0)
		return (int)syscall(number, fd, a, b, c);
	errno = error;
	return -1;
}

/* ---- in place of the C library's ------------------------------------------------------------------------------------ */

ssize_t
write(int fd, const void *data, size_t bytes)
{
	struct iovec piece = { (void *)(uintptr_t)data, bytes };

	return faulty_write(fd, &piece, 1, -1, 0);
}

ssize_t
pwrite(int fd, const void *data, size_t bytes, off_t position)
{
	struct iovec piece = { (void *)(uintptr_t)data, bytes };

	return faulty_write(fd, &piece, 1, position, 0);
}

ssize_t
writev(int fd, const struct iovec *pieces, int count)
{
	return faulty_write(fd, pieces, count, -1, 0);
}

ssize_t
pwritev(int fd, const struct iovec *pieces, int count, off_t position)
{
	return faulty_write(fd, pieces, count, position, 0);
}

ssize_t
pwritev2(int fd, const struct iovec *pieces, int count, off_t position, int flags)
{
	return faulty_write(fd, pieces, count, position, flags);
}

/*
 * The file system of a test cannot write around the cache, unless the test asks for it. The other commands have an argument of at
 * most a pointer's size, or none.
 */
int
fcntl(int fd, int command, ...)
{
	va_list arguments;

	va_start(arguments, command);
	long argument = va_arg(arguments, long);

	va_end(arguments);
	if (command == F_SETFL && (argument & O_DIRECT) != 0 && faults != NULL && !direct && is_of_log(fd)) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_fcntl, fd, command, argument);
}

int
fsync(int fd)
{
	return faulty(CALL_SYNC, fd, SYS_fsync, 0, 0, 0);
}

int
fdatasync(int fd)
{
	return faulty(CALL_SYNC, fd, SYS_fdatasync, 0, 0, 0);
}

int
fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	return faulty(CALL_ALLOCATE, fd, SYS_fallocate, mode, offset, bytes);
}

/* Returns what others leave in errno. */
int
posix_fallocate(int fd, off_t offset, off_t bytes)
{
	int saved = errno;
	int r = fallocate(fd, 0, offset, bytes) < 0 ? errno : 0;

	errno = saved;
	return r;
}

/* The same functions under the names that 64-bit offsets may go by. */
ssize_t pwrite64(int fd, const void *data, size_t bytes, off_t position) __attribute__((alias("pwrite")));
ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off_t position) __attribute__((alias("pwritev")));
ssize_t pwritev64v2(int fd, const struct iovec *pieces, int count, off_t position, int flags)
    __attribute__((alias("pwritev2")));
int fcntl64(int fd, int command, ...) __attribute__((alias("fcntl")));
int fallocate64(int fd, int mode, off_t offset, off_t bytes) __attribute__((alias("fallocate")));
int posix_fallocate64(int fd, off_t offset, off_t bytes) __attribute__((alias("posix_fallocate")));
