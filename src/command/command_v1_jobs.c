/*
 * command_v1_jobs.c - whole trees and files: what the store's threads run for v1 requests
 *
 * Each function runs on the thread it was submitted to and writes the reply of its job. The reply's buffer is bounded by
 * response_bytes_max, so a tree that is too large to show ends its own walk. So does one that nobody waits for any more.
 */
#include "command/command_internal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "proto/json_encode.h"

static struct text
tree_of(const struct command_job *job)
{
	return (struct text){ .data = job->tree, .bytes = job->tree_bytes };
}

/* ---- scan thread ---- */

struct find_walk {
	const struct command_job *job;
	struct buffer *reply;
	uint64_t from, to;
	bool more;
};

static int
append_key(void *context, uint64_t key, struct key_record *record)
{
	struct find_walk *walk = context;
	struct v1_day_list days = { .out = walk->reply };

	if (command_job_is_abandoned(walk->job))
		return 1;
	if (walk->more)
		buffer_append_byte(walk->reply, ',');
	walk->more = true;
	buffer_append_byte(walk->reply, '"');
	buffer_append_u64(walk->reply, key);
	buffer_append_literal(walk->reply, "\":{");
	tree_key_days(record, walk->from, walk->to, v1_append_day, &days);
	buffer_append_byte(walk->reply, '}');
	return walk->reply->failed; /* no sense in going on */
}

void
v1_job_find(struct job *base)
{
	struct command_job *job = command_job_of(base);
	struct engine *engine = job->owner->options.engine;
	struct find_walk walk = { .job = job, .reply = &job->reply, .from = job->from, .to = job->to };

	json_v1_reply_begin(&job->reply);
	buffer_append_byte(&job->reply, '{');
	engine_scan_begin(engine);
	struct tree *tree = engine_scan_tree(engine, job->tree, job->tree_bytes);

	if (tree != NULL)
		(void)tree_scan_keys(tree, append_key, &walk);
	engine_scan_end(engine);
	buffer_append_byte(&job->reply, '}');
	json_v1_reply_end(&job->reply);
	command_job_settle_reply(job);
}

void
v1_job_dumps(struct job *base)
{
	struct command_job *job = command_job_of(base);
	struct command_name_list list = { .job = job };
	char **names;
	size_t count;
	int r = store_files(job->store, &names, &count);

	if (r < 0) {
		v1_reply_error(&job->reply, "The dump directory could not be read");
		return;
	}
	json_v1_reply_begin(&job->reply);
	buffer_append_byte(&job->reply, '[');
	for (size_t i = 0; i < count && command_append_name(&list, NULL, names[i], strlen(names[i])) == 0; i++)
		;
	store_files_free(names, count);
	buffer_append_byte(&job->reply, ']');
	json_v1_reply_end(&job->reply);
	command_job_settle_reply(job);
}

/* ---- maintenance thread ---- */

void
v1_job_dump(struct job *base)
{
	struct command_job *job = command_job_of(base);
	struct store_fault fault;
	int r = store_dump(job->store, job->tree, job->tree_bytes, job->store_ticket, &fault);

	if (r == 0)
		json_v1_reply_named(&job->reply, true, "Tree ", tree_of(job), " saved");
	else if (r == ENGINE_MISSING)
		json_v1_reply_named(&job->reply, false, "Tree ", tree_of(job), " not found");
	else
		v1_reply_error(&job->reply, fault.text);
	command_job_settle_reply(job);
}

void
v1_job_dump_all(struct job *base)
{
	struct command_job *job = command_job_of(base);
	struct store_fault fault;

	assert(job->owner == NULL);
	/* Nobody waits for the outcome; the store has logged it. */
	(void)store_dump_all_joined(job->store, job->store_ticket, &fault);
}

void
v1_job_load(struct job *base)
{
	struct command_job *job = command_job_of(base);
	struct store_fault fault;
	char name[TREE_NAME_BYTES_MAX];
	struct text tree = { .data = name };
	int r = store_load(job->store, job->tree, job->tree_bytes, name, &tree.bytes, &job->hold, &fault);

	if (r == 0)
		json_v1_reply_named(&job->reply, true, "Tree ", tree, " loaded");
	else if (r == ENGINE_MISSING)
		json_v1_reply_named(&job->reply, false, "Dump ", tree, " not exists");
	else
		v1_reply_error(&job->reply, fault.text);
	command_job_settle_reply(job);
}
