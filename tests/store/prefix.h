/*
 * prefix.h - writers with a log, and what each prefix of the log must show; for test_prefix.c
 *
 * All count in one tree, on few keys, so that they collide:
 *
 *   free      everything is done to them
 *   limited   fed by tree_acquire() alone, so the sum of their days never passes PREFIX_LIMIT
 *   gated     fed by requests that add 1 to each of them, key by key, in sections of their own, with one tag: always alike
 *   private   one for each writer, which alone adds 1 at a time: what it has acknowledged stands there
 *   fill      fed by tree_acquire() up to FILL_LIMIT, never taken from: when somebody was refused, it is full
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "karma/engine.h"
#include "store/effect_log.h"
#include "wal/memory_device.h"
#include "wal/wal.h"

enum {
	PREFIX_DAY = 20240101,
	PREFIX_DAYS = 3,
	PREFIX_LIMIT = 20,
	FILL_LIMIT = 6,
	WRITERS_MAX_HERE = 16,
	KEY_LIMITED = 4,
	KEY_GATED = 6,
	KEY_PRIVATE = 10,
	KEY_FILL = KEY_PRIVATE + WRITERS_MAX_HERE,
	KEYS = KEY_FILL + 40000,
	PENDING_MAX = 1024,
};

/* In the prefix up to epoch, and in each longer one, the key's total is at least that. */
struct claim {
	uint64_t epoch;
	uint64_t key;
	uint64_t least;
};

struct claims {
	struct claim *claims; /* in the order of epochs */
	size_t count, capacity;
};

/* A reply that is held. */
struct pending {
	uint64_t hold;
	uint64_t full; /* key that is full, by this reply; 0: it tells of an add to the writer's own key */
};

struct prefix;

struct prefix_writer {
	struct prefix *prefix;
	uint32_t index;
	struct engine_worker *worker;
	struct effect_log log;
	struct tree *tree; /* in the section */
	uint64_t random;
	struct pending pending[PENDING_MAX]; /* a ring */
	uint64_t pending_first, pending_end;
	uint64_t acknowledged; /* adds to the own key */
	struct claims claims;
	uint64_t operations, gated, refused, held;
	_Atomic bool busy;
	pthread_t thread;
};

struct prefix {
	struct memory_device *memory;
	struct engine *engine;
	struct wal *wal;
	struct prefix_writer *writers;
	uint32_t writer_count;
	_Atomic uint64_t fill; /* the key being filled */
	_Atomic bool stop;
};

struct prefix_sums {
	uint64_t operations, gated, refused, held, claims, blocks, groups;
};

/* A writer's thread. */
void *prefix_write(void *writer);

/* Reads the log back: every prefix is judged, every claim is looked for, and the end is the tree's. */
void prefix_check(struct prefix *prefix, const uint8_t *identity, uint64_t sequence, struct prefix_sums *sums);
