/*
 * model.h - the engine's rules in slow, obvious, single-threaded form
 *
 * A model holds trees in order of creation, a tree its listed keys in ascending order, a key its days and the total
 * that the original would show (which may differ from the sum of the days). Outcomes are those of enum engine_outcome.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model_day {
	uint32_t day;
	uint64_t count;
};

struct model_key {
	uint64_t key;
	uint64_t shown;
	struct model_day *days;
	size_t day_count;
};

struct model_tree {
	char name[32];
	struct model_key *keys;
	size_t key_count;
};

struct model {
	struct model_tree **trees;
	size_t tree_count;
	size_t trees_max;
	uint32_t today;
};

struct model_acquire_item {
	struct model_tree *tree;
	uint64_t key, amount, limit, from, to;
};

void model_init(struct model *model, size_t trees_max, uint32_t today);
void model_deinit(struct model *model);

struct model_tree *model_find(const struct model *model, const char *name);
int model_create(struct model *model, const char *name);
int model_drop(struct model *model, const char *name);
int model_reset(struct model *model, const char *name);
/* Takes tree, and puts it in the place of the tree of this name, or last. */
int model_publish(struct model *model, struct model_tree *tree, const char *name);

struct model_tree *model_tree_new(const char *name);
struct model_tree *model_tree_copy(const struct model_tree *tree);
void model_tree_free(struct model_tree *tree);

struct model_key *model_key_find(const struct model_tree *tree, uint64_t key);
struct model_day *model_day_find(const struct model_key *key, uint32_t day);
/* Find or make. */
struct model_key *model_key_get(struct model_tree *tree, uint64_t key);
struct model_day *model_day_get(struct model_key *key, uint32_t day);
void model_day_remove(struct model_key *key, struct model_day *day);
uint64_t model_days_sum(const struct model_key *key, uint64_t from, uint64_t to);

int model_add(struct model_tree *tree, uint64_t key, uint32_t day, uint64_t amount);
void model_decrement(struct model_tree *tree, uint64_t key, uint32_t today);
uint64_t model_subtract(struct model_tree *tree, uint64_t key, uint32_t day, uint64_t amount);
int model_set(struct model_tree *tree, uint64_t key, uint32_t day, uint64_t count);
void model_delete_range(struct model_tree *tree, uint64_t key, uint64_t from, uint64_t to);
void model_reset_key(struct model_tree *tree, uint64_t key);
int model_acquire(const struct model *model, const struct model_acquire_item *items, size_t count, size_t *ret_refused);
void model_load_key(struct model_tree *tree, uint64_t key, uint64_t total, const struct model_day *days, size_t count);
/* Days at 0 of keys without a count and with a total shown of 0 are gone. */
void model_forget_zeros(struct model_tree *tree);
/* Removes the keys without days and total. Returns how many. */
size_t model_compact(struct model_tree *tree);
