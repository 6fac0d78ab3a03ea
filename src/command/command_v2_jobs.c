/*
 * command_v2_jobs.c - whole series: what the store's threads run for v2 requests
 *
 * As command_v1_jobs.c: each runs on the thread that it was submitted to, and writes the reply of its job.
 */
#include "command/command_v2.h"

#include "proto/json_encode.h"

static struct command_job *
job_of(struct job *job)
{
	return (struct command_job *)(void *)job; /* first member */
}

struct name_list {
	const struct command_job *job;
	struct buffer *reply;
	bool more;
};

static int
append_name(void *context, struct tree *tree, const char *name, size_t bytes)
{
	struct name_list *list = context;

	(void)tree;
	if (command_job_is_abandoned(list->job))
		return 1;
	if (list->more)
		buffer_append_byte(list->reply, ',');
	list->more = true;
	json_encode_string(list->reply, name, bytes);
	return list->reply->failed;
}

void
v2_job_list(struct job *base)
{
	struct command_job *job = job_of(base);
	struct engine *engine = job->owner->options.engine;
	struct name_list list = { .job = job, .reply = &job->reply };

	json_v2_reply_begin(&job->reply);
	buffer_append_byte(&job->reply, '[');
	engine_scan_begin(engine);
	int r = engine_scan_names(engine, append_name, &list);

	engine_scan_end(engine);
	if (r < 0)
		job->reply.failed = true;
	buffer_append_byte(&job->reply, ']');
	json_v2_reply_end(&job->reply);
	command_job_settle_reply(job);
}

void
v2_job_delete(struct job *base)
{
	struct command_job *job = job_of(base);
	struct store_fault fault;
	int r = store_delete_range(job->store, job->tree, job->tree_bytes, job->from, job->to, &job->hold, &fault);

	/* Dropped since the request came: it stands before that. */
	if (r == 0 || r == ENGINE_MISSING)
		json_v2_reply_true(&job->reply);
	else
		v2_reply_error(&job->reply, V2_INTERNAL_ERROR, fault.text);
}
