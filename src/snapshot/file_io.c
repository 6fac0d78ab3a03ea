#include "snapshot/file_io.h"

#include <errno.h>
#include <unistd.h>

int
file_read_at(int fd, void *ret, size_t bytes, uint64_t offset)
{
	char *to = ret;

	while (bytes > 0) {
		ssize_t r = pread(fd, to, bytes, (off_t)offset);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -EIO;
		to += r;
		offset += (uint64_t)r;
		bytes -= (size_t)r;
	}
	return 0;
}

int
file_write_at(int fd, const void *data, size_t bytes, uint64_t offset)
{
	const char *from = data;

	while (bytes > 0) {
		ssize_t r = pwrite(fd, from, bytes, (off_t)offset);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -EIO;
		from += r;
		offset += (uint64_t)r;
		bytes -= (size_t)r;
	}
	return 0;
}
