/*
 * command_v2_sums.c - sums of many keys
 *
 * What one costs is the slots of days of its key, with a range. A key right behind itself costs nothing more; one that comes
 * again later does.
 */
#include "command/command_v2.h"

#include <string.h>

#include "proto/json_encode.h"

/* Puts a literal before `at`. Replies are put together from their end, since digits come last first. */
#define put_before(at, literal) memcpy((at) -= sizeof(literal) - 1, literal, sizeof(literal) - 1)

/* What ends one element: "key":k,"value":n} */
enum { ELEMENT_BYTES_MAX = 2 * JSON_DIGITS_MAX + 32 };

static char *
put_sum(char *end, uint64_t key, uint64_t value)
{
	char *at = end;

	put_before(at, "}");
	at = json_encode_digits(at, value);
	put_before(at, ",\"value\":");
	at = json_encode_digits(at, key);
	put_before(at, "\"key\":");
	return at;
}

static uint64_t
sum_of(const struct command_entry *entry, struct tree *tree, uint64_t key)
{
	if (entry->v2->has_range)
		return tree_sum_range(tree, key, entry->request.from, entry->request.to);
	return tree_total(tree, key);
}

/* The sum that was looked for last. */
struct last {
	struct tree *tree; /* NULL: none */
	uint64_t key, sum;
};

/* Of two equal items behind each other the second takes the first's sum: as if both had been looked at then. */
static uint64_t
sum_again(const struct command_entry *entry, struct tree *tree, uint64_t key, struct last *last)
{
	if (last->tree != tree || last->key != key)
		*last = (struct last){ tree, key, sum_of(entry, tree, key) };
	return last->sum;
}

static void
append_sums(const struct command_entry *entry, struct tree *tree, struct buffer *out)
{
	const struct v2_keys *keys = &entry->v2->keys;
	char element[ELEMENT_BYTES_MAX];
	char *end = element + sizeof(element);
	struct last last = { 0 };
	struct v2_window window;

	v2_window_begin(&window, tree, keys->at, sizeof(*keys->at), keys->count);
	for (uint32_t i = 0; i < keys->count && !out->failed; i++) {
		v2_window_step(&window, i);
		char *at = put_sum(end, keys->at[i], sum_again(entry, tree, keys->at[i], &last));

		put_before(at, "{");
		if (i > 0)
			put_before(at, ",");
		buffer_append(out, at, (size_t)(end - at));
	}
}

enum command_status
v2_batch_sum(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	struct tree *tree = command_find_tree(worker, entry);

	if (tree == NULL) {
		v2_reply_not_found(out, entry->request.tree);
		return COMMAND_DONE;
	}
	json_v2_reply_begin(out);
	buffer_append_byte(out, '[');
	append_sums(entry, tree, out);
	buffer_append_byte(out, ']');
	json_v2_reply_end(out);
	return COMMAND_DONE;
}

/* ---- of several series ---- */

/* Most items name the series of the item before. */
static struct tree *
find_series(struct command_worker *worker, const struct v2_sum *items, uint32_t index, struct tree *before)
{
	const struct text *name = &items[index].series;

	if (index > 0 && before != NULL && name->bytes == items[index - 1].series.bytes &&
	    memcmp(name->data, items[index - 1].series.data, name->bytes) == 0)
		return before;
	return name->bytes > TREE_NAME_BYTES_MAX ? NULL : tree_find(worker->engine_worker, name->data, name->bytes);
}

/* The first item whose series is missing, or NULL. */
static const struct v2_sum *
find_missing(struct command_worker *worker, const struct v2_sums *sums)
{
	struct tree *tree = NULL;

	for (uint32_t i = 0; i < sums->count; i++) {
		tree = find_series(worker, sums->at, i, tree);
		if (tree == NULL)
			return &sums->at[i];
	}
	return NULL;
}

/* Returns the item whose series has been dropped since it was looked for, or NULL. */
static const struct v2_sum *
append_items(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	const struct v2_sums *sums = &entry->v2->sums;
	char element[ELEMENT_BYTES_MAX];
	char *end = element + sizeof(element);
	struct tree *tree = NULL;
	struct last last = { 0 };

	for (uint32_t i = 0; i < sums->count && !out->failed; i++) {
		const struct v2_sum *item = &sums->at[i];

		tree = find_series(worker, sums->at, i, tree);
		if (tree == NULL)
			return item;
		char *at = put_sum(end, item->key, sum_again(entry, tree, item->key, &last));

		put_before(at, ",");
		buffer_append(out, i > 0 ? ",{\"series\":" : "{\"series\":", i > 0 ? 11 : 10);
		json_encode_string(out, item->series.data, item->series.bytes);
		buffer_append(out, at, (size_t)(end - at));
	}
	return NULL;
}

enum command_status
v2_multi_sum(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	const struct v2_sum *missing = find_missing(worker, &entry->v2->sums);
	const size_t begin = out->bytes;

	if (missing == NULL) {
		json_v2_reply_begin(out);
		buffer_append_byte(out, '[');
		missing = append_items(worker, entry, out);
		if (missing == NULL) {
			buffer_append_literal(out, "]");
			json_v2_reply_end(out);
			return COMMAND_DONE;
		}
		buffer_truncate(out, begin);
	}
	v2_reply_not_found(out, missing->series);
	return COMMAND_DONE;
}
