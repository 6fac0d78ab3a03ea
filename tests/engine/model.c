/*
 * model.c - see model.h; written to be read, not to be fast
 */
#include "model.h"
#include "harness.h"

#include "base/limits.h"
#include "karma/engine.h"

#include <stdlib.h>
#include <string.h>

static void *
grown(void *array, size_t count, size_t item_bytes)
{
	void *block = realloc(array, count * item_bytes);

	check(block, "out of memory");
	return block;
}

void
model_init(struct model *model, size_t trees_max, uint32_t today)
{
	*model = (struct model){ .trees_max = trees_max, .today = today };
}

void
model_deinit(struct model *model)
{
	for (size_t i = 0; i < model->tree_count; i++)
		model_tree_free(model->trees[i]);
	free((void *)model->trees);
}

/* ---- trees --------------------------------------------------------------------------------------------------- */

static size_t
tree_index(const struct model *model, const char *name)
{
	size_t i = 0;

	while (i < model->tree_count && strcmp(model->trees[i]->name, name) != 0)
		i++;
	return i;
}

struct model_tree *
model_find(const struct model *model, const char *name)
{
	size_t i = tree_index(model, name);

	return i < model->tree_count ? model->trees[i] : NULL;
}

static void
tree_name_set(struct model_tree *tree, const char *name)
{
	check(strlen(name) < sizeof(tree->name), "name too long for the model");
	memcpy(tree->name, name, strlen(name) + 1);
}

int
model_publish(struct model *model, struct model_tree *tree, const char *name)
{
	size_t i = tree_index(model, name);

	if (i == model->tree_count) {
		if (model->tree_count == model->trees_max) {
			model_tree_free(tree);
			return ENGINE_TREES_FULL;
		}
		model->trees = (struct model_tree **)grown((void *)model->trees, ++model->tree_count, sizeof(void *));
	} else {
		model_tree_free(model->trees[i]);
	}
	tree_name_set(tree, name);
	model->trees[i] = tree;
	return 0;
}

int
model_create(struct model *model, const char *name)
{
	return model_find(model, name) ? ENGINE_EXISTS : model_publish(model, model_tree_new(name), name);
}

int
model_drop(struct model *model, const char *name)
{
	size_t i = tree_index(model, name);

	if (i == model->tree_count)
		return ENGINE_MISSING;
	model_tree_free(model->trees[i]);
	model->tree_count--;
	for (; i < model->tree_count; i++)
		model->trees[i] = model->trees[i + 1];
	return 0;
}

int
model_reset(struct model *model, const char *name)
{
	return model_find(model, name) ? model_publish(model, model_tree_new(name), name) : ENGINE_MISSING;
}

struct model_tree *
model_tree_new(const char *name)
{
	struct model_tree *tree = grown(NULL, 1, sizeof(*tree));

	*tree = (struct model_tree){ 0 };
	tree_name_set(tree, name);
	return tree;
}

struct model_tree *
model_tree_copy(const struct model_tree *tree)
{
	struct model_tree *copy = model_tree_new(tree->name);

	for (size_t i = 0; i < tree->key_count; i++)
		model_load_key(copy, tree->keys[i].key, tree->keys[i].shown, tree->keys[i].days,
		               tree->keys[i].day_count);
	return copy;
}

void
model_tree_free(struct model_tree *tree)
{
	for (size_t i = 0; i < tree->key_count; i++)
		free(tree->keys[i].days);
	free(tree->keys);
	free(tree);
}

/* ---- keys and days ------------------------------------------------------------------------------------------- */

/* The first place whose key is not below this one. */
static size_t
key_index(const struct model_tree *tree, uint64_t key)
{
	size_t low = 0, high = tree->key_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (tree->keys[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct model_key *
model_key_find(const struct model_tree *tree, uint64_t key)
{
	size_t i = key_index(tree, key);

	return i < tree->key_count && tree->keys[i].key == key ? &tree->keys[i] : NULL;
}

struct model_key *
model_key_get(struct model_tree *tree, uint64_t key)
{
	size_t i = key_index(tree, key);

	if (i == tree->key_count || tree->keys[i].key != key) {
		if ((tree->key_count & (tree->key_count - 1)) == 0)
			tree->keys = grown(tree->keys, tree->key_count ? tree->key_count * 2 : 1, sizeof(*tree->keys));
		memmove(&tree->keys[i + 1], &tree->keys[i], (tree->key_count - i) * sizeof(*tree->keys));
		tree->keys[i] = (struct model_key){ .key = key };
		tree->key_count++;
	}
	return &tree->keys[i];
}

struct model_day *
model_day_find(const struct model_key *key, uint32_t day)
{
	for (size_t i = 0; i < key->day_count; i++) {
		if (key->days[i].day == day)
			return &key->days[i];
	}
	return NULL;
}

struct model_day *
model_day_get(struct model_key *key, uint32_t day)
{
	struct model_day *found = model_day_find(key, day);

	if (found)
		return found;
	key->days = grown(key->days, ++key->day_count, sizeof(*key->days));
	key->days[key->day_count - 1] = (struct model_day){ .day = day };
	return &key->days[key->day_count - 1];
}

void
model_day_remove(struct model_key *key, struct model_day *day)
{
	*day = key->days[--key->day_count];
}

uint64_t
model_days_sum(const struct model_key *key, uint64_t from, uint64_t to)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < key->day_count; i++) {
		if (key->days[i].day >= from && key->days[i].day <= to)
			sum += key->days[i].count;
	}
	return sum;
}
