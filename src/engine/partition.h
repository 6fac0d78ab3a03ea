/*
 * partition.h - the map from keys to records: PARTITIONS small ck_hs maps per tree
 *
 * Lookups never lock. Inserting and removing a *record* takes the partition's lock. Many small maps, because growing one
 * rehashes it whole while its inserters wait: 640 keep a map below 16 k records (about 1 ms) at 10 M keys. They come in
 * groups, and both groups and maps appear with their first key, so an empty tree stays small.
 *
 *            find  insert  remove  walk     -  run together freely
 *   find      -      -       s      -       s  the record found may be dead: look at its total word
 *   insert           L       L      w       L  one after another, by the partition's lock
 *   remove                   L      x       w  the walk sees the record or not
 *   walk                            -       x  the maintenance thread does one at a time
 *
 * ck_hs is in SPMC, DIRECT mode: its entries are of ours (map_entry.h); never ck_hs_gc, _set, _fas, _apply: they move
 * entries, and a walk would miss some. A map that was grown out of goes to epoch_retire().
 *
 * Edges
 *   E1  record: a release fence and ck_hs_put() in partition_insert() -> ck_hs_get() in partition_find().
 *   E4  map made: store release of `made` -> load acquire in every reader.
 *   E5  group: CAS release in group_get() -> load acquire.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ck_hs.h>

#include "base/lock.h"
#include "engine/key_record.h"

enum { PARTITIONS = 640, PARTITIONS_PER_GROUP = 32, PARTITION_GROUPS = PARTITIONS / PARTITIONS_PER_GROUP };

struct partition {
	ck_hs_t hs; /* valid once `made` */
	struct lock lock;
	_Atomic bool made;
	_Atomic uint32_t count; /* of records; written under the lock, read by whoever wants to know about how many */
} __attribute__((aligned(64)));
static_assert(sizeof(struct partition) == 64, "two partitions share no cache line");

struct partition_group {
	struct partition partition[PARTITIONS_PER_GROUP];
};

struct partition_table {
	_Atomic(struct partition_group *) group[PARTITION_GROUPS];
	_Atomic uint64_t
	    sequence; /* of the last listing or unlisting of a key; moved under the key's partition's lock */
	uint32_t
	    map_capacity; /* slots that a map is made with, or 0; set before the first record, by partition_expect() */
};

/*
 * A secret of the process, so that nobody can choose keys that share partition and tag: those would be one chain, as long as
 * there are of them, and their insert holds the partition's lock. Nothing that is written depends on it. Drawn once, by
 * the first engine_create(), before there is a table; read-only from then on.
 */
extern uint64_t key_hash_secret;
void key_hash_setup(void);

static inline uint64_t
key_hash(uint64_t key)
{
	key ^= key_hash_secret;
	/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014): full avalanche, invertible. */
	key += UINT64_C(0x9e3779b97f4a7c15);
	key = (key ^ (key >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	key = (key ^ (key >> 27)) * UINT64_C(0x94d049bb133111eb);
	return key ^ (key >> 31);
}

static inline uint32_t
partition_index(uint64_t hash)
{
	return (uint32_t)(((hash >> 32) * PARTITIONS) >> 32);
}

/* Where the partition stands, or will; NULL when its group has no key yet. Looks at no line of the partition itself. */
static inline struct partition *
partition_place(struct partition_table *table, uint64_t hash)
{
	uint32_t index = partition_index(hash);
	struct partition_group *group =
	    atomic_load_explicit(&table->group[index / PARTITIONS_PER_GROUP], memory_order_acquire); /* E5 */

	return group == NULL ? NULL : &group->partition[index % PARTITIONS_PER_GROUP];
}

static inline bool
partition_is_made(struct partition *partition)
{
	return atomic_load_explicit(&partition->made, memory_order_acquire); /* E4 */
}

/* NULL when the partition has no key yet. */
static inline struct partition *
partition_of(struct partition_table *table, uint64_t hash)
{
	struct partition *partition = partition_place(table, hash);

	return partition != NULL && partition_is_made(partition) ? partition : NULL;
}

/* Finds a record, dead ones included; NULL when there is none. Lock-free. */
struct key_record *partition_find(struct partition_table *table, uint64_t key);

/*
 * Finds or makes a record. *ret_sequence is 0 if it was found, else that of the making; a fresh one carries the parity of
 * generation and the state given. Never returns a dead record: those leave the map under the lock. NULL when memory is out.
 */
struct key_record *partition_insert(struct partition_table *table, uint64_t key, uint64_t generation, uint32_t state,
                                    uint64_t *ret_sequence);

/*
 * The same where nobody else finds, inserts, removes or walks in the key's partition: no lock, one probe of the map for a
 * key that is not there, which should be the usual case. Different threads may do it in different partitions.
 */
struct key_record *partition_insert_alone(struct partition_table *table, uint64_t key, uint64_t generation,
                                          uint32_t state, bool *ret_made);

/* So many records are to come: maps are made for that at once, and never grow to it. Of an empty table; a hint. */
void partition_expect(struct partition_table *table, uint64_t records);

/* The next of the tree's listing sequence, from 1. Under the partition's lock, so that one key's are in its order. */
static inline uint64_t
partition_sequence_next(struct partition_table *table)
{
	/* Relaxed: the lock orders those of one key, and others need only be distinct. */
	return atomic_fetch_add_explicit(&table->sequence, 1, memory_order_relaxed) + 1;
}

/* Takes the lock of the key's partition (which must exist). Under it, partition_remove() may be called. */
struct partition *partition_lock(struct partition_table *table, uint64_t key);
void partition_unlock(struct partition *partition);
void partition_remove(struct partition *partition, struct key_record *record);

/* Who met a dead record waits here until it has left the map. */
void partition_pass(struct partition_table *table, uint64_t key);

/* Visits every record of the table as it is, inserts beside it may be missed. Between epoch_walk_begin() and _end(), or on
 * the thread that reclaims. A non-zero return ends the walk and is returned. */
typedef int partition_fn(void *context, struct key_record *record);
int partition_walk(struct partition_table *table, partition_fn *visit, void *context);

/* Records of the table, about. Any thread while the table is there. */
uint64_t partition_table_count(struct partition_table *table);

/* About what the table takes: its groups, maps and records, without day blocks. Any thread while the table is there. */
size_t partition_table_bytes(struct partition_table *table);

/* Frees maps, groups and records with their blocks. Nobody may look at them any more. */
void partition_table_deinit(struct partition_table *table);
