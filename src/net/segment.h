/*
 * segment.h - received pieces of input, where the kernel put them
 *
 * A segment is a filled receive buffer, known by its index. It belongs to one connection from receipt until
 * segment_put(), and is given back to the kernel at the end of the round, when no line in it is borrowed any more.
 * One thread.
 */
#pragma once

#include <assert.h>
#include <stdint.h>

#include "net/io.h"

enum { SEGMENT_NONE = UINT16_MAX };

struct segment {
	const char *data;
	uint32_t bytes;
	uint16_t next; /* of the same connection, or SEGMENT_NONE */
};

struct segments {
	struct segment at[IO_BUFFERS];
	uint16_t returned[IO_BUFFERS]; /* not with the kernel yet */
	uint32_t returned_count;
	uint32_t held_count; /* with connections */
};

static inline void
segment_get(struct segments *segments, uint16_t index, const char *data, uint32_t bytes)
{
	assert(segments->held_count < IO_BUFFERS);
	segments->at[index] = (struct segment){ .data = data, .bytes = bytes, .next = SEGMENT_NONE };
	segments->held_count++;
}

static inline void
segment_put(struct segments *segments, uint16_t index)
{
	assert(segments->held_count > 0);
	segments->held_count--;
	segments->returned[segments->returned_count++] = index;
}
