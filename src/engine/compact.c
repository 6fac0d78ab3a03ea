/*
 * Giving memory back, key by key, beside the workers: the maintenance thread only, between cuts.
 *
 * A record goes by a CAS of its total from exactly 0 to dead, holding the key and under its partition's lock, after every
 * slot was seen absent: adds change total first, so an add on its way makes the CAS fail, and one that comes later finds
 * the word dead and starts over from the lookup. Who decides holds the key and so finds it dead, too.
 * For the log the removal of a listed key is a decision: its tag is loaded after the last look and before the CAS.
 *
 * A day block goes when it is the oldest, not the newest, and all its days are absent: each word by a CAS from absent 0 to
 * dead, so an add on its way makes that fail, and one that comes later claims its day anew in the newest block. The block
 * is unlinked when all of it is dead.
 */
#include "base/give_way.h"
#include "base/memory.h"
#include "engine/hold.h"
#include "engine/sections.h"

/* Memory to be freed behind its readers; the object itself must stay as it is for them. */
struct retired_block {
	struct epoch_retired retired;
	void *block;
};

static void
destroy_block(struct epoch_retired *retired)
{
	struct retired_block *node = (struct retired_block *)(void *)retired; /* first member */

	mem_free(node->block);
	mem_free(node);
}

/*
 * The blocks of a record go with it, and only now: who found it before it was dead may still push one more until its
 * section ends.
 */
static void
destroy_record(struct epoch_retired *retired)
{
	struct retired_block *node = (struct retired_block *)(void *)retired; /* first member */

	key_record_free_blocks(node->block);
	mem_free(node->block);
	mem_free(node);
}

struct compaction {
	struct engine_worker *worker;
	struct tree *tree;
	bool records; /* removes unlisted records */
	bool empty;   /* and empty ones */
	bool blocks;  /* gives day blocks back */
	uint64_t removed;
	struct retired_block *node; /* made before it is needed */
};

static bool
all_absent(struct key_record *record)
{
	struct slot_cursor cursor = { 0 };
	_Atomic uint32_t *day = NULL;
	_Atomic uint64_t *word = NULL;

	while (slot_next(record, &cursor, &day, &word)) {
		if (word_is_present(atomic_load_explicit(word, memory_order_acquire)))
			return false;
	}
	return true;
}

/* Takes the spare node for a block or a record. */
static void
retire(struct compaction *compaction, void *block, size_t bytes, void (*destroy)(struct epoch_retired *retired))
{
	struct retired_block *node = compaction->node;

	compaction->node = NULL;
	node->block = block;
	epoch_retire(&node->retired, destroy, bytes);
}

/* A listed key that goes is logged; so it stays while there is no room for that. */
static bool
has_room(const struct compaction *compaction)
{
	const struct effect_buffer *buffer = compaction->worker->effects;

	return buffer == NULL || buffer->count < buffer->capacity;
}

/* Under the partition's lock. */
static void
log_unlisted(struct compaction *compaction, uint64_t key, uint64_t tag)
{
	struct tree *tree = compaction->tree;
	struct operation op = {
		.worker = compaction->worker,
		.tree = tree,
		/* Relaxed: between cuts, which are this thread's, it stands still; every section that is open is in it. */
		.generation = atomic_load_explicit(&tree->generation, memory_order_relaxed),
		.tag = tag,
	};

	if (op.worker->effects == NULL)
		return;
	assert(epoch_in_section(op.worker->epoch));
	/* Only this thread raises it, but for the creation, which was before. */
	if (atomic_load_explicit(&tree->tag_floor, memory_order_relaxed) < tag)
		atomic_store_explicit(&tree->tag_floor, tag, memory_order_relaxed);
	effect_add(&op, EFFECT_UNLISTED, key, 0, partition_sequence_next(&tree->table));
}

/* Holding the key. */
static bool
remove_record(struct compaction *compaction, struct key_record *record)
{
	struct partition *partition = partition_lock(&compaction->tree->table, record->key);
	uint64_t seen = atomic_load_explicit(&record->total, memory_order_acquire);
	/* Relaxed: listed and unlisted under the lock, which we have. */
	bool unlisted = (atomic_load_explicit(&record->state, memory_order_relaxed) & RECORD_UNLISTED) != 0;
	bool removable = unlisted ? compaction->records : compaction->empty && has_room(compaction);

	removable = removable && word_value(seen) == 0 && all_absent(record);
	uint64_t tag = engine_log_epoch(compaction->tree->engine);
	bool removed = removable && atomic_compare_exchange_strong_explicit(&record->total, &seen, seen | WORD_DEAD,
	                                                                    memory_order_acq_rel, memory_order_relaxed);

	if (removed && unlisted) {
		/* Cleared, so that who waits for the lock to list it neither counts nor logs it once more. */
		atomic_fetch_and_explicit(&record->state, ~(uint32_t)RECORD_UNLISTED, memory_order_relaxed);
		atomic_fetch_sub_explicit(&compaction->tree->unlisted_count, 1, memory_order_relaxed);
	} else if (removed) {
		log_unlisted(compaction, record->key, tag);
	}
	if (removed)
		partition_remove(partition, record);
	partition_unlock(partition);
	return removed;
}

