/*
 * engine_internal.h - the engine's own structures, for the files of engine/ only
 *
 * Edges
 *   G1  generation: store in tree_cut() -> load acquire in operation_begin(). Quiescence (Q1, Q2) does the rest.
 *   G2  settled: store release in tree_cut(), after the walk -> load acquire in word_change(), after the load of the word:
 *       who sees settled ≥ m knows that every word carries the parity of m or of m + 1.
 *   G3  retired: store release before the swap in directory.c -> load acquire of deciders after they hold,
 *       and of tree_is_current().
 *   D1  a tree: store release of directory_entry.tree -> load acquire in tree_find(). Who sees the tree sees it built.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ck_hs.h>

#include "base/lock.h"
#include "base/mutant.h"
#include "engine/note.h"
#include "engine/partition.h"
#include "epoch/epoch.h"
#include "karma/engine.h"

struct directory_entry;

struct tree {
	struct epoch_retired retired_node; /* first: what epoch_retire() takes */
	struct engine *engine;
	struct directory_entry *entry; /* the name; NULL before it is published */
	uint64_t id;
	_Atomic uint64_t generation; /* G1 */
	_Atomic uint64_t settled;    /* G2 */
	_Atomic bool retired;        /* G3: dropped or replaced */
	_Atomic uint64_t unlisted_count;
	_Atomic uint64_t tag_floor; /* no add of this tree may borrow a tag below: see operation_tag_add() */
	struct partition_table table;
};

/* What the directory's map compares: both stored entries and what is looked for begin with it. */
struct directory_name {
	const char *data;
	size_t bytes;
};

struct directory_entry {
	struct directory_name name; /* into text */
	struct epoch_retired retired_node;
	_Atomic(struct tree *) tree; /* D1; NULL: dropped */
	uint64_t order;              /* of creation */
	char text[];
};

struct directory {
	struct lock lock; /* whoever changes names or what they lead to; nothing is waited for under it */
	ck_hs_t hs;
	bool made;
	uint32_t trees_max;
	uint32_t count; /* under the lock */
	uint64_t order_next;
	_Atomic uint64_t version;
};

struct engine {
	_Atomic uint32_t today;
	_Atomic uint64_t log_epoch;
	_Atomic uint64_t tree_id_next;
	struct directory directory;
	struct lock workers_lock;
	struct engine_worker *workers;
	bool cutting; /* under workers_lock */
};

/* A word that a holder looked at, and what it saw. */
struct looked {
	_Atomic uint64_t *word;
	uint64_t seen;
	uint32_t day;
};

struct engine_worker {
	struct engine *engine;
	struct epoch_worker *epoch;
	struct effect_buffer *effects;
	struct looked *looked; /* scratch of holders */
	size_t looked_capacity;
	struct note_list notes;
	struct engine_worker *next; /* of the engine's workers */
	bool departed;              /* under workers_lock: only its notes are still wanted, by the cut under way */
};

/* Takes a worker that is in no list any more. */
void engine_worker_free(struct engine_worker *worker);

/* directory.c */
int directory_init(struct directory *directory, uint32_t trees_max);
void directory_deinit(struct directory *directory);

/* tree.c */
struct tree *tree_make(struct engine *engine, uint64_t id, uint64_t generation);
void tree_destroy(struct tree *tree); /* NULL is fine */
void tree_retire(struct tree *tree);

struct operation;

/* Finds a listed record for an add, or makes it. That it was listed by this operation stands in op->listed, to be logged
 * by operation_log_listed(). NULL when memory is out. */
struct key_record *tree_record_get(struct operation *op, uint64_t key);

/* Finds a record for a decision, or makes it unlisted. NULL when memory is out. */
struct key_record *tree_record_for_decision(struct operation *op, uint64_t key);

/* Lists a record that was made for a decision, as above; nothing if it is listed. */
void tree_list_key(struct operation *op, struct key_record *record);
