/*
 * All partitions of a tree at once: walking over its records, what there is of them, and the end of them.
 */
#include "base/memory.h"
#include "engine/map_entry.h"
#include "engine/partition.h"

enum { WALK_AHEAD = 16 };

/* Takes the next records off the map and asks for their lines, which lie anywhere. 0 at the end. */
static size_t
walk_ahead(struct partition *partition, ck_hs_iterator_t *cursor, struct key_record *records[WALK_AHEAD])
{
	size_t count = 0;
	void *entry;

	while (count < WALK_AHEAD && ck_hs_next_spmc(&partition->hs, cursor, &entry)) {
		records[count] = entry_record(entry);
		TSAN_ACQUIRE(records[count]); /* E1 */
		__builtin_prefetch(records[count++], 1);
	}
	return count;
}

/* A record may leave the map before it is visited, as it may while it is; memory stays. */
static int
walk_map(struct partition *partition, partition_fn *visit, void *context)
{
	ck_hs_iterator_t cursor = CK_HS_ITERATOR_INITIALIZER;
	struct key_record *records[WALK_AHEAD];
	size_t count;
	int r = 0;

	while (r == 0 && (count = walk_ahead(partition, &cursor, records)) > 0) {
		for (size_t i = 0; r == 0 && i < count; i++)
			r = visit(context, records[i]);
	}
	return r;
}

int
partition_walk(struct partition_table *table, partition_fn *visit, void *context)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < PARTITIONS; i++) {
		struct partition_group *group =
		    atomic_load_explicit(&table->group[i / PARTITIONS_PER_GROUP], memory_order_acquire); /* E5 */

		if (group == NULL)
			continue;
		struct partition *partition = &group->partition[i % PARTITIONS_PER_GROUP];

		if (atomic_load_explicit(&partition->made, memory_order_acquire)) /* E4 */
			r = walk_map(partition, visit, context);
	}
	return r;
}

uint64_t
partition_table_count(struct partition_table *table)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < PARTITION_GROUPS; i++) {
		struct partition_group *group = atomic_load_explicit(&table->group[i], memory_order_acquire); /* E5 */

		for (uint32_t k = 0; group != NULL && k < PARTITIONS_PER_GROUP; k++)
			count += atomic_load_explicit(&group->partition[k].count, memory_order_relaxed);
	}
	return count;
}

size_t
partition_table_bytes(struct partition_table *table)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < PARTITION_GROUPS; i++) {
		if (atomic_load_explicit(&table->group[i], memory_order_acquire) != NULL) /* E5 */
			bytes += sizeof(struct partition_group);
	}
	/* Maps are a quarter to a half full: about three slots to a record. */
	return bytes + partition_table_count(table) * (sizeof(struct key_record) + 3 * sizeof(void *));
}

static int
record_destroy(void *context, struct key_record *record)
{
	(void)context;
	key_record_free_blocks(record);
	mem_free(record);
	return 0;
}

void
partition_table_deinit(struct partition_table *table)
{
	(void)partition_walk(table, record_destroy, NULL);
	for (uint32_t i = 0; i < PARTITION_GROUPS; i++) {
		struct partition_group *group = atomic_load_explicit(&table->group[i], memory_order_acquire);

		for (uint32_t k = 0; group != NULL && k < PARTITIONS_PER_GROUP; k++) {
			if (atomic_load_explicit(&group->partition[k].made, memory_order_acquire))
				ck_hs_destroy(&group->partition[k].hs);
		}
		mem_free(group);
		atomic_store_explicit(&table->group[i], NULL, memory_order_relaxed);
	}
}
