/*
 * device_reading.c - the device of a directory that is only looked at, perhaps while a server runs on it
 */
#include "wal/device.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int
open_reading(void *context, const char *name, bool create)
{
	struct stat status;

	assert(!create);
	(void)create;
	int fd = openat(*(const int *)context, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	int r = fstat(fd, &status) < 0 ? -errno : S_ISREG(status.st_mode) ? fd : -EINVAL;

	if (r < 0)
		(void)close(fd);
	return r;
}

struct wal_device
wal_device_reading(const int *directory_fd)
{
	struct wal_device device = wal_device_directory(directory_fd);

	device.open = open_reading;
	device.sync = NULL;
	device.reread = NULL;
	device.sync_directory = NULL;
	device.write = NULL;
	device.push = NULL;
	device.allocate = NULL;
	device.truncate = NULL;
	device.rename = NULL;
	device.remove = NULL;
	return device;
}