/* Holding the key. Returns the block when all of its words are dead now. */
static struct day_block *
kill_oldest_block(struct key_record *record)
{
	struct day_block *newer = atomic_load_explicit(&record->newest, memory_order_acquire), *oldest = NULL;

	while (newer != NULL && (oldest = atomic_load_explicit(&newer->older, memory_order_acquire)) != NULL &&
	       atomic_load_explicit(&oldest->older, memory_order_acquire) != NULL)
		newer = oldest;
	if (newer == NULL || oldest == NULL)
		return NULL;
	_Atomic uint64_t *words = day_block_words(oldest);

	for (uint32_t i = 0; i < oldest->slot_count; i++) {
		if (word_is_present(atomic_load_explicit(&words[i], memory_order_acquire)))
			return NULL;
	}
	for (uint32_t i = 0; i < oldest->slot_count; i++) {
		uint64_t seen = atomic_load_explicit(&words[i], memory_order_acquire);

		if ((seen & WORD_DEAD) != 0)
			continue; /* of an earlier call that an add interrupted */
		if (word_is_present(seen) ||
		    !atomic_compare_exchange_strong_explicit(&words[i], &seen, seen | WORD_DEAD, memory_order_acq_rel,
		                                             memory_order_relaxed))
			return NULL;
	}
	atomic_store_explicit(&newer->older, NULL, memory_order_release);
	return oldest;
}

static bool
is_candidate(const struct compaction *compaction, struct key_record *record)
{
	struct day_block *newest;

	if (compaction->empty)
		return true;
	if (compaction->blocks) {
		newest = atomic_load_explicit(&record->newest, memory_order_acquire); /* E2 */
		return newest != NULL && atomic_load_explicit(&newest->older, memory_order_acquire) != NULL;
	}
	/* Relaxed: only to skip most keys without holding them. */
	return (atomic_load_explicit(&record->state, memory_order_relaxed) & RECORD_UNLISTED) != 0;
}

static int
compact_record(void *context, struct key_record *record)
{
	struct compaction *compaction = context;

	if (!is_candidate(compaction, record))
		return 0;
	if (compaction->node == NULL)
		compaction->node = mem_alloc(sizeof(*compaction->node));
	if (compaction->node == NULL)
		return -ENOMEM; /* no memory to give memory back: next time */
	if (!key_hold(record))
		return 0;
	if (remove_record(compaction, record)) {
		compaction->removed++;
		retire(compaction, record, sizeof(*record), destroy_record);
		return 0;
	}
	struct day_block *block = compaction->blocks ? kill_oldest_block(record) : NULL;

	key_release(record);
	if (block != NULL)
		retire(compaction, block, day_block_bytes(block->slot_count), destroy_block);
	return 0;
}

uint64_t
tree_compact(struct engine_worker *worker, struct tree *tree, bool empty)
{
	struct compaction compaction = {
		.worker = worker,
		.tree = tree,
		.records = true,
		.empty = empty,
		.blocks = empty,
	};

	/* Relaxed: a refused add that is missed now is met the next time. */
	if (!empty && atomic_load_explicit(&tree->unlisted_count, memory_order_relaxed) == 0)
		return 0;
	(void)partition_walk(&tree->table, compact_record, &compaction);
	mem_free(compaction.node);
	return compaction.removed;
}

void
tree_compact_days(struct engine_worker *worker, struct tree *tree)
{
	struct compaction compaction = { .worker = worker, .tree = tree, .blocks = true };

	(void)partition_walk(&tree->table, compact_record, &compaction);
	mem_free(compaction.node);
}

/* ---- all that is empty, logged in sections ---- */

struct emptying {
	struct sections sections;
	struct compaction keys;   /* of those without a count */
	struct compaction blocks; /* of the others */
	unsigned passed;
};

static int
empty_key(void *context, struct key_record *record)
{
	struct compaction *keys = context;
	int r = tree_forget_zeros(keys->worker, keys->tree, record->key);

	/* It has made sure of room for more than what it logged. */
	return r == 0 ? compact_record(keys, record) : r;
}

static int
empty_record(void *context, struct key_record *record)
{
	struct emptying *emptying = context;

	if (!emptying->sections.open)
		give_way_now_and_then(&emptying->passed);
	/* Relaxed: only to pass by most keys without holding them. */
	if (word_value(atomic_load_explicit(&record->total, memory_order_relaxed)) > 0)
		return compact_record(&emptying->blocks, record);
	return sections_do(&emptying->sections, empty_key, &emptying->keys, record);
}

int
tree_compact_all(struct engine_worker *worker, const char *name, size_t bytes, const struct section_steps *steps)
{
	struct tree *tree = engine_pin_tree(worker->engine, name, bytes);
	struct emptying emptying = {
		.sections = { .worker = worker, .steps = steps },
		.keys = { .worker = worker, .tree = tree, .records = true, .empty = true, .blocks = true },
		.blocks = { .worker = worker, .tree = tree, .blocks = true },
	};

	if (tree == NULL)
		return ENGINE_MISSING;
	int r = partition_walk(&tree->table, empty_record, &emptying);

	sections_end(&emptying.sections);
	mem_free(emptying.keys.node);
	mem_free(emptying.blocks.node);
	return r;
}
