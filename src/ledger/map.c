/*
 * The map's parts. Entries are addresses of records; every record that a probe meets is looked at, where the map packs no bits
 * of the hash into them, and so is every record of a part that grows: a cache line each, beside a fingerprint that took a
 * thousand cycles. Parts are kept small instead (ledger.c), so that one grows in well under a millisecond.
 *
 * Removing leaves a mark in the slot, and a ledger that is full removes as often as it inserts: a part is built anew
 * when it has removed more than it holds. That is one record moved for each removed.
 */
#include <errno.h>
#include <string.h>

#include "engine/map_memory.h"
#include "ledger/ledger_internal.h"

enum { CAPACITY_FIRST = 64 };

static unsigned long
hash_of(const void *entry, unsigned long seed)
{
	(void)seed;
	return ((const struct ledger_record *)entry)->hash;
}

static bool
is_same(const void *stored, const void *wanted)
{
	const struct ledger_record *a = stored, *b = wanted;

	TSAN_ACQUIRE(stored); /* L1 */
	return a->hash == b->hash && a->key_bytes == b->key_bytes && memcmp(a->key, b->key, a->key_bytes) == 0;
}

int
map_init(struct ledger_map *map)
{
	*map = (struct ledger_map){ .removed = 0 };
	return ck_hs_init(&map->hs, CK_HS_MODE_SPMC | CK_HS_MODE_OBJECT, hash_of, is_same, &map_memory_of_many,
	                  CAPACITY_FIRST, 0)
	           ? 0
	           : -ENOMEM;
}

void
map_deinit(struct ledger_map *map)
{
	ck_hs_iterator_t cursor = CK_HS_ITERATOR_INITIALIZER;
	void *record = NULL;

	while (ck_hs_next(&map->hs, &cursor, &record))
		record_destroy(record);
	ck_hs_destroy(&map->hs);
}

struct ledger_map *
map_of(struct ledger *ledger, uint64_t hash)
{
	return &ledger->maps[((hash >> 32) * ledger->map_count) >> 32]; /* the map's slots are of the low bits */
}

struct ledger_record *
map_find(struct ledger_map *map, const struct ledger_record *wanted)
{
	return ck_hs_get(&map->hs, wanted->hash, wanted);
}

bool
map_insert(struct ledger_map *map, struct ledger_record *record)
{
	TSAN_RELEASE(record); /* L1 */
	/* L1: holds the record's initialisation before ck_hs_put()'s store of the address on weakly ordered CPUs. */
	ck_pr_fence_release();
	if (!ck_hs_put(&map->hs, record->hash, record))
		return false;
	map->count++;
	return true;
}

void
map_remove(struct ledger_map *map, struct ledger_record *record)
{
	void *removed = ck_hs_remove(&map->hs, record->hash, record);

	assert(removed == record);
	(void)removed;
	map->count--;
	/* Without memory for it, the next one tries again. */
	if (++map->removed > CAPACITY_FIRST && map->removed > map->count && ck_hs_rebuild(&map->hs))
		map->removed = 0;
}

void
map_collect(struct ledger_map *map, struct ledger_record **records, size_t *count)
{
	ck_hs_iterator_t cursor = CK_HS_ITERATOR_INITIALIZER;
	void *record = NULL;

	while (ck_hs_next(&map->hs, &cursor, &record))
		records[(*count)++] = record;
}
