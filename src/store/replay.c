/*
 * replay.c - the log, block by block
 *
 * What lives afterwards: (ids that the manifest lists + CREATE) - DROP - ids that a CREATE names as replaced. Ids are never
 * reused, so it does not matter in which order the three are met. A record belongs to a tree that it names by id; of a tree
 * that does not live it is passed over, and so is one of a generation that the tree's dump holds already.
 *
 * A CREATE is tagged before the name is visible, so everything else about that id stands in the same block or later: per
 * block first all CREATEs, then what ends trees, then the counts. Counts commute; LISTED and UNLISTED of one key do not,
 * but two blocks have them in the right order (operation.h), so only a block that has an UNLISTED is sorted.
 */
#include "store/replay.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "log/log.h"
#include "store/applier.h"
#include "store/fault.h"
#include "store/restore_ledger.h"

enum { REPLAY_STOPPED = 1 }; /* the restoration's fault says why */

/* The numbers of a growing array. */
struct list {
	void *items;
	size_t count;
	size_t capacity;
};

struct replay {
	struct restoration *restoration;
	struct applier *applier;
	struct found_tree *last; /* the next record is often of the same tree */
	struct list gone;        /* of a block: ids (uint64_t) that end in it */
	struct list listings;    /* struct load_effect: LISTED and UNLISTED of a block that has an UNLISTED */
	bool has_unlisted;
	uint64_t id_highest;
	uint64_t ignored;
};

static void *
list_push(struct list *list, size_t item_bytes)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity > 0 ? 2 * list->capacity : 64;
		void *items = mem_realloc(list->items, capacity * item_bytes);

		if (items == NULL)
			return NULL;
		list->items = items;
		list->capacity = capacity;
	}
	return (char *)list->items + list->count++ * item_bytes;
}

static int
out_of_memory(struct replay *replay)
{
	store_fault_set(replay->restoration->fault, "there is not enough memory to restore");
	return REPLAY_STOPPED;
}

/* ---- first: which trees there are ---- */

static int
see_end(struct replay *replay, uint64_t id)
{
	uint64_t *gone = list_push(&replay->gone, sizeof(*gone));

	if (gone == NULL)
		return out_of_memory(replay);
	*gone = id;
	return 0;
}

static int
see_create(struct replay *replay, const struct wal_record *record)
{
	struct restoration *restoration = replay->restoration;
	struct found_tree *found = tree_set_find(&restoration->trees, record->tree_id);
	bool staged = found != NULL && found->state == FOUND_STAGED;

	if (found == NULL)
		found = tree_set_add(&restoration->trees, record->tree_id);
	if (found == NULL || found_tree_name(found, record->name, record->name_bytes) < 0)
		return out_of_memory(replay);
	if (found->state == FOUND_GONE)
		return 0;
	found->state = FOUND_LIVE;
	found->listed.order = record->generation;
	if (found->tree == NULL &&
	    (staged ? restore_listed(restoration, found) : restore_created(restoration, found)) < 0)
		return REPLAY_STOPPED;
	return record->key != 0 ? see_end(replay, record->key) : 0;
}

static int
see_record(void *context, const struct wal_record *record)
{
	struct replay *replay = context;

	if (record->tree_id > replay->id_highest)
		replay->id_highest = record->tree_id;
	replay->has_unlisted |= record->kind == WAL_UNLISTED;
	if (record->kind == WAL_CREATE)
		return see_create(replay, record);
	return record->kind == WAL_DROP ? see_end(replay, record->tree_id) : 0;
}

static int
end_trees(struct replay *replay)
{
	const uint64_t *gone = replay->gone.items;

	if (replay->gone.count > 0 && applier_settle(replay->applier) < 0)
		return out_of_memory(replay);

	for (size_t i = 0; i < replay->gone.count; i++) {
		struct found_tree *found = tree_set_find(&replay->restoration->trees, gone[i]);

		if (found != NULL)
			found_tree_drop(found);
	}
	replay->gone.count = 0;
	return 0;
}

/* ---- then: what they hold ---- */

static struct found_tree *
find_tree(struct replay *replay, uint64_t id)
{
	if (replay->last == NULL || replay->last->id != id)
		replay->last = tree_set_find(&replay->restoration->trees, id);
	return replay->last;
}

static int
apply_effect(struct replay *replay, const struct load_effect *effect)
{
	return applier_add(replay->applier, effect) < 0 ? out_of_memory(replay) : 0;
}

static int
apply_count(struct replay *replay, struct found_tree *found, const struct wal_record *record)
{
	const struct load_effect effect = {
		.tree = found->tree,
		.key = record->key,
		.delta = record->delta,
		.day = record->day,
		.kind = record->kind == WAL_TOTAL ? EFFECT_TOTAL : EFFECT_DAY,
		.total_too = record->kind == WAL_ADD,
	};

	static_assert((uint32_t)WAL_DAY_MAX == DAY_BELOW, "a record's day is one that the engine takes");
	return apply_effect(replay, &effect);
}

static int
apply_listing(struct replay *replay, struct found_tree *found, const struct wal_record *record)
{
	const struct load_effect effect = {
		.tree = found->tree,
		.key = record->key,
		.delta = record->delta,
		.kind = record->kind == WAL_LISTED ? EFFECT_LISTED : EFFECT_UNLISTED,
	};
	struct load_effect *later;

	if (!replay->has_unlisted)
		return apply_effect(replay, &effect);
	later = list_push(&replay->listings, sizeof(*later));
	if (later == NULL)
		return out_of_memory(replay);
	*later = effect;
	return 0;
}

