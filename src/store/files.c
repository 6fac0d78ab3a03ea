#include "store/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "snapshot/dump_file.h"

/* ---- walking the directory ---- */

int
directory_each(int directory_fd, directory_fn *visit, void *context)
{
	/* Opened anew: a duplicate of the handle would share its position with other walks. */
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	DIR *stream = fdopendir(fd);

	if (stream == NULL) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	int r = 0;

	while (r == 0) {
		errno = 0;
		/* One thread uses this stream. */
		const struct dirent *entry = readdir(stream); /* NOLINT(concurrency-mt-unsafe) */

		if (entry == NULL) {
			r = -errno;
			break;
		}
		r = visit(context, directory_fd, entry);
	}
	(void)closedir(stream);
	return r;
}

bool
directory_is_file(int directory_fd, const struct dirent *entry)
{
	struct stat status;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_REG;
	return fstatat(directory_fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode);
}

/* ---- changes ---- */

static int
remove_temporary(void *context, int directory_fd, const struct dirent *entry)
{
	size_t *removed = context;

	if (dump_name_is_temporary(entry->d_name) && directory_is_file(directory_fd, entry) &&
	    unlinkat(directory_fd, entry->d_name, 0) == 0)
		++*removed;
	return 0;
}

size_t
files_remove_temporary(int directory_fd)
{
	size_t removed = 0;

	(void)directory_each(directory_fd, remove_temporary, &removed);
	return removed;
}

enum { TEMPORARY_BYTES = DUMP_FILE_NAME_MAX + 1 };

static void
temporary_of(const char *file, char ret[TEMPORARY_BYTES])
{
	(void)snprintf(ret, TEMPORARY_BYTES, DUMP_TEMPORARY_PREFIX "%s", file);
}

int
file_replace_begin(int directory_fd, const char *file)
{
	char temporary[TEMPORARY_BYTES];

	temporary_of(file, temporary);
	int fd = openat(directory_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	return fd < 0 ? -errno : fd;
}

int
file_replace_end(int directory_fd, int fd, const char *file, int r)
{
	char temporary[TEMPORARY_BYTES];

	temporary_of(file, temporary);
	if (r == 0 && fsync(fd) != 0)
		r = -errno;
	if (close(fd) != 0 && r == 0)
		r = -errno;
	if (r == 0 && renameat(directory_fd, temporary, directory_fd, file) != 0)
		r = -errno;
	if (r != 0) {
		(void)unlinkat(directory_fd, temporary, 0);
		return r;
	}
	return fsync(directory_fd) == 0 ? 0 : -errno;
}

static int
write_all(int fd, const char *data, size_t bytes)
{
	while (bytes > 0) {
		ssize_t written = write(fd, data, bytes);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0) {
			data += written;
			bytes -= (size_t)written;
		}
	}
	return 0;
}

int
file_replace(int directory_fd, const char *file, const void *data, size_t bytes)
{
	int fd = file_replace_begin(directory_fd, file);

	return fd < 0 ? fd : file_replace_end(directory_fd, fd, file, write_all(fd, data, bytes));
}
