/*
 * model_ops.c - what can be done to counters; see model.h
 */
#include "model.h"

#include "base/limits.h"
#include "karma/engine.h"

#include <stdlib.h>

static void
shown_lower(struct model_key *key, uint64_t amount)
{
	key->shown -= key->shown < amount ? key->shown : amount;
}

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
	struct model_key *found = model_key_get(tree, key);

	model_day_get(found, day)->count += amount;
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
		model_day_remove(found, there);
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
		found = model_key_get(tree, key);
		model_day_get(found, day)->count = count;
		found->shown += count - before;
	} else if (found) {
		if (there)
			there->count = count;
		shown_lower(found, before - count);
		if (there && count == 0)
			model_day_remove(found, there);
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
			model_day_remove(found, &found->days[i]);
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
	struct model_key *found = model_key_get(tree, key);

	found->day_count = 0;
	for (size_t i = 0; i < count; i++)
		model_day_get(found, days[i].day)->count = days[i].count;
	found->shown = total;
}

void
model_forget_zeros(struct model_tree *tree)
{
	for (size_t i = 0; i < tree->key_count; i++) {
		struct model_key *key = &tree->keys[i];

		if (key->shown == 0 && model_days_sum(key, 0, DAY_MAX) == 0)
			key->day_count = 0;
	}
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
