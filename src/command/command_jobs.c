/*
 * command_jobs.c - whole trees: what the store's threads run for requests of either protocol
 *
 * Each function runs on the thread it was submitted to and writes the reply of its job, in the envelope of its protocol.
 */
#include "command/command_internal.h"

#include "proto/json_encode.h"

int
command_append_name(void *context, struct tree *tree, const char *name, size_t bytes)
{
	struct command_name_list *list = context;
	struct buffer *reply = &list->job->reply;

	(void)tree;
	if (command_job_is_abandoned(list->job))
		return 1;
	if (list->more)
		buffer_append_byte(reply, ',');
	list->more = true;
	json_encode_string(reply, name, bytes);
	return reply->failed;
}

void
command_job_trees(struct job *base)
{
	struct command_job *job = command_job_of(base);
	struct engine *engine = job->owner->options.engine;
	struct command_name_list list = { .job = job };

	command_reply_begin(job->protocol, &job->reply);
	buffer_append_byte(&job->reply, '[');
	engine_scan_begin(engine);
	int r = engine_scan_names(engine, command_append_name, &list);

	engine_scan_end(engine);
	if (r < 0)
		job->reply.failed = true;
	buffer_append_byte(&job->reply, ']');
	command_reply_end(job->protocol, &job->reply);
	command_job_settle_reply(job);
}

void
command_job_delete(struct job *base)
{
	struct command_job *job = command_job_of(base);
	struct store_fault fault;
	int r = store_delete_range(job->store, job->tree, job->tree_bytes, job->from, job->to, &job->hold, &fault);

	/* Dropped since the request came: it stands before that. */
	if (r != 0 && r != ENGINE_MISSING) {
		command_reply_error(job->protocol, &job->reply, V2_INTERNAL_ERROR, fault.text);
		return;
	}
	command_reply_begin(job->protocol, &job->reply);
	buffer_append_literal(&job->reply, "true");
	command_reply_end(job->protocol, &job->reply);
}