static int
apply_ledger(struct replay *replay, const struct wal_record *record)
{
	int r = restore_ledger_body(replay->restoration, (const uint8_t *)record->name, record->name_bytes);

	return r == -ENOMEM ? out_of_memory(replay) : r;
}

static int
apply_record(void *context, const struct wal_record *record)
{
	struct replay *replay = context;
	struct found_tree *found;

	if (record->kind == WAL_CREATE || record->kind == WAL_DROP)
		return 0;
	if (record->kind == WAL_LEDGER)
		return apply_ledger(replay, record);
	found = find_tree(replay, record->tree_id);
	if (found == NULL || found->tree == NULL) {
		replay->ignored++;
		return 0;
	}
	if (record->generation > found->generation)
		found->generation = record->generation;
	if (record->generation <= found->held)
		return 0;
	found->records++;
	if (record->kind == WAL_LISTED || record->kind == WAL_UNLISTED)
		return apply_listing(replay, found, record);
	return apply_count(replay, found, record);
}

/* Sequences are a tree's: those of different trees do not matter to each other. */
static int
by_sequence(const void *a, const void *b)
{
	uint64_t first = ((const struct load_effect *)a)->delta;
	uint64_t second = ((const struct load_effect *)b)->delta;

	return (first > second) - (first < second);
}

static int
apply_listings(struct replay *replay)
{
	struct load_effect *listings = replay->listings.items;
	int r = 0;

	if (replay->listings.count > 0)
		qsort(listings, replay->listings.count, sizeof(*listings), by_sequence);
	for (size_t i = 0; i < replay->listings.count && r == 0; i++)
		r = apply_effect(replay, &listings[i]);
	replay->listings.count = 0;
	return r;
}

static int
apply_block(void *context, const struct wal_block_header *block, const uint8_t *payload)
{
	struct replay *replay = context;

	replay->has_unlisted = false;
	int r = wal_payload_each(payload, block->payload_bytes, see_record, replay);

	if (r == 0)
		r = end_trees(replay);
	if (r == 0)
		r = wal_payload_each(payload, block->payload_bytes, apply_record, replay);
	if (r == 0)
		r = apply_listings(replay);
	if (r >= 0)
		return r;
	char file[64];

	wal_segment_name(block->sequence, file);
	store_fault_set(replay->restoration->fault, "%s: the block of epoch %" PRIu64 " holds no records", file,
	                block->epoch);
	return REPLAY_STOPPED;
}

/* ---- the whole ---- */

static void
log_outcome(const struct replay *replay, const struct wal_recovered *recovered)
{
	const struct restoration *restoration = replay->restoration;
	uint64_t applied = 0;

	for (size_t i = 0; i < restoration->trees.count; i++)
		applied += restoration->trees.entries[i]->records;
	if (recovered->cut_bytes > 0 && recovered->damage)
		log_warn("damage in the log: it and what follows was cut off", log_string("file", recovered->cut_file),
		         log_u64("offset", recovered->cut_offset), log_u64("bytes", recovered->cut_bytes));
	else if (recovered->cut_bytes > 0)
		log_warn("torn end of the log cut off", log_string("file", recovered->cut_file),
		         log_u64("offset", recovered->cut_offset), log_u64("bytes", recovered->cut_bytes));
	log_info("log replayed", log_u64("segments", recovered->segments), log_u64("blocks", recovered->blocks),
	         log_u64("bytes", recovered->bytes), log_u64("records", applied),
	         log_u64("of_dropped_trees", replay->ignored));
}

static int
fail(struct restoration *restoration, int r, const struct wal_fault *fault)
{
	if (r != REPLAY_STOPPED)
		store_fault_set(restoration->fault, "%s%s", fault->text,
		                r == -EBADMSG ? " (--wal-truncate-at-damage goes on with what is before)" : "");
	return -1;
}

int
replay_log(struct restoration *restoration, const struct manifest_log *log)
{
	struct store *store = restoration->store;
	struct replay replay = { .restoration = restoration };
	struct wal_recover_options options = {
		.device = store->reads_only ? wal_device_reading(&store->directory_fd)
		                            : wal_device_directory(&store->directory_fd),
		.sequence_first = log->first,
		.synced = log->synced,
		.truncate_at_damage = store->options.wal_truncate_at_damage,
		.looks_only = store->reads_only,
	};
	struct wal_recovered *recovered = &restoration->restored->log;
	struct wal_fault fault;

	memcpy(options.identity, store->identity, sizeof(options.identity));
	static_assert(sizeof(options.identity) == sizeof(store->identity), "one identity for all files");
	int r = applier_create(&replay.applier);

	if (r < 0)
		return fail(restoration, out_of_memory(&replay), &fault);
	r = wal_recover(&options, apply_block, &replay, recovered, &fault);
	if (applier_settle(replay.applier) < 0)
		r = out_of_memory(&replay); /* it was before anything that was read behind */
	applier_destroy(replay.applier);
	mem_free(replay.gone.items);
	mem_free(replay.listings.items);
	if (r != 0)
		return fail(restoration, r, &fault);
	engine_tree_id_raise(store->engine, replay.id_highest + 1);
	engine_today_advance(store->engine, recovered->today);
	if (log->first == 0)
		return 0;
	restoration->restored->damage |= recovered->damage;
	log_outcome(&replay, recovered);
	return 0;
}
