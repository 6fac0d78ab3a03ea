/*
 * Trees: making and freeing them, finding and listing keys, and the reads of workers.
 */
#include "engine/operation.h"

#include "base/give_way.h"
#include "base/memory.h"
#include "engine/prefetch.h"

struct tree *
tree_make(struct engine *engine, uint64_t id, uint64_t generation)
{
	struct tree *tree = mem_alloc_zeroed(sizeof(*tree));

	if (tree == NULL)
		return NULL;
	tree->engine = engine;
	tree->id = id;
	atomic_init(&tree->generation, generation);
	atomic_init(&tree->settled, generation);
	return tree;
}

void
tree_destroy(struct tree *tree)
{
	if (tree == NULL)
		return;
	partition_table_deinit(&tree->table);
	mem_free(tree);
}

static void
destroy_retired(struct epoch_retired *retired)
{
	tree_destroy((struct tree *)(void *)retired); /* first member */
}

void
tree_retire(struct tree *tree)
{
	epoch_retire(&tree->retired_node, destroy_retired, sizeof(*tree) + partition_table_bytes(&tree->table));
}

/*
 * A name is led elsewhere, or nowhere, only after `retired` is set (G3), under the directory's lock; so at the moment at which
 * it is seen unset, the name leads here. Who has seen a later tree of the name, or that it is gone, sees it set: its store
 * comes before the release store of the entry's pointer (D1).
 */
bool
tree_is_current(const struct tree *tree)
{
	return !atomic_load_explicit(&tree->retired, memory_order_acquire); /* G3 */
}

uint64_t
tree_id(const struct tree *tree)
{
	return tree->id;
}

uint64_t
tree_generation(const struct tree *tree)
{
	return atomic_load_explicit(&tree->generation, memory_order_acquire);
}

uint64_t
tree_key_count(struct tree *tree)
{
	return partition_table_count(&tree->table);
}

const char *
tree_name(const struct tree *tree, size_t *ret_bytes)
{
	assert(tree->entry != NULL);
	*ret_bytes = tree->entry->name.bytes;
	return tree->entry->name.data;
}

uint64_t
tree_order(const struct tree *tree)
{
	assert(tree->entry != NULL);
	return tree->entry->order;
}

/* Under the partition's lock, so that the record is not removed meanwhile. */
void
tree_list_key(struct operation *op, struct key_record *record)
{
	struct tree *tree = op->tree;

	/* Relaxed: a stale look costs a lock, no more. */
	if ((atomic_load_explicit(&record->state, memory_order_relaxed) & RECORD_UNLISTED) == 0)
		return;
	struct partition *partition = partition_lock(&tree->table, record->key);
	/* Relaxed: state bits order nothing, the lock does. */
	uint32_t before = atomic_fetch_and_explicit(&record->state, ~(uint32_t)RECORD_UNLISTED, memory_order_relaxed);

	if ((before & RECORD_UNLISTED) != 0) {
		atomic_fetch_sub_explicit(&tree->unlisted_count, 1, memory_order_relaxed);
		op->listed = partition_sequence_next(&tree->table);
	}
	partition_unlock(partition);
}

struct key_record *
tree_record_get(struct operation *op, uint64_t key)
{
	struct key_record *record = partition_find(&op->tree->table, key);

	if (record == NULL)
		record = partition_insert(&op->tree->table, key, op->generation, 0, &op->listed);
	if (record != NULL)
		tree_list_key(op, record);
	return record;
}

struct key_record *
tree_record_for_decision(struct operation *op, uint64_t key)
{
	struct tree *tree = op->tree;
	struct key_record *record = partition_find(&tree->table, key);
	uint64_t made = 0;

	if (record == NULL) {
		record = partition_insert(&tree->table, key, op->generation, RECORD_UNLISTED, &made);
		if (made != 0)
			atomic_fetch_add_explicit(&tree->unlisted_count, 1, memory_order_relaxed);
	}
	return record;
}

/* ---- reads ---- */

static struct key_record *
find_listed(struct tree *tree, uint64_t key)
{
	struct key_record *record = partition_find(&tree->table, key);

	return record != NULL && key_record_is_listed(record) ? record : NULL;
}

