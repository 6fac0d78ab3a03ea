/*
 * spill.h - bytes put by until their length is known
 *
 * The head of a map tells how many entries follow, so a branch can be written only when all its keys are known. Until
 * then its bytes wait in a buffer, and what the buffer does not hold in a file without a name: nothing is left over
 * when the process dies. Small branches never touch the disk. One thread at a time.
 */
#pragma once

#include <stdint.h>

#include "base/buffer.h"

struct spill {
	int directory_fd;
	int fd;               /* -1 until the buffer first overflows */
	uint64_t bytes;       /* in the file */
	struct buffer buffer; /* what stands behind them */
};

enum {
	SPILL_BUFFER_BYTES = 64 * 1024,
	SPILL_RECORD_BYTES_MAX = 64, /* between two calls of spill_room() */
};

/* Borrows directory_fd. No memory and no file is taken before the first byte. */
void spill_init(struct spill *spill, int directory_fd);
void spill_deinit(struct spill *spill);

/* Makes room for SPILL_RECORD_BYTES_MAX bytes: append them to spill->buffer. 0 or negative errno. */
int spill_room(struct spill *spill);

/* Calls take for all bytes, in pieces, in order. The first result that is not 0 ends it and is returned; else 0 or
 * negative errno. */
typedef int spill_take_fn(void *context, const void *data, size_t bytes);
int spill_drain(struct spill *spill, spill_take_fn *take, void *context);

/* The way without O_TMPFILE: a named file, unlinked at once. Returns a descriptor or negative errno. */
int spill_open_named(int directory_fd);
