/*
 * Building a tree where nobody sees it: for files and recovery. One thread, plain of mind; the atomics below order
 * nothing, publication (D1) does.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "engine/operation.h"

enum { PREFETCH_KEYS = 32 }; /* asked for together, before the first is used */

int
tree_load_begin(struct engine *engine, uint64_t id, uint64_t generation, struct tree **ret_tree)
{
	struct tree *tree = tree_make(engine, id, generation);

	if (tree == NULL)
		return -ENOMEM;
	if (id == 0)
		tree->id = atomic_fetch_add_explicit(&engine->tree_id_next, 1, memory_order_relaxed);
	else
		engine_tree_id_raise(engine, id + 1);
	*ret_tree = tree;
	return 0;
}

void
tree_load_discard(struct tree *tree)
{
	tree_destroy(tree);
}

static int
newest_first(const void *left, const void *right)
{
	const struct cut_day *a = left, *b = right;

	return a->day > b->day ? -1 : a->day < b->day;
}

/* Days in either order. */
static bool
is_loadable(uint64_t total, const struct cut_day *days, size_t day_count, uint64_t *ret_sum)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < day_count; i++) {
		if (days[i].day > DAY_MAX || (i > 0 && days[i].day == days[i - 1].day) || days[i].count > COUNT_MAX ||
		    sum > COUNT_MAX - days[i].count)
			return false;
		sum += days[i].count;
	}
	*ret_sum = sum;
	return total <= COUNT_MAX;
}

/* A day that is there with 0 has its flag clear, one with a count as it was before: the effects of a log change the flag
 * relative to that. */
static void
set_slot(_Atomic uint32_t *day, _Atomic uint64_t *word, uint64_t parity, const struct cut_day *value)
{
	uint64_t flag = value->count == 0 || value->kept ? 0 : WORD_ABSENT;

	atomic_store_explicit(day, value->day + 1, memory_order_relaxed);
	atomic_store_explicit(word, parity | flag | value->count, memory_order_relaxed);
}

/* Sorted days, newest first: the newest go to the record's own line, the rest into one block of their number. */
static bool
fill(struct key_record *record, uint64_t generation, const struct cut_day *days, size_t day_count)
{
	uint64_t parity = word_parity_of(generation);
	size_t own = day_count < INLINE_SLOTS ? day_count : INLINE_SLOTS;

	for (size_t i = 0; i < own; i++)
		set_slot(&record->day[i], &record->word[i], parity, &days[i]);
	if (own == day_count)
		return true;
	size_t rest = day_count - own;
	struct day_block *block =
	    rest > UINT32_MAX / 16 ? NULL : key_record_push_block(record, (uint32_t)rest, generation);

	if (block == NULL)
		return false;
	for (size_t i = 0; i < rest; i++)
		set_slot(&block->day[i], &day_block_words(block)[i], parity, &days[own + i]);
	return true;
}

/* The difference between the days and the total of the file. */
static bool
fill_difference(struct key_record *record, uint64_t generation, uint64_t sum, uint64_t total)
{
	if (sum == total)
		return true;
	_Atomic uint64_t *word = slot_get(record, total > sum ? DAY_ABOVE : DAY_BELOW, generation);

	if (word == NULL)
		return false;
	atomic_store_explicit(&record->state, RECORD_DIFFERS, memory_order_relaxed);
	atomic_store_explicit(word,
	                      word_parity_of(generation) | WORD_ABSENT | (total > sum ? total - sum : sum - total),
	                      memory_order_relaxed);
	return true;
}

static int
load_sorted(struct tree *tree, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count)
{
	uint64_t generation = atomic_load_explicit(&tree->generation, memory_order_relaxed), sum = 0;
	bool made;

	if (!is_loadable(total, days, day_count, &sum))
		return ENGINE_INVALID;
	struct key_record *record = partition_insert_alone(&tree->table, key, generation, 0, &made);

	if (record == NULL)
		return -ENOMEM;
	if (!made) { /* the later of two wins */
		key_record_free_blocks(record);
		key_record_init(record, key, generation, 0);
	}
	atomic_store_explicit(&record->total, word_parity_of(generation) | sum, memory_order_relaxed);
	return fill(record, generation, days, day_count) && fill_difference(record, generation, sum, total) ? 0
	                                                                                                    : -ENOMEM;
}

/* Files have their days ascending. */
static void
sort_newest_first(struct cut_day *sorted, const struct cut_day *days, size_t day_count)
{
	bool ascending = true;

	for (size_t i = 0; i < day_count; i++) {
		ascending = ascending && (i == 0 || days[i - 1].day < days[i].day);
		sorted[day_count - 1 - i] = days[i];
	}
	if (!ascending)
		qsort(sorted, day_count, sizeof(*sorted), newest_first);
}

int
tree_load_key(struct tree *tree, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count)
{
	enum { ON_STACK = 64 };
	struct cut_day few[ON_STACK];
	struct cut_day *sorted = few;

	assert(tree->entry == NULL);
	if (day_count <= 1)
		return load_sorted(tree, key, total, days, day_count);
	if (day_count > ON_STACK) {
		sorted = day_count > SIZE_MAX / sizeof(*sorted) ? NULL : mem_alloc(day_count * sizeof(*sorted));
		if (sorted == NULL)
			return -ENOMEM;
	}
	sort_newest_first(sorted, days, day_count);
	int r = load_sorted(tree, key, total, sorted, day_count);

	if (sorted != few)
		mem_free(sorted);
	return r;
}

/* ---- many keys ---- */

bool
tree_load_accepts(uint64_t total, const struct cut_day *days, size_t day_count)
{
	uint64_t sum;

	return is_loadable(total, days, day_count, &sum);
}

void
tree_load_expect(struct tree *tree, uint64_t keys)
{
	assert(tree->entry == NULL);
	partition_expect(&tree->table, keys);
}

int
tree_load_keys(struct tree *tree, const struct load_key *keys, size_t count)
{
	struct key_prefetch prefetches[PREFETCH_KEYS];
	int r = 0;

	for (size_t at = 0, end; r == 0 && at < count; at = end) {
		end = count - at < PREFETCH_KEYS ? count : at + PREFETCH_KEYS;
		for (size_t i = at; i < end; i++)
			key_prefetch_begin(&prefetches[i - at], tree, keys[i].key);
		key_prefetch_all(prefetches, end - at);
		for (size_t i = at; r == 0 && i < end; i++)
			r = tree_load_key(tree, keys[i].key, keys[i].total, keys[i].days, keys[i].day_count);
	}
	return r;
}
