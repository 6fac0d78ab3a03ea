/*
 * arena.h - a bump allocator over one block of the caller's
 *
 * For scratch that lives as long as a batch: taken piece by piece, given back all at once. One thread at a time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

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

enum { ARENA_ALIGNMENT = 8, ARENA_PADDING_MAX = ARENA_ALIGNMENT - 1 };

/* The same for things of 64 bits; takes up to ARENA_PADDING_MAX more. */
static inline void *
arena_take_aligned(struct arena *arena, size_t bytes)
{
	const size_t padding = -(uintptr_t)(arena->data + arena->used) & ARENA_PADDING_MAX;

	if (arena->capacity - arena->used < padding)
		return NULL;
	arena->used += padding;
	return arena_take(arena, bytes);
}

static inline void
arena_reset(struct arena *arena)
{
	arena->used = 0;
}
