/*
 * field.h - an engine with one tree to work on, and a worker's batches on it
 */
#pragma once

#include <stdint.h>

#include "karma/engine.h"

enum { FIELD_BATCH_MAX = 1024, FIELD_DAY = 20240101 };

enum field_kind {
	FIELD_ADD,
	FIELD_SUM,
	FIELD_MIXED, /* in turn */
	FIELD_PLAIN, /* adds without any prefetching, as requests would find it that come one by one */
	FIELD_KINDS,
};

struct field {
	struct engine *engine;
	uint64_t keys; /* in the tree: random_key(0) … random_key(keys - 1) */
};

/* An engine with an empty tree. It lasts as long as the process. */
void field_make(struct field *field);

/* The tree, inside the worker's section. */
struct tree *field_tree(struct engine_worker *worker);

/* Adds 1 to a day of keys 0 … keys - 1, in batches of 64, by so many threads. Returns how many a second. */
double field_fill(struct field *field, uint64_t keys, uint32_t day, unsigned threads);

/*
 * What a worker does with a batch, inside its section: fetches what leads to the slots of all keys, then the records some keys
 * ahead of the one it is at. Returns a sum that hangs on what was read.
 */
uint64_t field_batch(struct engine_worker *worker, struct tree *tree, enum field_kind kind, const uint64_t *keys,
                     unsigned count, uint32_t day);
