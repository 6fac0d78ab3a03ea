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

int
model_publish(struct model *model, struct model_tree *tree, const char *name)
{
	size_t i = tree_index(model, name);

	if (i == model->tree_count) {
		if (model->tree_count == model->trees_max) {
			model_tree_free(tree);
			return ENGINE_TREES_FULL;
		}
		model->trees = (struct model_tree **)grown((void *)model->trees, ++model->tree_count, sizeof(tree));
	} else {
		model_tree_free(model->trees[i]);
	}
	strcpy(tree->name, name);
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
	check(strlen(name) < sizeof(tree->name), "name too long for the model");
	strcpy(tree->name, name);
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

static struct model_key *
key_get(struct model_tree *tree, uint64_t key)
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

static struct model_day *
day_get(struct model_key *key, uint32_t day)
{
	struct model_day *found = model_day_find(key, day);

	if (found)
		return found;
	key->days = grown(key->days, ++key->day_count, sizeof(*key->days));
	key->days[key->day_count - 1] = (struct model_day){ .day = day };
	return &key->days[key->day_count - 1];
}

static void
day_remove(struct model_key *key, struct model_day *day)
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

static void
shown_lower(struct model_key *key, uint64_t amount)
{
	key->shown -= key->shown < amount ? key->shown : amount;
}

/* ---- operations ---------------------------------------------------------------------------------------------- */

/* The word of total is the sum of the days, whatever the total shown. */
static bool
fits(const struct model_tree *tree, uint64_t key, uint64_t amount)
{
	const struct model_key *found = model_key_find(tree, key);
	uint64_t sum = found ? model_days_sum(found, 0, DAY_MAX) : 0;

	return amount <= COUNT_MAX && sum + amount <= COUNT_MAX;
}

int
model_add(struct model_tree *tree, uint64_t key, uint32_t day, uint64_t amount)
{
	if (!fits(tree, key, amount))
		return ENGINE_OVERFLOW;
	struct model_key *found = key_get(tree, key);

	day_get(found, day)->count += amount;
	found->shown += amount;
	return 0;
}

void
model_decrement(struct model_tree *tree, uint64_t key, uint32_t today)
{
	struct model_key *found = model_key_find(tree, key);
	struct model_day *day = found ? model_day_find(found, today) : NULL;

	if (day && day->count > 0)
		day->count--;
	if (found)
		shown_lower(found, 1);
}

uint64_t
model_subtract(struct model_tree *tree, uint64_t key, uint32_t day, uint64_t amount)
{
	struct model_key *found = model_key_find(tree, key);
	struct model_day *there = found ? model_day_find(found, day) : NULL;

	if (!there)
		return 0;
	uint64_t taken = there->count < amount ? there->count : amount;

	there->count -= taken;
	shown_lower(found, taken);
	if (there->count == 0 && taken > 0)
		day_remove(found, there);
	return taken;
}

int
model_set(struct model_tree *tree, uint64_t key, uint32_t day, uint64_t count)
{
	struct model_key *found = model_key_find(tree, key);
	struct model_day *there = found ? model_day_find(found, day) : NULL;
	uint64_t before = there ? there->count : 0;

	if (count > before && !fits(tree, key, count - before))
		return ENGINE_OVERFLOW;
	if (count > before) {
		found = key_get(tree, key);
		day_get(found, day)->count = count;
		found->shown += count - before;
	} else if (found) {
		if (there)
			there->count = count;
		shown_lower(found, before - count);
		if (there && count == 0)
			day_remove(found, there);
	}
	return 0;
}

void
model_delete_range(struct model_tree *tree, uint64_t key, uint64_t from, uint64_t to)
{
	struct model_key *found = model_key_find(tree, key);

	if (!found)
		return;
	shown_lower(found, model_days_sum(found, from, to));
	for (size_t i = found->day_count; i-- > 0;) {
		if (found->days[i].day >= from && found->days[i].day <= to)
			day_remove(found, &found->days[i]);
	}
}

void
model_reset_key(struct model_tree *tree, uint64_t key)
{
	struct model_key *found = model_key_find(tree, key);

	if (found) {
		found->day_count = 0;
		found->shown = 0;
	}
}

/* All amounts of this call for the key of this item. */
static __uint128_t
acquired(const struct model_acquire_item *items, size_t count, const struct model_acquire_item *item)
{
	__uint128_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		if (items[i].tree == item->tree && items[i].key == item->key)
			sum += items[i].amount;
	}
	return sum;
}

int
model_acquire(const struct model *model, const struct model_acquire_item *items, size_t count, size_t *ret_refused)
{
	for (size_t i = 0; i < count; i++) {
		__uint128_t amount = acquired(items, count, &items[i]);

		if (amount > COUNT_MAX || !fits(items[i].tree, items[i].key, (uint64_t)amount))
			return ENGINE_OVERFLOW;
	}
	for (size_t i = 0; i < count; i++) {
		const struct model_key *found = model_key_find(items[i].tree, items[i].key);
		uint64_t used = found ? model_days_sum(found, items[i].from, items[i].to) : 0;

		if (used + acquired(items, count, &items[i]) > items[i].limit) {
			*ret_refused = i;
			return ENGINE_REFUSED;
		}
	}
	for (size_t i = 0; i < count; i++)
		(void)model_add(items[i].tree, items[i].key, model->today, items[i].amount);
	return 0;
}

void
model_load_key(struct model_tree *tree, uint64_t key, uint64_t total, const struct model_day *days, size_t count)
{
	struct model_key *found = key_get(tree, key);

	found->day_count = 0;
	for (size_t i = 0; i < count; i++)
		day_get(found, days[i].day)->count = days[i].count;
	found->shown = total;
}

size_t
model_compact(struct model_tree *tree)
{
	size_t kept = 0, before = tree->key_count;

	for (size_t i = 0; i < before; i++) {
		struct model_key *key = &tree->keys[i];

		if (key->day_count == 0 && key->shown == 0)
			free(key->days);
		else
			tree->keys[kept++] = *key;
	}
	tree->key_count = kept;
	return before - kept;
}
