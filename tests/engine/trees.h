/*
 * trees.h - who works on the trees of test_stress_trees.c
 */
#pragma once

#include "harness.h"

#include "karma/engine.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	TREES_NAMES = 6,         /* that come and go; one more is kept */
	TREES_DAY = 20240101,    /* the first of */
	TREES_DAYS = 20,         /* days, all of which occur */
	KEPT_KEYS = 16,          /* always there in the kept tree */
	OWN_KEY_FIRST = 16,      /* one for each worker */
	SHARED_KEY_FIRST = 64,   /* any worker's */
	LOADED_KEY_FIRST = 1000, /* in replaced trees */
	TREES_KEYS = 1024,
	IDS_MAX = 1 << 22, /* of which account is kept */
	TREES_EFFECTS = 4096,
	TREES_RETIRED_MAX = 16 << 20, /* then workers wait */
};

struct account {
	uint64_t id;    /* of the tree last met under this name */
	uint64_t added; /* by us to our own key in it */
};

struct trees_worker {
	struct trees *trees;
	struct engine_worker *worker;
	struct effect_buffer effects;
	uint64_t own_key;
	uint64_t random;
	uint64_t operations;
	struct account accounts[TREES_NAMES];
	uint64_t kept[KEPT_KEYS]; /* added to the kept tree */
	uint8_t *met;             /* tree ids, one bit each */
	pthread_t thread;
};

struct trees {
	struct engine *engine;
	struct engine_worker *worker; /* the maintenance thread's */
	struct effect_buffer effects;
	struct trees_worker *workers;
	uint32_t worker_count;
	_Atomic bool stop;
	/* By tree id: the tag of its creation, and the lowest of what was done to it. */
	_Atomic uint64_t *created_at, *first_at;
	uint64_t operations, cuts, scans;
	size_t retired_max;
};

/* The last one, of index TREES_NAMES, is kept. */
const char *trees_name(uint32_t index);

/* Makes the engine and starts the workers. */
void trees_setup(struct trees *trees, const struct run *run);

/* Stops the workers; then what the kept tree has, and the order of tags, must be right. */
void trees_finish(struct trees *trees, const struct run *run);

/* Frees what is ours, after the engine. */
void trees_teardown(struct trees *trees);

/* Takes account of a buffer's tags, and empties it. The owner of the buffer. */
void trees_drain(struct trees *trees, struct effect_buffer *buffer);
