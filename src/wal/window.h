/*
 * window.h - a piece of a file in memory, that moves forward with the reader
 *
 * One thread. What wal_window_get() gave is good until the next call.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "wal/device.h"

struct wal_window {
	const struct wal_device *device;
	int file;
	uint64_t bytes; /* of the file */
	uint64_t start; /* offset of data[0] */
	size_t filled;
	uint8_t *data;
	size_t capacity;
};

/* Looks at another file (borrowed) of the device (borrowed); the memory is kept. The first time the window is zeros. 0 or
 * negative errno. */
int wal_window_open(struct wal_window *window, const struct wal_device *device, int file);

/*
 * Bytes of the file, which must be inside it: the memory it takes is bounded by the file's size. 0, -ENOMEM, -EIO when the file
 * ends before, or negative errno.
 */
int wal_window_get(struct wal_window *window, uint64_t offset, size_t bytes, const uint8_t **ret);

/* At least `bytes` as above, and how many there are in all. */
int wal_window_peek(struct wal_window *window, uint64_t offset, size_t bytes, const uint8_t **ret, size_t *ret_bytes);

/* Frees the memory. */
void wal_window_deinit(struct wal_window *window);
