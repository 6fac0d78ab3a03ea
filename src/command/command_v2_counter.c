/*
 * command_v2_counter.c - operations on one key
 *
 * A read of a missing series is not_found; what changes something makes it. A count of 0 that v1's decrement has left is not
 * there for v2.
 */
#include "command/command_v2.h"

#include <errno.h>

#include "proto/json_encode.h"

/* As a batch of one: tree_add() has one caller, so that it is a part of it (command_increment.c). */
static int
add(struct command_worker *worker, struct tree *tree, uint64_t key, uint32_t bucket, uint64_t amount)
{
	const struct add_item item = { .key = key, .amount = amount, .day = bucket };

	return tree_add_items(worker->engine_worker, tree, &item, 1, &(size_t){ 0 });
}

enum command_status
v2_increment(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	const struct v2_request *request = entry->v2;
	const uint64_t key = entry->request.key;
	const uint32_t bucket = request->has_bucket ? request->bucket : worker->today;
	struct tree *tree;
	int r = command_find_or_create_tree(worker, entry, &tree);

	if (r == 0)
		r = add(worker, tree, key, bucket, request->value);
	if (r == ENGINE_OVERFLOW) {
		v2_reply_overflow(out, "Counter overflow", key, bucket);
		return COMMAND_DONE;
	}
	if (r != 0)
		return v2_reply_failure(out, r);
	json_v2_reply_number(out, request->value);
	return COMMAND_DONE;
}

static void
ignore_day(void *context, uint32_t day, uint64_t count)
{
	(void)context;
	(void)day;
	(void)count;
}

/* A key that is not there comes to be, without a count: an add of nothing lists it. */
static int
subtract(struct command_worker *worker, struct tree *tree, uint64_t key, uint32_t bucket, uint64_t amount)
{
	uint64_t taken;
	int r = tree_subtract(worker->engine_worker, tree, key, bucket, amount, &taken);

	if (r == 0 && taken == 0 && !tree_days(tree, key, 1, 0, ignore_day, NULL))
		r = add(worker, tree, key, bucket, 0);
	return r;
}

enum command_status
v2_decrement(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	const struct v2_request *request = entry->v2;
	/* Who takes asks the engine for the day; see command_worker.today. */
	const uint32_t bucket = request->has_bucket ? request->bucket : engine_today(worker->options.engine);
	struct tree *tree;
	int r = command_find_or_create_tree(worker, entry, &tree);

	if (r == 0)
		r = subtract(worker, tree, entry->request.key, bucket, request->value);
	if (r != 0)
		return v2_reply_failure(out, r);
	json_v2_reply_number(out, request->value);
	return COMMAND_DONE;
}

enum command_status
v2_sum(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	const struct v1_request *target = &entry->request;
	struct tree *tree = command_find_tree(worker, entry);

	if (tree == NULL)
		v2_reply_not_found(out, target->tree);
	else if (entry->v2->has_range)
		json_v2_reply_number(out, tree_sum_range(tree, target->key, target->from, target->to));
	else
		json_v2_reply_number(out, tree_total(tree, target->key));
	return COMMAND_DONE;
}

void
v2_append_day(void *context, uint32_t day, uint64_t count)
{
	struct v2_day_list *list = context;

	if (count == 0)
		return;
	if (list->more)
		buffer_append_byte(list->out, ',');
	list->more = true;
	buffer_append_byte(list->out, '"');
	buffer_append_u64(list->out, day);
	buffer_append_literal(list->out, "\":");
	buffer_append_u64(list->out, count);
}

enum command_status
v2_days(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	const struct v1_request *target = &entry->request;
	struct tree *tree = command_find_tree(worker, entry);
	struct v2_day_list list = { .out = out };

	if (tree == NULL) {
		v2_reply_not_found(out, target->tree);
		return COMMAND_DONE;
	}
	json_v2_reply_begin(out);
	buffer_append_byte(out, '{');
	(void)tree_days(tree, target->key, target->from, target->to, v2_append_day, &list);
	buffer_append_byte(out, '}');
	json_v2_reply_end(out);
	return COMMAND_DONE;
}

enum command_status
v2_reset_key(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	struct tree *tree;
	int r = command_find_or_create_tree(worker, entry, &tree);

	if (r == 0)
		r = tree_reset_key(worker->engine_worker, tree, entry->request.key);
	return v2_reply_ok(out, r);
}

enum command_status
v2_delete_key(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	const struct v1_request *target = &entry->request;
	struct tree *tree;
	int r = command_find_or_create_tree(worker, entry, &tree);

	if (r == 0)
		r = tree_delete_range(worker->engine_worker, tree, target->key, target->from, target->to);
	if (r != 0)
		return v2_reply_failure(out, r);
	json_v2_reply_true(out);
	return COMMAND_DONE;
}
