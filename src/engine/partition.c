#include "engine/partition.h"

#include <pthread.h>
#include <stdalign.h>
#include <string.h>
#include <sys/random.h>

#include "base/memory.h"
#include "engine/map_entry.h"
#include "engine/map_memory.h"

enum { MAP_CAPACITY_FIRST = 8 };

uint64_t key_hash_secret;

static void
secret_draw(void)
{
	/* Not on kernels that we run on; without one everything works, but keys can be chosen. */
	if (getrandom(&key_hash_secret, sizeof(key_hash_secret), 0) != (ssize_t)sizeof(key_hash_secret))
		key_hash_secret = 0;
}

void
key_hash_setup(void)
{
	static pthread_once_t drawn = PTHREAD_ONCE_INIT;

	(void)pthread_once(&drawn, secret_draw);
}

static unsigned long
hash_of_entry(const void *entry, unsigned long seed)
{
	(void)seed;
	return entry_tag_hash((uintptr_t)entry);
}

/* wanted is the entry of a record or of a bare key. */
static bool
entry_matches(const void *stored, const void *wanted)
{
	if (!entry_has_tag(stored, (uintptr_t)wanted))
		return false;
	TSAN_ACQUIRE(entry_record(stored)); /* E1 */
	return entry_record(stored)->key == *(const uint64_t *)(const void *)entry_record(wanted);
}

/* A bare key, as aligned as a record is. */
struct wanted {
	alignas(sizeof(struct key_record)) uint64_t key;
};

static struct key_record *
find_in(struct partition *partition, uint64_t hash, uint64_t key)
{
	struct wanted wanted = { .key = key };
	uint64_t tag = entry_tag(hash);

	return entry_record(ck_hs_get(&partition->hs, entry_tag_hash(tag), entry_make(&wanted, tag)));
}

struct key_record *
partition_find(struct partition_table *table, uint64_t key)
{
	uint64_t hash = key_hash(key);
	struct partition *partition = partition_of(table, hash);

	return partition == NULL ? NULL : find_in(partition, hash, key);
}

static struct partition_group *
group_get(struct partition_table *table, uint32_t index)
{
	struct partition_group *seen = atomic_load_explicit(&table->group[index], memory_order_acquire); /* E5 */

	if (seen != NULL)
		return seen;
	struct partition_group *mine = mem_alloc_aligned(_Alignof(struct partition_group), sizeof(*mine));

	if (mine == NULL)
		return NULL;
	memset(mine, 0, sizeof(*mine)); /* locks free, maps not made */
	/* E5 release; on failure acquire, since we go on with the winner's. */
	if (atomic_compare_exchange_strong_explicit(&table->group[index], &seen, mine, memory_order_acq_rel,
	                                            memory_order_acquire))
		return mine;
	mem_free(mine);
	return seen;
}

/* Under the partition's lock, or alone. */
static bool
map_make(struct partition *partition, uint32_t capacity)
{
	if (atomic_load_explicit(&partition->made, memory_order_relaxed))
		return true; /* relaxed: it is written under the lock only */
	if (!ck_hs_init(&partition->hs, CK_HS_MODE_SPMC | CK_HS_MODE_DIRECT, hash_of_entry, entry_matches,
	                &map_memory_of_many, capacity > MAP_CAPACITY_FIRST ? capacity : MAP_CAPACITY_FIRST, 0))
		return false;
	atomic_store_explicit(&partition->made, true, memory_order_release); /* E4 */
	return true;
}

/* Under the partition's lock, or alone. False: the key is there, or memory is out. */
static bool
put(struct partition *partition, uint64_t hash, struct key_record *record)
{
	uint64_t tag = entry_tag(hash);

	TSAN_RELEASE(record); /* E1 */
	/* E1: holds the record's initialisation before ck_hs_put()'s store of the pointer on weakly ordered CPUs. */
	ck_pr_fence_release();
	return ck_hs_put(&partition->hs, entry_tag_hash(tag), entry_make(record, tag));
}

/* Under the partition's lock, or alone. Relaxed: nothing is read by it. */
static void
count_records(struct partition *partition, int more)
{
	uint32_t count = atomic_load_explicit(&partition->count, memory_order_relaxed);

	atomic_store_explicit(&partition->count, count + (uint32_t)more, memory_order_relaxed);
}

struct key_record *
partition_insert(struct partition_table *table, uint64_t key, uint64_t generation, uint32_t state,
                 uint64_t *ret_sequence)
{
	uint64_t hash = key_hash(key);
	uint32_t index = partition_index(hash);
	struct partition_group *group = group_get(table, index / PARTITIONS_PER_GROUP);
	struct key_record *mine = mem_alloc_aligned(sizeof(*mine), sizeof(*mine));

	*ret_sequence = 0;
	if (group == NULL || mine == NULL) {
		mem_free(mine);
		return NULL;
	}
	struct partition *partition = &group->partition[index % PARTITIONS_PER_GROUP];

	key_record_init(mine, key, generation, state);
	lock_take(&partition->lock);
	struct key_record *record = NULL;

	if (map_make(partition, table->map_capacity)) {
		if (put(partition, hash, mine)) {
			record = mine;
			*ret_sequence = partition_sequence_next(table);
			count_records(partition, 1);
		} else {
			record = find_in(partition, hash, key); /* NULL: memory is out */
		}
	}
	lock_release(&partition->lock);
	if (record != mine)
		mem_free(mine);
	return record;
}

struct key_record *
partition_insert_alone(struct partition_table *table, uint64_t key, uint64_t generation, uint32_t state, bool *ret_made)
{
	uint64_t hash = key_hash(key);
	uint32_t index = partition_index(hash);
	struct partition_group *group = group_get(table, index / PARTITIONS_PER_GROUP);
	struct partition *partition = group == NULL ? NULL : &group->partition[index % PARTITIONS_PER_GROUP];
	struct key_record *mine = mem_alloc_aligned(sizeof(*mine), sizeof(*mine));

	*ret_made = false;
	if (partition == NULL || mine == NULL || !map_make(partition, table->map_capacity)) {
		mem_free(mine);
		return NULL;
	}
	key_record_init(mine, key, generation, state);
	if (put(partition, hash, mine)) {
		count_records(partition, 1);
		*ret_made = true;
		return mine;
	}
	mem_free(mine);
	return find_in(partition, hash, key);
}

/* A map is grown when it is more than half full; those that get more than the mean may still grow, by one step. */
void
partition_expect(struct partition_table *table, uint64_t records)
{
	uint64_t capacity = 2 * (records / PARTITIONS + 1);

	table->map_capacity = capacity < UINT32_MAX / 2 ? (uint32_t)capacity : UINT32_MAX / 2;
	if (records < (uint64_t)MAP_CAPACITY_FIRST * PARTITIONS)
		table->map_capacity = 0; /* many would stay empty */
}

struct partition *
partition_lock(struct partition_table *table, uint64_t key)
{
	struct partition *partition = partition_of(table, key_hash(key));

	assert(partition != NULL);
	lock_take(&partition->lock);
	return partition;
}

void
partition_unlock(struct partition *partition)
{
	lock_release(&partition->lock);
}

void
partition_remove(struct partition *partition, struct key_record *record)
{
	uint64_t tag = entry_tag(key_hash(record->key));
	void *removed = ck_hs_remove(&partition->hs, entry_tag_hash(tag), entry_make(record, tag));

	assert(entry_record(removed) == record);
	(void)removed;
	count_records(partition, -1);
}

void
partition_pass(struct partition_table *table, uint64_t key)
{
	partition_unlock(partition_lock(table, key));
}
