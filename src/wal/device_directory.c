/*
 * device_directory.c - the device of a real directory
 *
 * Every call is one system call, repeated when a signal came between, and nothing is kept: handles are descriptors. Files are
 * preallocated, so that a write inside finds its room and its place in the file's metadata already, and fdatasync() need not
 * write that again. Where a file system can not preallocate (EOPNOTSUPP), zeros are written in its place: the room is as sure,
 * it only takes longer; what is behind the end already is left alone.
 *
 * sync() is fdatasync(): it writes the size and whatever else a reader needs to find the data. The name is the directory's.
 */
#include "wal/device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0640, ZEROS_BYTES = 1 << 16, WRITE_TRIES = 8 };

static int
directory_of(void *context)
{
	return *(const int *)context;
}

static int
check_regular(int fd)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return -errno;
	return S_ISREG(status.st_mode) ? 0 : -EINVAL;
}

static int
directory_open(void *context, const char *name, bool create)
{
	/* Not blocking: what stands there may be a pipe. */
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (create ? O_CREAT : 0);
	int fd;

	do {
		fd = openat(directory_of(context), name, flags, FILE_MODE);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return -errno;
	int r = check_regular(fd);

	if (r < 0) {
		(void)close(fd);
		return r;
	}
	return fd;
}

static void
directory_close(void *context, int file)
{
	(void)context;
	(void)close(file); /* what matters was synced before */
}

static int
directory_size(void *context, int file, uint64_t *ret_bytes)
{
	struct stat status;

	(void)context;
	if (fstat(file, &status) != 0)
		return -errno;
	*ret_bytes = (uint64_t)status.st_size;
	return 0;
}

static ssize_t
directory_read(void *context, int file, void *data, size_t bytes, uint64_t offset)
{
	ssize_t r;

	(void)context;
	do {
		r = pread(file, data, bytes, (off_t)offset);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

static ssize_t
directory_write(void *context, int file, const struct iovec *pieces, int count, uint64_t offset)
{
	ssize_t r;

	(void)context;
	do {
		r = pwritev(file, pieces, count < IOV_MAX ? count : IOV_MAX, (off_t)offset);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

/* Linux lets it be changed while the file is open; a file system that can not says EINVAL. */
static int
directory_direct(void *context, int file, bool on)
{
	int flags = fcntl(file, F_GETFL);

	(void)context;
	if (flags < 0)
		return -errno;
	return fcntl(file, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) != 0 ? -errno : 0;
}

/* A part that was written is written again with the rest: it says the same. */
static int
directory_write_through(void *context, int file, const struct iovec *pieces, int count, uint64_t offset)
{
	ssize_t bytes = 0;

	(void)context;
	for (int i = 0; i < count; i++)
		bytes += (ssize_t)pieces[i].iov_len;
	for (unsigned tries = 0; tries < WRITE_TRIES; tries++) {
		ssize_t r = pwritev2(file, pieces, count, (off_t)offset, RWF_DSYNC);

		if (r == bytes)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
	return -EIO;
}

/* Never again after an error: the kernel may have dropped the pages that it could not write, and say that all is well. */
static int
directory_sync(void *context, int file)
{
	(void)context;
	return fdatasync(file) != 0 ? -errno : 0;
}

/* The advice is followed for every clean page that nobody uses just now, and nobody does: the lock file keeps others out. */
static int
directory_reread(void *context, int file)
{
	int r = directory_sync(context, file);

	return r == 0 ? -posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) : r;
}

static int
directory_push(void *context, int file, uint64_t offset, uint64_t bytes)
{
	(void)context;
	return sync_file_range(file, (off_t)offset, (off_t)bytes, SYNC_FILE_RANGE_WRITE) != 0 ? -errno : 0;
}

static int
write_zeros(int file, uint64_t from, uint64_t to)
{
	static const char zeros[ZEROS_BYTES];

	while (from < to) {
		size_t bytes = to - from < sizeof(zeros) ? (size_t)(to - from) : sizeof(zeros);
		ssize_t r = pwrite(file, zeros, bytes, (off_t)from);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -ENOSPC;
		from += (uint64_t)r;
	}
	return 0;
}

static int
directory_allocate(void *context, int file, uint64_t bytes)
{
	uint64_t present = 0;
	int r;

	do {
		r = fallocate(file, 0, 0, (off_t)bytes) != 0 ? -errno : 0;
	} while (r == -EINTR);
	if (r != -EOPNOTSUPP && r != -ENOSYS)
		return r;
	r = directory_size(context, file, &present);
	return r < 0 ? r : write_zeros(file, present, bytes);
}

static int
directory_truncate(void *context, int file, uint64_t bytes)
{
	(void)context;
	return ftruncate(file, (off_t)bytes) != 0 ? -errno : 0;
}

static int
directory_rename(void *context, const char *from, const char *to)
{
	int directory = directory_of(context);

	return renameat(directory, from, directory, to) != 0 ? -errno : 0;
}

static int
directory_remove(void *context, const char *name)
{
	return unlinkat(directory_of(context), name, 0) != 0 ? -errno : 0;
}

static int
directory_sync_directory(void *context)
{
	return fsync(directory_of(context)) != 0 ? -errno : 0;
}

static int
list_stream(DIR *stream, wal_name_fn *visit, void *visit_context)
{
	for (;;) {
		errno = 0;
		/* One thread uses this stream. */
		const struct dirent *entry = readdir(stream); /* NOLINT(concurrency-mt-unsafe) */

		if (entry == NULL)
			return -errno;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		int r = visit(visit_context, entry->d_name);

		if (r != 0)
			return r;
	}
}

/* Opened anew: a copy of the descriptor would share its place in the directory with other lists. */
static int
directory_list(void *context, wal_name_fn *visit, void *visit_context)
{
	int fd = openat(directory_of(context), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	DIR *stream = fdopendir(fd);

	if (stream == NULL) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	int r = list_stream(stream, visit, visit_context);

	(void)closedir(stream);
	return r;
}

struct wal_device
wal_device_directory(const int *directory_fd)
{
	return (struct wal_device){
		.context = (void *)(uintptr_t)directory_fd,
		.open = directory_open,
		.close = directory_close,
		.size = directory_size,
		.read = directory_read,
		.write = directory_write,
		.sync = directory_sync,
		.direct = directory_direct,
		.write_through = directory_write_through,
		.reread = directory_reread,
		.push = directory_push,
		.allocate = directory_allocate,
		.truncate = directory_truncate,
		.rename = directory_rename,
		.remove = directory_remove,
		.sync_directory = directory_sync_directory,
		.list = directory_list,
	};
}
