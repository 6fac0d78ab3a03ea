/*
 * recovery.h - a history of effects, its replay, and the comparison of trees; for test_recovery.c
 */
#pragma once

#include "karma/engine.h"

#include <pthread.h>
#include <stdatomic.h>

enum { RECOVERY_ID = 9, RECOVERY_DAY = 20240101 };
#define RECOVERY_NAME "articles"

struct history {
	struct effect *effects;
	size_t count, capacity;
};

void history_append(struct history *history, const struct effect *effect);

/* Moves the effects of one to the end of another. */
void history_join(struct history *all, struct history *part);

/* By tag, and at random within a tag, but for LISTED and UNLISTED, which come by their sequence. */
void history_shuffle(struct history *history, uint64_t *random);

struct recovery_sums {
	uint64_t effects, listed, unlisted, snapshots;
};

/* Of one key the listings' tags must not go down with their sequence, and no sequence come twice. */
void history_check_sequences(struct history *history, struct recovery_sums *sums);

/* What a cut showed: keys in ascending order, each with its days in ascending order. */
struct snapshot_key {
	struct cut_key cut;
	struct cut_day *days;
};

struct snapshot {
	uint64_t generation;
	struct snapshot_key *keys;
	size_t count, capacity;
};

void snapshot_take(struct snapshot *snapshot, struct engine *engine, struct tree *tree);
void snapshot_deinit(struct snapshot *snapshot);

/* Keys that no effect tells of, with differences between total and days. */
void recovery_load_base(struct tree *tree);

/* Applies the effects of epochs up to `epoch` and above `generation`: by batches, with a thread for each part, or one by one.
 * Return the highest generation. */
uint64_t history_apply(struct tree *tree, const struct history *history, uint64_t generation, uint64_t epoch);
uint64_t history_apply_singly(struct tree *tree, const struct history *history, uint64_t generation, uint64_t epoch);

/*
 * Replays what has a tag up to epoch: over a dump the effects of later generations, over the base (NULL) all. The tree must
 * be accepted, and be as expected (unless NULL).
 */
void recovery_check(const struct history *history, const struct snapshot *dump, uint64_t epoch,
                    const struct snapshot *expected);
