/*
 * region.h - large blocks of a few sizes, in memory that goes back to the system
 *
 * For maps that grow by doubling. A general allocator puts them among small blocks, in huge pages; when a map is grown
 * out of, its part of those pages is not given back. Here blocks of one size stand together in regions of their own,
 * aligned to huge pages, and a region that has become wholly free is unmapped. Since the maps of a tree grow at about
 * the same time, a size that was grown out of leaves whole regions behind.
 *
 * All functions may be called by any thread; memory of one thread may be freed by another. Progress: a short lock for
 * each size, never held over a system call.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
	REGION_STEPS = 12,
	REGION_SLACK = 256, /* sizes are powers of two and this, since what doubles has a header that does not */
	REGION_BLOCK_FIRST = 8 * 1024,
	REGION_BLOCK_MIN = REGION_BLOCK_FIRST / 2 + REGION_SLACK + 1, /* half of a block would be wasted below */
	REGION_BLOCK_MAX = (REGION_BLOCK_FIRST << (REGION_STEPS - 1)) + REGION_SLACK,
};

/* Can a block be had here, without wasting half of it? */
static inline bool
region_fits(size_t bytes)
{
	return bytes >= REGION_BLOCK_MIN && bytes <= REGION_BLOCK_MAX;
}

/* bytes as region_fits() accepts them. The block is aligned to 64 and not zeroed. NULL when there is no memory. */
void *region_alloc(size_t bytes);

/* Takes block; bytes are those it was allocated with. */
void region_free(void *block, size_t bytes);
