/*
 * command_v1.c - the original's 14 commands (PROTOCOL-v1.md)
 *
 * A table says what each needs and who does it. What touches one key, or changes the directory by one pointer, is done
 * here, inside the batch's section; whole trees and files go to the store's threads.
 */
#include "command/command_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

typedef enum command_status v1_handler(struct command_worker *worker, const struct command_entry *entry,
                                       struct buffer *out);

/* ---- replies ---- */

/* Of an engine call. One that found no room in the log did nothing, and is called again later. */
static enum command_status
reply_ok(struct buffer *out, int result)
{
	if (result == -EAGAIN)
		return COMMAND_LATER;
	if (result == 0)
		json_v1_reply_text(out, "OK", 2);
	else
		v1_reply_failure(out, result);
	return COMMAND_DONE;
}

enum command_status
command_reply_number(struct buffer *out, int result, uint64_t value)
{
	if (result == -EAGAIN)
		return COMMAND_LATER;
	if (result == 0)
		json_v1_reply_number(out, value);
	else
		v1_reply_failure(out, result);
	return COMMAND_DONE;
}

/* ---- on the worker ---- */

int
command_create_tree(struct command_worker *worker, const struct command_entry *entry, struct tree **ret_tree)
{
	/* Of the tree, and of what is done to one key of it then: a request that comes later must not have made its tree. */
	enum { EFFECTS_MOST = 5 };

	if (!effect_log_has_room(&worker->log, NULL, 0, EFFECTS_MOST))
		return -EAGAIN;
	int r = tree_create(worker->engine_worker, entry->request.tree.data, entry->request.tree.bytes, ret_tree);

	return r == ENGINE_EXISTS ? 0 : r; /* another worker was first */
}

static enum command_status
v1_unknown(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	static const char before[] = "Unknown command ";
	const struct text *name = &entry->request.command_text;
	struct buffer text;

	(void)worker;
	buffer_init(&text, SIZE_MAX);
	buffer_append(&text, before, sizeof(before) - 1);
	buffer_append(&text, name->data, name->bytes);
	if (text.failed)
		v1_reply_failure(out, -ENOMEM);
	else
		json_v1_reply_error(out, text.data, text.bytes);
	buffer_deinit(&text);
	return COMMAND_DONE;
}

static enum command_status
v1_ping(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	(void)worker;
	(void)entry;
	json_v1_reply_text(out, "pong", 4);
	return COMMAND_DONE;
}

static enum command_status
v1_create(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	struct tree *tree;

	return reply_ok(out, command_find_or_create_tree(worker, entry, &tree));
}

static enum command_status
v1_drop(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	const struct text *name = &entry->request.tree;
	int r = tree_drop(worker->engine_worker, name->data, name->bytes);

	if (r != ENGINE_MISSING)
		return reply_ok(out, r);
	json_v1_reply_named(out, false, "Tree ", *name, " not exists");
	return COMMAND_DONE;
}

static enum command_status
v1_decrement(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	struct tree *tree = command_find_tree(worker, entry);
	int r = tree == NULL ? 0 : tree_decrement(worker->engine_worker, tree, entry->request.key);

	return command_reply_number(out, r, 1);
}

static enum command_status
v1_sum(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	const struct v1_request *request = &entry->request;
	struct tree *tree = command_find_tree(worker, entry);
	uint64_t sum = 0;

	if (tree != NULL && request->has_from)
		sum = tree_sum_range(tree, request->key, request->from, request->to);
	else if (tree != NULL)
		sum = tree_total(tree, request->key);
	json_v1_reply_number(out, sum);
	return COMMAND_DONE;
}

static enum command_status
v1_find(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	const struct v1_request *request = &entry->request;
	struct v1_day_list list = { .out = out };

	if (!request->has_key)
		return command_job_submit(worker, entry, COMMAND_SCAN, v1_job_find, out);
	struct tree *tree = command_find_tree(worker, entry);

	json_v1_reply_begin(out);
	buffer_append_byte(out, '{');
	if (tree != NULL)
		(void)tree_days(tree, request->key, request->from, request->to, v1_append_day, &list);
	buffer_append_byte(out, '}');
	json_v1_reply_end(out);
	return COMMAND_DONE;
}

static enum command_status
v1_delete(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	const struct v1_request *request = &entry->request;

	if (!request->has_key)
		return command_job_submit(worker, entry, COMMAND_MAINTENANCE, command_job_delete, out);
	struct tree *tree = command_find_tree(worker, entry);
	int r = 0;

	if (tree != NULL)
		r = tree_delete_range(worker->engine_worker, tree, request->key, request->from, request->to);
	if (r != 0)
		return reply_ok(out, r);
	json_v1_reply_true(out);
	return COMMAND_DONE;
}

static enum command_status
v1_reset(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	const struct v1_request *request = &entry->request;
	int r = 0;

	if (request->has_key) {
		struct tree *tree = command_find_tree(worker, entry);

		if (tree != NULL)
			r = tree_reset_key(worker->engine_worker, tree, request->key);
	} else {
		r = tree_reset(worker->engine_worker, request->tree.data, request->tree.bytes);
		if (r == ENGINE_MISSING)
			r = 0;
	}
	return reply_ok(out, r);
}

/* ---- on the store's threads ---- */

static enum command_status
v1_trees(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	return command_job_submit(worker, entry, COMMAND_SCAN, command_job_trees, out);
}

