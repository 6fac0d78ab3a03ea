#include "engine/map_memory.h"

#include <stddef.h>

#include "base/memory.h"
#include "base/region.h"
#include "epoch/epoch.h"

/* A map with what epoch_retire() needs in front of it. */
struct map_block {
	struct epoch_retired retired;
	_Alignas(max_align_t) char map[];
};

static struct map_block *
block_of(void *map)
{
	return (struct map_block *)(void *)((char *)map - offsetof(struct map_block, map));
}

/* ---- from the heap ---- */

static void *
one_alloc(size_t bytes)
{
	struct map_block *block = mem_alloc(sizeof(*block) + bytes);

	return block == NULL ? NULL : block->map;
}

static void
one_destroy(struct epoch_retired *retired)
{
	mem_free(retired); /* first member of its block */
}

static void
one_free(void *map, size_t bytes, bool defer)
{
	if (defer)
		epoch_retire(&block_of(map)->retired, one_destroy, bytes);
	else
		mem_free(block_of(map));
}

struct ck_malloc map_memory_of_one = { .malloc = one_alloc, .free = one_free };

/* ---- from regions, if large ---- */

/* Never in sanitized builds: AddressSanitizer would not see who looks at a freed map there. */
static bool
is_of_region(size_t bytes)
{
#ifdef KARMA_SANITIZED
	(void)bytes;
	return false;
#else
	return region_fits(sizeof(struct map_block) + bytes);
#endif
}

static void *
many_alloc(size_t bytes)
{
	if (!is_of_region(bytes))
		return one_alloc(bytes);
	struct map_block *block = region_alloc(sizeof(*block) + bytes);

	return block == NULL ? NULL : block->map;
}

static void
many_destroy(struct epoch_retired *retired)
{
	region_free(retired, sizeof(struct map_block) + retired->bytes);
}

static void
many_free(void *map, size_t bytes, bool defer)
{
	struct map_block *block = block_of(map);

	if (!is_of_region(bytes))
		one_free(map, bytes, defer);
	else if (defer)
		epoch_retire(&block->retired, many_destroy, bytes);
	else
		region_free(block, sizeof(*block) + bytes);
}

struct ck_malloc map_memory_of_many = { .malloc = many_alloc, .free = many_free };
