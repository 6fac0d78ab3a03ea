/*
 * command_v2_series.c - operations on a whole series, and on the set of them
 */
#include "command/command_v2.h"

enum command_status
v2_create(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	struct tree *tree;

	return v2_reply_ok(out, command_find_or_create_tree(worker, entry, &tree));
}

enum command_status
v2_drop(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	const struct text *name = &entry->request.tree;
	int r = tree_drop(worker->engine_worker, name->data, name->bytes);

	if (r != ENGINE_MISSING)
		return v2_reply_ok(out, r);
	v2_reply_not_found(out, *name);
	return COMMAND_DONE;
}

enum command_status
v2_reset_tree(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	const struct text *name = &entry->request.tree;
	struct tree *tree;
	int r = tree_reset(worker->engine_worker, name->data, name->bytes);

	if (r == ENGINE_MISSING)
		r = command_find_or_create_tree(worker, entry, &tree);
	return v2_reply_ok(out, r);
}

/* A series that is not there comes to be, with nothing to delete. */
enum command_status
v2_delete_tree(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	struct tree *tree;
	int r;

	if (command_find_tree(worker, entry) != NULL)
		return v2_submit(worker, entry, out);
	r = command_find_or_create_tree(worker, entry, &tree);
	if (r != 0)
		return v2_reply_failure(out, r);
	json_v2_reply_true(out);
	return COMMAND_DONE;
}
