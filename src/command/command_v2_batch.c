/*
 * command_v2_batch.c - series.batch_add and series.batch_set
 *
 * Checked as a whole before anything changes: will every counter bear it (command_v2_overflow.c), is there room in the log?
 * What other clients do between the check and the change is not: whoever brings a counter to its bound at that very
 * moment can make an item fail behind others that were done. The reply says so then.
 */
#include "command/command_v2.h"

#include <assert.h>
#include <errno.h>

#include "wal/wal.h"

enum {
	EFFECTS_PER_ITEM = 3, /* total, day, that the key was listed or a difference set right */
	EFFECTS_CREATE = 1,
	EFFECTS_ADD = 1, /* that the last add wants besides, before it begins */
};
static_assert(WAL_WRITER_BYTES_MIN >=
                  (V2_ITEMS_MAX * EFFECTS_PER_ITEM + 4096) * WAL_RECORD_BYTES_MAX + WAL_CREATE_BYTES_MAX,
              "the longest batch fits, whatever the options, but for keys of thousands of days");

/* An item could not be done, though the whole had been checked. Some others are done: in order those before it, else perhaps
 * some behind it, and not all before. */
static void
reply_stopped(struct buffer *out, int result, const struct v2_item *item, bool in_order)
{
	if (result == ENGINE_OVERFLOW)
		v2_reply_overflow(out,
		                  in_order ? "Counter overflow, the items before were applied: item"
		                           : "Counter overflow, a part of the batch may be applied: item",
		                  item->key, item->bucket);
	else if (result == -ENOMEM)
		v2_reply_error(out, V2_INTERNAL_ERROR, "Out of memory, a part of the batch may be applied");
	else
		v2_reply_error(out, V2_INTERNAL_ERROR, "No room left in the log, a part of the batch may be applied");
}

static uint64_t
highest_key(const struct v2_items *items)
{
	uint64_t key = 0;

	for (uint32_t i = 0; i < items->count; i++)
		key = items->at[i].key > key ? items->at[i].key : key;
	return key;
}

/*
 * The counters of the tree found (NULL: none) would bear it (r is 0), or not: the batch's tree, with room in the log for it
 * and `more` effects, which is looked at before the tree is made. NULL: what has come of the request is *ret_done. A tree that
 * was dropped meanwhile is used all the same: the request then stands before that.
 */
static struct tree *
prepare(struct command_worker *worker, const struct command_entry *entry, struct tree *tree, int r,
        const struct v2_item *offending, size_t more, struct buffer *out, enum command_status *ret_done)
{
	const struct v2_items *items = &entry->v2->items;
	const size_t effects = (size_t)items->count * EFFECTS_PER_ITEM + EFFECTS_CREATE + more;

	*ret_done = COMMAND_DONE;
	if (r == ENGINE_OVERFLOW) {
		v2_reply_overflow(out, "Counter overflow in batch item", offending->key, offending->bucket);
		return NULL;
	}
	if (r == 0 && !effect_log_has_room(&worker->log, tree, tree == NULL ? 0 : highest_key(items), effects))
		r = -EAGAIN;
	if (r == 0 && tree == NULL)
		r = command_create_tree(worker, entry, &tree);
	if (r == 0)
		return tree;
	*ret_done = v2_reply_failure(out, r);
	return NULL;
}

static bool
add_up(const struct v2_items *items, uint64_t *ret_total)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < items->count; i++) {
		if (__builtin_add_overflow(total, items->at[i].value, &total))
			return false;
	}
	*ret_total = total;
	return true;
}

/* Of an existing tree the check has just looked at every key: they are in the cache, unless they are very many. */
static int
add_all(struct command_worker *worker, struct tree *tree, const struct v2_items *items, uint32_t *ret_done)
{
	enum { CHUNK = 64 };
	struct add_item chunk[CHUNK];
	int r = 0;

	*ret_done = 0;
	while (*ret_done < items->count && r == 0) {
		const uint32_t left = items->count - *ret_done, count = left < CHUNK ? left : CHUNK;
		const struct v2_item *first = &items->at[*ret_done];
		size_t done;

		for (uint32_t i = 0; i < count; i++)
			chunk[i] = (struct add_item){ first[i].key, first[i].value, first[i].bucket };
		r = tree_add_items(worker->engine_worker, tree, chunk, count, &done);
		*ret_done += (uint32_t)done;
	}
	return r;
}

enum command_status
v2_batch_add(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	const struct v2_items *items = &entry->v2->items;
	const struct v2_item *offending = NULL;
	enum command_status status;
	uint64_t total;
	uint32_t done;

	if (!add_up(items, &total)) {
		v2_reply_error(out, V2_VALIDATION_ERROR, "Batch total overflow");
		return COMMAND_DONE;
	}
	struct tree *tree = command_find_tree(worker, entry);
	int r = v2_overflow_of_add(tree, items, &offending);

	tree = prepare(worker, entry, tree, r, offending, EFFECTS_ADD, out, &status);
	if (tree == NULL)
		return status;
	r = add_all(worker, tree, items, &done);

	if (r != 0) {
		reply_stopped(out, r, &items->at[done], true);
		return COMMAND_DONE;
	}
	json_v2_reply_begin(out);
	buffer_append_literal(out, "{\"applied\":");
	buffer_append_u64(out, items->count);
	buffer_append_literal(out, ",\"total\":");
	buffer_append_u64(out, total);
	buffer_append_byte(out, '}');
	json_v2_reply_end(out);
	return COMMAND_DONE;
}

/* Those that lower a count, or those that do not. */
enum which { ITEMS_ALL, ITEMS_LOWER, ITEMS_OTHER };

static bool
is_of(enum which which, struct tree *tree, const struct v2_item *item)
{
	if (which == ITEMS_ALL)
		return true;
	if (item->bucket == V2_BUCKET_OUT)
		return false;
	return (tree_sum_range(tree, item->key, item->bucket, item->bucket) > item->value) == (which == ITEMS_LOWER);
}

static int
set_all(struct command_worker *worker, struct tree *tree, const struct v2_items *items, enum which which,
        uint32_t *ret_done)
{
	int r = 0;

	for (uint32_t i = 0; i < items->count && r == 0; i++) {
		const struct v2_item *item = &items->at[i];

		*ret_done = i;
		if (is_of(which, tree, item))
			r = tree_set(worker->engine_worker, tree, item->key, item->bucket, item->value);
	}
	return r;
}

static enum command_status
reply_applied(struct buffer *out, uint32_t count)
{
	json_v2_reply_begin(out);
	buffer_append_literal(out, "{\"applied\":");
	buffer_append_u64(out, count);
	buffer_append_byte(out, '}');
	json_v2_reply_end(out);
	return COMMAND_DONE;
}

enum command_status
v2_batch_set(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	const struct v2_items *items = &entry->v2->items;
	const struct v2_item *offending = NULL;
	enum command_status status;
	bool close;
	size_t room;
	uint32_t done = 0;

	if (items->count == 0)
		return reply_applied(out, 0);
	struct tree *tree = command_find_tree(worker, entry);
	int r = v2_overflow_of_set(tree, items, &offending, &close, &room);

	tree = prepare(worker, entry, tree, r, offending, room, out, &status);
	if (tree == NULL)
		return status;
	r = set_all(worker, tree, items, close ? ITEMS_LOWER : ITEMS_ALL, &done);
	if (r == 0 && close)
		r = set_all(worker, tree, items, ITEMS_OTHER, &done);
	if (r == 0)
		return reply_applied(out, items->count);
	reply_stopped(out, r, &items->at[done], !close);
	return COMMAND_DONE;
}