static enum command_status
v1_dumps(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	return command_job_submit(worker, entry, COMMAND_SCAN, v1_job_dumps, out);
}

static enum command_status
v1_dump(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	return command_job_submit(worker, entry, COMMAND_MAINTENANCE, v1_job_dump, out);
}

static enum command_status
v1_dump_all(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	(void)entry;
	if (command_log_failed(worker))
		v1_reply_read_only(out);
	else
		command_job_submit_detached(worker, COMMAND_MAINTENANCE, v1_job_dump_all, out);
	return COMMAND_DONE;
}

static enum command_status
v1_load(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	return command_job_submit(worker, entry, COMMAND_MAINTENANCE, v1_job_load, out);
}

/* ---- the table ---- */

enum v1_need {
	NEED_TREE = 1,
	NEED_KEY = 2,
	NEED_RANGE = 4,
	NEED_WHOLE_RANGE = 8, /* both ends or none */
	WRITES = 16,          /* may change something: goes through the log */
	READS = 32,           /* changes nothing, makes no file: the read token will do */
};

static const struct v1_rule {
	v1_handler *run;
	unsigned needs;
} rules[] = {
	[V1_UNKNOWN] = { v1_unknown, READS },
	[V1_PING] = { v1_ping, READS },
	[V1_TREES] = { v1_trees, READS },
	[V1_CREATE] = { v1_create, NEED_TREE | WRITES },
	[V1_DROP] = { v1_drop, NEED_TREE | WRITES },
	[V1_INCREMENT] = { command_increment, NEED_TREE | NEED_KEY | WRITES },
	[V1_DECREMENT] = { v1_decrement, NEED_TREE | NEED_KEY | WRITES },
	[V1_SUM] = { v1_sum, NEED_TREE | NEED_KEY | NEED_WHOLE_RANGE | READS },
	[V1_FIND] = { v1_find, NEED_TREE | NEED_RANGE | READS },
	[V1_RESET] = { v1_reset, NEED_TREE | WRITES },
	[V1_DELETE] = { v1_delete, NEED_TREE | NEED_RANGE | WRITES },
	[V1_DUMP] = { v1_dump, NEED_TREE },
	[V1_DUMP_ALL] = { v1_dump_all, 0 },
	[V1_DUMPS] = { v1_dumps, READS },
	[V1_LOAD] = { v1_load, NEED_TREE | WRITES },
};
static_assert(sizeof(rules) / sizeof(rules[0]) == V1_LOAD + 1, "every command has its rule");

/* What is missing, or NULL. */
static const char *
missing_field(const struct v1_request *request, unsigned needs)
{
	if ((needs & NEED_TREE) != 0 && !request->has_tree)
		return "Field tree_name is required";
	if ((needs & NEED_KEY) != 0 && !request->has_key)
		return "Field key is required";
	bool none = !request->has_from && !request->has_to;
	bool whole = request->has_from && request->has_to;

	if (((needs & NEED_RANGE) != 0 && !whole) || ((needs & NEED_WHOLE_RANGE) != 0 && !whole && !none))
		return "Fields time_from and time_to are required";
	return NULL;
}

static void
reply_forbidden(const struct v1_request *request, struct buffer *out)
{
	char text[64];

	/* A command that has a rule of its own, so its name is short. */
	(void)snprintf(text, sizeof(text), "Read-only token cannot execute command %.*s",
	               (int)request->command_text.bytes, request->command_text.data);
	v1_reply_error(out, text);
}

/* False: the reply stands in out. */
static __attribute__((noinline)) bool
check_token(const struct command_worker *worker, const struct command_entry *entry, const struct v1_rule *rule,
            struct buffer *out)
{
	const struct v1_request *request = &entry->request;
	const struct text token = request->has_token ? request->token : (struct text){ 0 };

	switch (command_auth_right(&worker->auth, token)) {
	case RIGHT_ALL:
		return true;
	case RIGHT_READ:
		if ((rule->needs & READS) != 0)
			return true;
		reply_forbidden(request, out);
		return false;
	case RIGHT_NONE:
		break;
	}
	v1_reply_error(out, "Unauthorized");
	return false;
}

static enum command_status
run_write(struct command_worker *worker, v1_handler *run, const struct command_entry *entry, struct buffer *out,
          uint64_t *ret_hold)
{
	switch (command_log_admit(worker, entry, out, ret_hold)) {
	case ADMIT_NOW:
		return command_log_settle(worker, entry, run(worker, entry, out), out, ret_hold);
	case ADMIT_LATER:
		return COMMAND_LATER;
	case ADMIT_REFUSED:
		break;
	}
	return COMMAND_DONE;
}

enum command_status
command_v1_run(struct command_worker *worker, const struct command_entry *entry, struct buffer *out, uint64_t *ret_hold)
{
	assert(entry->request.command <= V1_LOAD);
	const struct v1_rule *rule = &rules[entry->request.command];
	const char *missing = missing_field(&entry->request, rule->needs);

	entry->client->protocol = PROTOCOL_V1;
	if (worker->needs_token && !check_token(worker, entry, rule, out))
		return COMMAND_DONE;
	if (missing != NULL) {
		v1_reply_error(out, missing);
		return COMMAND_DONE;
	}
	if ((rule->needs & WRITES) != 0)
		return run_write(worker, rule->run, entry, out, ret_hold);
	return rule->run(worker, entry, out);
}
