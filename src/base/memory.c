#include "base/memory.h"

#include <stdlib.h>

#ifdef KARMA_SANITIZED

void
mem_setup(void)
{
}

void *
mem_alloc(size_t bytes)
{
	return malloc(bytes);
}

void *
mem_alloc_zeroed(size_t bytes)
{
	return calloc(1, bytes);
}

void *
mem_alloc_aligned(size_t alignment, size_t bytes)
{
	void *block = NULL;

	return posix_memalign(&block, alignment, bytes) == 0 ? block : NULL;
}

void *
mem_realloc(void *block, size_t bytes)
{
	return realloc(block, bytes);
}

void
mem_free(void *block)
{
	free(block);
}

#else

#include <mimalloc.h>

void
mem_setup(void)
{
	mi_option_enable(mi_option_large_os_pages);
	/* The first segments are made of huge pages as well: at 100 k keys, too, a tenth to a fifth of a request was page
	 * walks. Costs 3 MB resident for a small server. */
	mi_option_set(mi_option_eager_commit_delay, 0);
}

void *
mem_alloc(size_t bytes)
{
	return mi_malloc(bytes);
}

void *
mem_alloc_zeroed(size_t bytes)
{
	return mi_zalloc(bytes);
}

void *
mem_alloc_aligned(size_t alignment, size_t bytes)
{
	return mi_malloc_aligned(bytes, alignment);
}

void *
mem_realloc(void *block, size_t bytes)
{
	return mi_realloc(block, bytes);
}

void
mem_free(void *block)
{
	mi_free(block);
}

#endif
