/*
 * command_v2_overflow.c - will the counters bear a batch?
 *
 * Nearly always one look at what each key has counted tells: if even all of the request's values together fit on top of the
 * highest of them, so does each by itself, in whatever order. Only if not, the items are sorted by key and counted one by one.
 * The look also brings the keys into the cache, for the change that follows.
 *
 * What is looked at is what the engine refuses by (tree_counted()), not the total shown. That may be higher, even above
 * COUNT_MAX, in trees of the original's files.
 */
#include "command/command_v2.h"

#include <errno.h>
#include <stdlib.h>

#include "base/memory.h"

/* ---- the quick look ---- */

/* Of all values, or UINT64_MAX. */
static uint64_t
sum_of_values(const struct v2_items *items)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < items->count; i++) {
		if (__builtin_add_overflow(sum, items->at[i].value, &sum))
			return UINT64_MAX;
	}
	return sum;
}

/* The highest that a key has counted, and of what each wants for room. */
static uint64_t
look_at_all(struct tree *tree, const struct v2_items *items, size_t *ret_room)
{
	uint64_t highest = 0;
	struct v2_window window;

	if (items->count == 0)
		return 0;
	v2_window_begin(&window, tree, &items->at[0].key, sizeof(items->at[0]), items->count);
	for (uint32_t i = 0; i < items->count; i++) {
		v2_window_step(&window, i);
		const uint64_t counted = tree_counted(tree, items->at[i].key);

		highest = counted > highest ? counted : highest;
		if (ret_room == NULL)
			continue;
		const size_t room = tree_key_room(tree, items->at[i].key);

		*ret_room = room > *ret_room ? room : *ret_room;
	}
	return highest;
}

static bool
fits_easily(uint64_t highest, const struct v2_items *items)
{
	const uint64_t sum = sum_of_values(items);

	return highest <= COUNT_MAX && sum <= COUNT_MAX - highest;
}

/* ---- one by one ---- */

struct place {
	uint64_t key;
	uint32_t bucket; /* 0 where it does not matter */
	uint32_t index;
};

static int
compare(const void *a, const void *b)
{
	const struct place *one = a, *other = b;

	if (one->key != other->key)
		return one->key < other->key ? -1 : 1;
	if (one->bucket != other->bucket)
		return one->bucket < other->bucket ? -1 : 1;
	return one->index < other->index ? -1 : 1;
}

/* Sorted by key, bucket if asked for, and place in the request. The caller frees them; NULL: no memory. */
static struct place *
sort(const struct v2_items *items, bool by_bucket)
{
	struct place *places = mem_alloc(items->count * sizeof(*places));

	if (places == NULL)
		return NULL;
	for (uint32_t i = 0; i < items->count; i++)
		places[i] = (struct place){ .key = items->at[i].key,
			                    .bucket = by_bucket ? items->at[i].bucket : 0,
			                    .index = i };
	qsort(places, items->count, sizeof(*places), compare);
	return places;
}

/* Where the places of this key end. */
static uint32_t
end_of_key(const struct place *places, uint32_t count, uint32_t first)
{
	uint32_t end = first + 1;

	while (end < count && places[end].key == places[first].key)
		end++;
	return end;
}

static uint64_t
counted_of(struct tree *tree, uint64_t key)
{
	return tree == NULL ? 0 : tree_counted(tree, key);
}

/* Adds values onto a total. Returns the index of the first item that does not fit, or `none`. */
static uint32_t
add_places(const struct place *places, uint32_t first, uint32_t end, const struct v2_items *items, uint64_t total,
           uint32_t none)
{
	for (uint32_t i = first; i < end; i++) {
		const struct v2_item *item = &items->at[places[i].index];

		if (item->bucket == V2_BUCKET_OUT)
			continue;
		if (total > COUNT_MAX || item->value > COUNT_MAX - total)
			return places[i].index;
		total += item->value;
	}
	return none;
}

int
v2_overflow_of_add(struct tree *tree, const struct v2_items *items, const struct v2_item **ret_offending)
{
	const uint32_t count = items->count;
	uint32_t offending = count;

	if (fits_easily(tree == NULL ? 0 : look_at_all(tree, items, NULL), items))
		return 0;
	struct place *places = sort(items, false);

	if (places == NULL)
		return -ENOMEM;
	for (uint32_t first = 0, end; first < count; first = end) {
		end = end_of_key(places, count, first);
		const uint32_t found =
		    add_places(places, first, end, items, counted_of(tree, places[first].key), count);

		offending = found < offending ? found : offending;
	}
	mem_free(places);
	*ret_offending = offending < count ? &items->at[offending] : NULL;
	return offending < count ? ENGINE_OVERFLOW : 0;
}

/* ---- exact counts ---- */

static bool
is_replaced(const struct place *places, uint32_t index, uint32_t end)
{
	return index + 1 < end && places[index + 1].bucket == places[index].bucket;
}

/* The total of a key without the buckets that are set; items that a later one replaces are marked. */
static uint64_t
total_besides(struct tree *tree, const struct place *places, uint32_t first, uint32_t end, const struct v2_items *items)
{
	uint64_t total = counted_of(tree, places[first].key);

	for (uint32_t i = first; i < end; i++) {
		const struct place *place = &places[i];

		if (is_replaced(places, i, end)) {
			items->at[place->index].bucket = V2_BUCKET_OUT;
			continue;
		}
		const uint64_t there =
		    tree == NULL ? 0 : tree_sum_range(tree, place->key, place->bucket, place->bucket);

		total -= there < total ? there : total;
	}
	return total;
}

int
v2_overflow_of_set(struct tree *tree, const struct v2_items *items, const struct v2_item **ret_offending,
                   bool *ret_close, size_t *ret_room)
{
	const uint32_t count = items->count;
	uint32_t offending = count;

	*ret_room = tree_key_room(NULL, 0);
	*ret_close = !fits_easily(tree == NULL ? 0 : look_at_all(tree, items, ret_room), items);
	if (!*ret_close)
		return 0;
	struct place *places = sort(items, true);

	if (places == NULL)
		return -ENOMEM;
	for (uint32_t first = 0, end; first < count; first = end) {
		end = end_of_key(places, count, first);
		const uint64_t total = total_besides(tree, places, first, end, items);
		const uint32_t found = add_places(places, first, end, items, total, count);

		offending = found < offending ? found : offending;
	}
	mem_free(places);
	*ret_offending = offending < count ? &items->at[offending] : NULL;
	return offending < count ? ENGINE_OVERFLOW : 0;
}
