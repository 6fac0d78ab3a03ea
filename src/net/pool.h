/*
 * pool.h - memory for buffers that come and go with each round
 *
 * A connection has memory for replies and for half a line only while there is something in it. The pool keeps what is
 * given back, the warmest first, up to a bound; a buffer that grew beyond POOL_BLOCK_BYTES_MAX (one large reply) goes
 * back to the heap. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buffer;

enum {
	POOL_BLOCK_BYTES = 4 * 1024, /* the replies of about a hundred requests */
	POOL_BLOCK_BYTES_MAX = 64 * 1024,
	POOL_BYTES_MAX = 4 * 1024 * 1024, /* kept by one worker */
};

struct pool_block;

struct pool {
	struct pool_block *first;
	size_t bytes;
};

/* Gives an empty buffer without memory some. False when there is none. */
bool pool_get(struct pool *pool, struct buffer *buffer);

/* Takes the memory of a buffer, which is empty afterwards. One that has none is fine. */
void pool_put(struct pool *pool, struct buffer *buffer);

/* Frees what is kept. */
void pool_deinit(struct pool *pool);
