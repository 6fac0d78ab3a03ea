/*
 * json_v2_items.c - the arrays of a request as fields
 *
 * Those that the decoder has read on its way are taken as they are. The others hold something that is wrong or unusual: they
 * are walked over element by element, to say what.
 */
#include "base/limits.h"
#include "proto/json_v2_fields.h"
#include "proto/json_v2_value.h"

/* Room for so many elements as may be stored; what is not used is given back. NULL when it is not there. */
static void *
elements_begin(struct arena *scratch, size_t element_bytes, uint32_t *ret_room)
{
	void *first = arena_take_aligned(scratch, 0);
	const size_t room = (scratch->capacity - scratch->used) / element_bytes;

	*ret_room = room < V2_ITEMS_MAX ? (uint32_t)room : V2_ITEMS_MAX;
	return first;
}

/* ---- keys ---- */

const char *
v2_read_keys(const struct v2_line *line, struct arena *scratch, struct v2_keys *ret)
{
	static const struct v2_texts texts = V2_TEXTS("keys[]");
	const struct v2_value *value = v2_member(line, V2_KEYS);
	struct v2_value element;
	uint32_t room, count = 0;

	*ret = line->keys;
	if (ret->at != NULL)
		return NULL;
	if (value == NULL)
		return "Field keys is required";
	if (value->type != V2_ARRAY)
		return "Field keys must be an array";
	uint64_t *keys = elements_begin(scratch, sizeof(*keys), &room);

	for (struct v2_walk walk = v2_walk_begin(value, 2); v2_walk_element(&walk, &element); count++) {
		uint64_t key;
		const char *problem = v2_value_unsigned(&element, &texts, &key);

		if (problem != NULL)
			return problem;
		if (count < room)
			keys[count] = key;
	}
	*ret = (struct v2_keys){ .at = count <= room ? keys : NULL, .count = count };
	if (ret->at != NULL)
		(void)arena_take(scratch, count * sizeof(*keys));
	return ret->at == NULL && count <= V2_ITEMS_MAX ? v2_no_room : NULL;
}

/* ---- items of a batch ---- */

static const char *
read_item(const struct v2_value *value, struct v2_item *ret)
{
	enum { PARTS = 3 };
	static const struct v2_texts texts[PARTS] = { V2_TEXTS("items[][0]"), V2_TEXTS("items[][1]"),
		                                      V2_TEXTS("items[][2]") };
	struct v2_value parts[PARTS + 1];
	uint64_t numbers[PARTS];
	uint32_t count = 0;

	if (value->type == V2_ARRAY) {
		for (struct v2_walk walk = v2_walk_begin(value, 3);
		     count <= PARTS && v2_walk_element(&walk, &parts[count]);)
			count++;
	}
	if (count != PARTS)
		return "Each item must be [key, bucket, value]";
	for (unsigned i = 0; i < PARTS; i++) {
		const char *problem = v2_value_unsigned(&parts[i], &texts[i], &numbers[i]);

		if (problem != NULL)
			return problem;
	}
	*ret = (struct v2_item){
		.key = numbers[0],
		.bucket = numbers[1] <= DAY_MAX ? (uint32_t)numbers[1] : V2_BUCKET_OUT,
		.value = numbers[2],
	};
	return NULL;
}

/* The rules for buckets that the decoder leaves to us. */
static const char *
check_buckets(const struct v2_items *items)
{
	uint32_t highest = 0;

	for (uint32_t i = 0; i < items->count; i++)
		highest = items->at[i].bucket > highest ? items->at[i].bucket : highest;
	return highest > DAY_MAX ? "Field items[][1] must be a bucket date" : NULL;
}

const char *
v2_read_items(const struct v2_line *line, struct arena *scratch, struct v2_items *ret)
{
	const struct v2_value *value = v2_member(line, V2_ITEMS);
	struct v2_value element;
	uint32_t room, count = 0;

	*ret = line->items;
	if (ret->at != NULL)
		return check_buckets(ret);
	if (value == NULL)
		return "Field items is required";
	if (value->type != V2_ARRAY)
		return "Field items must be an array";
	struct v2_item *items = elements_begin(scratch, sizeof(*items), &room);

	for (struct v2_walk walk = v2_walk_begin(value, 2); v2_walk_element(&walk, &element); count++) {
		struct v2_item item;
		const char *problem = read_item(&element, &item);

		if (problem != NULL)
			return problem;
		if (count < room)
			items[count] = item;
	}
	*ret = (struct v2_items){ .at = count <= room ? items : NULL, .count = count };
	if (ret->at == NULL)
		return count <= V2_ITEMS_MAX ? v2_no_room : NULL;
	(void)arena_take(scratch, count * sizeof(*items));
	return check_buckets(ret);
}

/* ---- items of multi_sum ---- */

static const char *
read_sum(const struct v2_value *element, struct arena *scratch, struct v2_sum *ret)
{
	static const struct v2_texts texts = V2_TEXTS("items[].key");
	struct v2_value value, series, key;
	bool has_series = false, has_key = false;
	struct json_text name;

	if (element->type != V2_OBJECT)
		return "Each item must be an object";
	for (struct v2_walk walk = v2_walk_begin(element, 3); v2_walk_member(&walk, &name, &value);) {
		if (v2_name_is(name, "series")) {
			series = value;
			has_series = value.type == V2_STRING;
		} else if (v2_name_is(name, "key")) {
			key = value;
			has_key = true;
		}
	}
	if (!has_series)
		return "Field items[].series is required";
	const char *problem = v2_value_text(&series, scratch, &ret->series);

	if (problem != NULL)
		return problem;
	if (ret->series.bytes == 0)
		return "Field items[].series must not be empty";
	return v2_value_unsigned(has_key ? &key : NULL, &texts, &ret->key);
}

/* Up to the first element that is none: there the reading ends. */
static uint32_t
count_objects(const struct v2_value *array)
{
	struct v2_value element;
	uint32_t count = 0;

	for (struct v2_walk walk = v2_walk_begin(array, 2);
	     v2_walk_element(&walk, &element) && element.type == V2_OBJECT;)
		count++;
	return count;
}

const char *
v2_read_sums(const struct v2_line *line, struct arena *scratch, struct v2_sums *ret)
{
	const struct v2_value *value = v2_member(line, V2_ITEMS);
	struct v2_value element;
	uint32_t i = 0;

	if (value == NULL)
		return "Field items is required";
	if (value->type != V2_ARRAY)
		return "Field items must be an array";
	const uint32_t count = count_objects(value);
	const bool fits = count <= V2_ITEMS_MAX;
	struct v2_sum *sums = arena_take_aligned(scratch, fits ? count * sizeof(*sums) : 0);

	if (sums == NULL)
		return v2_no_room;
	for (struct v2_walk walk = v2_walk_begin(value, 2); v2_walk_element(&walk, &element); i++) {
		const size_t used = scratch->used;
		struct v2_sum sum;
		const char *problem = read_sum(&element, scratch, &sum);

		if (problem != NULL)
			return problem;
		if (fits)
			sums[i] = sum;
		else
			scratch->used = used;
	}
	*ret = (struct v2_sums){ .at = fits ? sums : NULL, .count = count };
	return NULL;
}
