/*
 * lock_file.c - `karma.lock`, held by flock()
 *
 * The file is never removed: whoever removed it could take away the file that the next process has just locked. It holds
 * the process id of its owner, for the message that the second one gets, and for nothing else.
 */
#include "store/lock_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/fault.h"

#define LOCK_FILE "karma.lock"

static long
owner_read(int fd)
{
	char text[24] = { 0 };

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

static void
owner_write(int fd)
{
	char text[24];
	int bytes = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	/* Best effort: on a full disk the lock is as good without. */
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, text, (size_t)bytes, 0);
}

int
lock_file_take(int directory_fd, const char *name, int *ret_fd, struct store_fault *ret_fault)
{
	int fd = openat(directory_fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0) {
		store_fault_set(ret_fault, "directory \"%s\" cannot be written: %s", name, store_error_text(-errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		owner_write(fd);
		*ret_fd = fd;
		return 0;
	}
	int error = errno;

	if (error == EWOULDBLOCK)
		store_fault_set(ret_fault,
		                "directory \"%s\" is in use by another karma (process %ld holds " LOCK_FILE ")", name,
		                owner_read(fd));
	else
		store_fault_set(ret_fault, "directory \"%s\" cannot be locked: %s", name, store_error_text(-error));
	(void)close(fd);
	return -1;
}

void
lock_file_release(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}
