/*
 * arena.h - a bump allocator over one block of the caller's
 *
 * For scratch that lives as long as a batch: taken piece by piece, given back all at once. One thread at a time.
 */
#pragma once

#include <stddef.h>

struct arena {
	char *data;
	size_t used;
	size_t capacity;
};

/* Returns `bytes` unaligned bytes, or NULL when the arena is used up. */
static inline void *
arena_take(struct arena *arena, size_t bytes)
{
	if (arena->capacity - arena->used < bytes)
		return NULL;
	char *block = arena->data + arena->used;

	arena->used += bytes;
	return block;
}

static inline void
arena_reset(struct arena *arena)
{
	arena->used = 0;
}