uint64_t
tree_total(struct tree *tree, uint64_t key)
{
	struct key_record *record = partition_find(&tree->table, key);

	return record == NULL ? 0 : key_record_total(record);
}

uint64_t
tree_counted(struct tree *tree, uint64_t key)
{
	struct key_record *record = partition_find(&tree->table, key);
	const uint64_t total = record == NULL ? 0 : atomic_load_explicit(&record->total, memory_order_acquire);

	return (total & WORD_DEAD) != 0 ? 0 : word_value(total);
}

static void
sum_day(void *context, uint32_t day, uint64_t count)
{
	uint64_t *sum = context;

	(void)day;
	*sum += count;
}

uint64_t
tree_sum_range(struct tree *tree, uint64_t key, uint64_t from, uint64_t to)
{
	uint64_t sum = 0;

	(void)tree_days(tree, key, from, to, sum_day, &sum);
	return sum;
}

bool
tree_days(struct tree *tree, uint64_t key, uint64_t from, uint64_t to, tree_day_fn *visit, void *context)
{
	struct key_record *record = find_listed(tree, key);

	if (record == NULL)
		return false;
	tree_key_days(record, from, to, visit, context);
	return true;
}

uint64_t
tree_key_total(struct key_record *record)
{
	return key_record_total(record);
}

void
tree_key_days(struct key_record *record, uint64_t from, uint64_t to, tree_day_fn *visit, void *context)
{
	struct slot_cursor cursor = { 0 };
	_Atomic uint32_t *day_field = NULL;
	_Atomic uint64_t *word = NULL;

	while (slot_next(record, &cursor, &day_field, &word)) {
		uint32_t day = atomic_load_explicit(day_field, memory_order_acquire); /* E3 */

		if (day == 0 || --day > DAY_MAX || day < from || day > to)
			continue;
		uint64_t seen = atomic_load_explicit(word, memory_order_acquire);

		if (word_is_present(seen))
			visit(context, day, word_value(seen));
	}
}

/* ---- whole trees ---- */

struct scan {
	tree_key_fn *visit;
	void *context;
	unsigned passed;
};

static int
scan_record(void *context, struct key_record *record)
{
	struct scan *scan = context;

	give_way_now_and_then(&scan->passed);
	return key_record_is_listed(record) ? scan->visit(scan->context, record->key, record) : 0;
}

int
tree_scan_keys(struct tree *tree, tree_key_fn *visit, void *context)
{
	struct scan scan = { .visit = visit, .context = context };

	return partition_walk(&tree->table, scan_record, &scan);
}

/* ---- prefetch ---- */

void
key_prefetch_begin(struct key_prefetch *prefetch, struct tree *tree, uint64_t key)
{
	prefetch->hash = key_hash(key);
	prefetch->partition = partition_place(&tree->table, prefetch->hash);
	if (prefetch->partition != NULL)
		__builtin_prefetch(prefetch->partition);
}

/* Its map can be looked at. */
static bool
prefetch_is_made(const struct key_prefetch *prefetch)
{
	return prefetch->partition != NULL && partition_is_made(prefetch->partition);
}

void
key_prefetch_map(const struct key_prefetch *prefetch)
{
	if (prefetch_is_made(prefetch))
		prefetch_map(&prefetch->partition->hs);
}

void
key_prefetch_slot(const struct key_prefetch *prefetch)
{
	if (prefetch_is_made(prefetch))
		prefetch_slot(&prefetch->partition->hs, prefetch->hash);
}

void
key_prefetch_record(const struct key_prefetch *prefetch)
{
	if (prefetch_is_made(prefetch))
		prefetch_record(&prefetch->partition->hs, prefetch->hash);
}

void
key_prefetch_all(const struct key_prefetch *prefetches, size_t count)
{
	for (size_t i = 0; i < count; i++)
		key_prefetch_map(&prefetches[i]);
	for (size_t i = 0; i < count; i++)
		key_prefetch_slot(&prefetches[i]);
	for (size_t i = 0; i < count; i++)
		key_prefetch_record(&prefetches[i]);
}
