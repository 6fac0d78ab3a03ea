/*
 * A region is aligned to its own size, so a block finds its region by masking its address:
 *
 *   region, 2 MiB or 32 blocks    struct region | block | block | …
 *
 * Pages come with the first touch, so what counts of a region is how far it was used: blocks are taken from its
 * beginning. Regions with room stand in a list for each size, the one that was given a block last at its end, so that
 * the first ones fill up and the last ones become empty.
 *
 * An empty region is unmapped at once, also the only one of its size. Kept ones would be worth little, since blocks
 * that come and go alone are rare, and a fresh one costs what clearing its pages costs.
 */
#include "base/region.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/queue.h>

#include "base/lock.h"

enum {
	CACHE_LINE = 64,
	HUGE_PAGE = 2 * 1024 * 1024,
	BLOCKS_MIN = 31,  /* of a region */
	BLOCKS_MAX = 256, /* more than fit */
	WORD_BITS = 64,
};

struct region {
	TAILQ_ENTRY(region) link; /* while it has room */
	uint32_t taken;
	uint64_t used[BLOCKS_MAX / WORD_BITS]; /* a bit for each block */
};

TAILQ_HEAD(region_list, region);

struct step {
	alignas(CACHE_LINE) struct lock lock;
	struct region_list with_room; /* this and its regions under the lock */
};

static struct step steps[REGION_STEPS];

enum { BLOCKS_AT = (sizeof(struct region) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE };

static unsigned
step_of(size_t bytes)
{
	unsigned step = 0;

	assert(region_fits(bytes));
	while (((size_t)REGION_BLOCK_FIRST << step) + REGION_SLACK < bytes)
		step++;
	return step;
}

static size_t
block_bytes(unsigned step)
{
	return ((size_t)REGION_BLOCK_FIRST << step) + REGION_SLACK;
}

static size_t
region_bytes(unsigned step)
{
	size_t bytes = (size_t)(BLOCKS_MIN + 1) * ((size_t)REGION_BLOCK_FIRST << step);

	return bytes > HUGE_PAGE ? bytes : HUGE_PAGE;
}

static uint32_t
block_count(unsigned step)
{
	return (uint32_t)((region_bytes(step) - BLOCKS_AT) / block_bytes(step));
}

static_assert(BLOCKS_AT + BLOCKS_MIN * REGION_SLACK <= REGION_BLOCK_FIRST,
              "headers and slack of 31 blocks fit beside them");
static_assert(HUGE_PAGE / REGION_BLOCK_FIRST <= BLOCKS_MAX, "the bits are enough for the smallest blocks");

/* Maps twice as much and gives back what stands before and behind an aligned half. */
static struct region *
region_map(size_t bytes)
{
	char *all = mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (all == MAP_FAILED)
		return NULL;
	size_t before = (bytes - ((uintptr_t)all & (bytes - 1))) & (bytes - 1);

	if (before > 0)
		(void)munmap(all, before);
	(void)munmap(all + before + bytes, bytes - before);
	/* Where there are none, or they are turned off, small pages do. */
	(void)madvise(all + before, bytes, MADV_HUGEPAGE);
	return (struct region *)(void *)(all + before); /* zeroed by the system */
}

/* Under the lock. The first free block; NULL when no region has room. */
static void *
step_take(struct step *step, unsigned index)
{
	struct region *region = TAILQ_FIRST(&step->with_room);
	uint32_t word = 0;

	if (region == NULL)
		return NULL;
	while (region->used[word] == UINT64_MAX)
		word++;
	uint32_t bit = (uint32_t)__builtin_ctzll(~region->used[word]), block = word * WORD_BITS + bit;

	assert(block < block_count(index));
	region->used[word] |= UINT64_C(1) << bit;
	if (++region->taken == block_count(index))
		TAILQ_REMOVE(&step->with_room, region, link);
	return (char *)region + BLOCKS_AT + block * block_bytes(index);
}

/* With a region that was mapped meanwhile, or NULL. */
static void *
step_alloc(unsigned index, struct region *fresh)
{
	struct step *step = &steps[index];

	lock_take(&step->lock);
	if (step->with_room.tqh_last == NULL) /* the first ever */
		TAILQ_INIT(&step->with_room);
	if (fresh != NULL)
		TAILQ_INSERT_TAIL(&step->with_room, fresh, link);
	void *block = step_take(step, index);

	lock_release(&step->lock);
	return block;
}

void *
region_alloc(size_t bytes)
{
	unsigned index = step_of(bytes);
	void *block = step_alloc(index, NULL);

	if (block != NULL)
		return block;
	struct region *fresh = region_map(region_bytes(index));

	return fresh == NULL ? NULL : step_alloc(index, fresh);
}

/* Under the lock. True when the region is empty now and in no list. */
static bool
step_put(struct step *step, unsigned index, struct region *region, uint32_t block)
{
	uint64_t bit = UINT64_C(1) << block % WORD_BITS;

	assert((region->used[block / WORD_BITS] & bit) != 0);
	region->used[block / WORD_BITS] &= ~bit;
	bool was_full = region->taken-- == block_count(index);

	if (!was_full && region->taken == 0)
		TAILQ_REMOVE(&step->with_room, region, link);
	else if (was_full)
		TAILQ_INSERT_TAIL(&step->with_room, region, link);
	return region->taken == 0;
}

void
region_free(void *block, size_t bytes)
{
	unsigned index = step_of(bytes);
	struct step *step = &steps[index];
	size_t offset = (uintptr_t)block & (region_bytes(index) - 1);
	struct region *region = (struct region *)(void *)((char *)block - offset);

	assert(offset >= BLOCKS_AT && (offset - BLOCKS_AT) % block_bytes(index) == 0);
	lock_take(&step->lock);
	bool empty = step_put(step, index, region, (uint32_t)((offset - BLOCKS_AT) / block_bytes(index)));

	lock_release(&step->lock);
	if (empty)
		(void)munmap(region, region_bytes(index));
}
