/*
 * command_v2_compact.c - what gives the memory of old counts back, on the maintenance thread
 *
 * Each is finished once begun, whether its client is still there or not.
 */
#include "command/command_v2.h"

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

void
v2_job_compact(struct job *base)
{
	struct command_job *job = command_job_of(base);
	struct store_fault fault;

	reply(job, store_compact(job->store, job->tree, job->tree_bytes, &job->hold, &fault), &fault);
}

void
v2_job_compact_every(struct job *base)
{
	struct command_job *job = command_job_of(base);
	struct store_fault fault;

	reply(job, store_compact_every(job->store, &job->hold, &fault), &fault);
}

void
v2_job_delete_before(struct job *base)
{
	struct command_job *job = command_job_of(base);
	struct store_fault fault;

	reply(job, store_delete_before(job->store, job->tree, job->tree_bytes, job->to, &job->hold, &fault), &fault);
}
