#include "engine/prefetch.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/memory.h"
#include "engine/map_entry.h"
#include "engine/partition.h"

enum { SLOTS_PER_LINE_MASK = CK_MD_CACHELINE / sizeof(void *) - 1 };

/* struct ck_hs_map as of Concurrency Kit 0.7.1 (src/ck_hs.c), up to what is needed. */
struct map_layout {
	unsigned int generation[2];
	unsigned int probe_maximum;
	unsigned long mask;
	unsigned long step;
	unsigned int probe_limit;
	unsigned int tombstones;
	unsigned long n_entries;
	unsigned long capacity;
	unsigned long size;
	void *probe_bound;
	const void **entries;
};

static bool layout_is_known;
static pthread_once_t checked = PTHREAD_ONCE_INIT;

static void *
check_alloc(size_t bytes)
{
	return mem_alloc_zeroed(bytes);
}

static void
check_free(void *map, size_t bytes, bool defer)
{
	(void)bytes;
	(void)defer;
	mem_free(map);
}

static unsigned long
check_hash(const void *object, unsigned long seed)
{
	(void)seed;
	return *(const uint64_t *)object;
}

static void
check_layout(void)
{
	static struct ck_malloc memory = { .malloc = check_alloc, .free = check_free };
	enum { CAPACITY = 64, SLOT = 37 };
	uint64_t object = SLOT;
	ck_hs_t hs;

	if (!ck_hs_init(&hs, CK_HS_MODE_SPMC | CK_HS_MODE_OBJECT, check_hash, NULL, &memory, CAPACITY, 0))
		return;
	if (ck_hs_put(&hs, SLOT, &object)) {
		const struct map_layout *map = (const struct map_layout *)(const void *)hs.map;
		uintptr_t first = (uintptr_t)(map + 1), last = (uintptr_t)map + map->size;

		/* Each step is looked at only when the one before made sense, so a wrong guess reads our own block. */
		if (map->mask == CAPACITY - 1 && map->capacity == CAPACITY && map->n_entries == 1 &&
		    map->size >= sizeof(*map) + CAPACITY * sizeof(void *) && (uintptr_t)map->entries >= first &&
		    (uintptr_t)(map->entries + CAPACITY) <= last)
			layout_is_known = map->entries[SLOT] == &object;
	}
	ck_hs_destroy(&hs);
}

bool
prefetch_check(void)
{
	(void)pthread_once(&checked, check_layout);
	return layout_is_known;
}

/*
 * Nothing is read through these pointers: a slot may be empty or a tombstone, and prefetching any address is harmless.
 * ThreadSanitizer would want to see how Concurrency Kit publishes a map, which partition_find() alone depends on.
 */
__attribute__((no_sanitize("thread"))) static const void **
line_of(const ck_hs_t *hs, uint64_t first)
{
	const struct map_layout *map = (const struct map_layout *)(const void *)ck_pr_load_ptr(&hs->map);

	return &map->entries[first & map->mask & ~(uint64_t)SLOTS_PER_LINE_MASK];
}

__attribute__((no_sanitize("thread"))) void
prefetch_map(const ck_hs_t *hs)
{
	const char *map = (const char *)ck_pr_load_ptr(&hs->map);

	__builtin_prefetch(map);
	__builtin_prefetch(map + offsetof(struct map_layout, entries));
}

void
prefetch_slot(const ck_hs_t *hs, uint64_t hash)
{
	if (layout_is_known)
		__builtin_prefetch(line_of(hs, entry_tag_hash(entry_tag(hash))));
}

/*
 * The second slot if that has the tag, else the first, without a branch, which nobody could predict. Most stand in one
 * of them; looking at four cost more than it brought. ck_hs goes round the line of the first slot before it leaves it.
 */
void
prefetch_record(const ck_hs_t *hs, uint64_t hash)
{
	uint64_t tag = entry_tag(hash), first = entry_tag_hash(tag);

	if (!layout_is_known)
		return;
	const void **line = line_of(hs, first);
	const void *entry = ck_pr_load_ptr(&line[first & SLOTS_PER_LINE_MASK]);
	const void *second = ck_pr_load_ptr(&line[(first + 1) & SLOTS_PER_LINE_MASK]);

	entry = entry_has_tag(second, tag) ? second : entry;
	__builtin_prefetch(entry_record(entry), 1); /* written for, since most look to add */
}
