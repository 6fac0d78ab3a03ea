#include "net/pool.h"

#include <assert.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/memory.h"

/* Stands at the beginning of the memory that it tells of. */
struct pool_block {
	struct pool_block *next;
	size_t bytes;
};

static_assert(sizeof(struct pool_block) <= POOL_BLOCK_BYTES, "a block holds its own link");

bool
pool_get(struct pool *pool, struct buffer *buffer)
{
	struct pool_block *block = pool->first;

	assert(buffer->data == NULL);
	assert(buffer->bytes == 0);
	if (block != NULL) {
		pool->first = block->next;
		pool->bytes -= block->bytes;
		buffer->capacity = block->bytes;
	} else {
		block = mem_alloc(POOL_BLOCK_BYTES);
		if (block == NULL)
			return false;
		buffer->capacity = POOL_BLOCK_BYTES;
	}
	buffer->data = (char *)block;
	return true;
}

void
pool_put(struct pool *pool, struct buffer *buffer)
{
	size_t bytes = buffer->capacity;

	if (bytes < POOL_BLOCK_BYTES || bytes > POOL_BLOCK_BYTES_MAX || pool->bytes + bytes > POOL_BYTES_MAX) {
		buffer_deinit(buffer);
		return;
	}
	struct pool_block *block = (void *)buffer->data;

	*block = (struct pool_block){ .next = pool->first, .bytes = bytes };
	pool->first = block;
	pool->bytes += bytes;
	buffer_init(buffer, buffer->bytes_max);
}

void
pool_deinit(struct pool *pool)
{
	while (pool->first != NULL) {
		struct pool_block *block = pool->first;

		pool->first = block->next;
		mem_free(block);
	}
	pool->bytes = 0;
}
