/*
 * world.h - an engine, the model and the replay of the engine's effects, side by side
 *
 * One thread plays worker, maintenance and scan thread in turn.
 */
#pragma once

#include "karma/engine.h"
#include "model.h"
#include "replay.h"

struct world {
	struct engine *engine;
	struct engine_worker *worker;
	struct effect_buffer effects;
	struct replay replay;
	struct model model;
	uint64_t random;
};

enum { WORLD_EFFECTS = 1 << 16, DAY_FIRST = 20240101 };

void world_init(struct world *world, size_t trees_max, uint64_t seed);
void world_deinit(struct world *world);

/* NULL when missing. Inside the section. */
struct tree *world_tree(struct world *world, const char *name);

/* Applies the effects to the replay. Each must bear the present generation of its tree and the present tag; a call that
 * did not succeed must have none. Inside the section. */
void world_drain(struct world *world, int outcome);

/* Total, days and a range of one key, engine against model. Inside the section. */
void world_compare_key(struct world *world, const char *name, uint64_t key);

/* Names and their order, keys, totals, days, and every word of the replay. Outside the section. */
void world_compare(struct world *world);

/* A cut of one tree against the model as it was before; `beside` runs now and then while the cut goes on (NULL: not). */
void world_cut(struct world *world, const char *name, void (*beside)(struct world *world, const char *name));

/* Records removed must be those of the model at least (unlisted ones may come on top). */
void world_compact(struct world *world, const char *name, bool empty);

/* Builds a tree of random keys, publishes it under the name, in the model too. Returns the outcome. */
int world_load(struct world *world, const char *name, uint32_t keys, uint32_t days);
