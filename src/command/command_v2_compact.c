/*
 * command_v2_compact.c - what gives the memory of old counts back, on the maintenance thread
 *
 * Each is finished once begun, whether its client is still there or not.
 */
#include "command/command_v2.h"

static struct command_job *
job_of(struct job *job)
{
	return (struct command_job *)(void *)job; /* first member */
}

static void
reply(struct command_job *job, int result, const struct store_fault *fault)
{
	if (result == 0)
		json_v2_reply_text(&job->reply, "OK", 2);
	else if (result == ENGINE_MISSING)
		v2_reply_not_found(&job->reply, (struct text){ .data = job->tree, .bytes = job->tree_bytes });
	else
		v2_reply_error(&job->reply, V2_INTERNAL_ERROR, fault->text);
	command_job_settle_reply(job);
}

static void
compact_run(struct job *base)
{
	struct command_job *job = job_of(base);
	struct store_fault fault;

	reply(job, store_compact(job->store, job->tree, job->tree_bytes, &job->hold, &fault), &fault);
}

static void
compact_every_run(struct job *base)
{
	struct command_job *job = job_of(base);
	struct store_fault fault;

	reply(job, store_compact_every(job->store, &job->hold, &fault), &fault);
}

static void
delete_before_run(struct job *base)
{
	struct command_job *job = job_of(base);
	struct store_fault fault;

	reply(job, store_delete_before(job->store, job->tree, job->tree_bytes, job->to, &job->hold, &fault), &fault);
}

enum command_status
v2_compact(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	return command_job_submit(worker, entry, COMMAND_MAINTENANCE, compact_run, out);
}

enum command_status
v2_compact_every(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	return command_job_submit(worker, entry, COMMAND_MAINTENANCE, compact_every_run, out);
}

enum command_status
v2_delete_before(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	return command_job_submit(worker, entry, COMMAND_MAINTENANCE, delete_before_run, out);
}
