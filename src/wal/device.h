/*
 * device.h - the files of one log directory, as the log sees them
 *
 * Everything the log does to a disk goes through these calls, so that tests can put a disk in their place that writes
 * short, is full, fails, or loses what was not synced. Names are file names without a slash.
 *
 * All return 0 (or a count) or a negative errno. `file` is a handle of open().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { WAL_DIRECT_BYTES = 4096 };

typedef int wal_name_fn(void *context, const char *name);

struct wal_device {
	void *context;
	/* With create the file is made if it is missing. Returns the handle, or negative errno. */
	int (*open)(void *context, const char *name, bool create);
	void (*close)(void *context, int file);
	int (*size)(void *context, int file, uint64_t *ret_bytes);
	/* Both may do less than asked for. */
	ssize_t (*read)(void *context, int file, void *data, size_t bytes, uint64_t offset);
	ssize_t (*write)(void *context, int file, const struct iovec *pieces, int count, uint64_t offset);
	int (*sync)(void *context, int file); /* data, and what is needed to find it */
	/* From now on reads give what the disk has: writes back what is not there yet, and forgets what was cached. After a sync that
	 * failed the cache may hold, as clean, what never reached the disk. NULL: the device is only looked at. */
	int (*reread)(void *context, int file);
	/*
	 * Writing around the cache: on, the file takes write_through() alone, off, write() again. NULL, or an error: not here.
	 * write_through() has all of it on the disk when it returns 0; addresses, sizes and the offset are multiples of
	 * WAL_DIRECT_BYTES.
	 */
	int (*direct)(void *context, int file, bool on);
	int (*write_through)(void *context, int file, const struct iovec *pieces, int count, uint64_t offset);
	int (*push)(void *context, int file, uint64_t offset, uint64_t bytes); /* begin writing back; a hint */
	int (*allocate)(void *context, int file, uint64_t bytes); /* room on disk for so many bytes, size included */
	int (*truncate)(void *context, int file, uint64_t bytes); /* gives back what is behind */
	int (*rename)(void *context, const char *from, const char *to);
	int (*remove)(void *context, const char *name);
	int (*sync_directory)(void *context);
	int (*list)(void *context, wal_name_fn *visit, void *visit_context);
};

/* The real one. directory_fd is borrowed. The device is a value; nothing is to be freed. */
struct wal_device wal_device_directory(const int *directory_fd);

/* The same for looking only: files are opened for reading, and there are no calls that change or sync something. */
struct wal_device wal_device_reading(const int *directory_fd);
