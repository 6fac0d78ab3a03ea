/*
 * command_v2_use.c - what is said of a key's use, and its end on the maintenance thread
 */
#include "command/command_v2_use.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "ledger/codec.h"

void
command_use_init(struct command_use *use, const struct command_worker *worker, const struct v2_idempotency *asked,
                 enum ledger_operation operation)
{
	use->ledger = worker->options.ledger;
	use->claim = NULL;
	use->done = false;
	use->use = (struct ledger_use){ .operation = operation, .created_at_unix = (uint64_t)time(NULL) };
	assert(asked->key.bytes <= sizeof(use->key));
	memcpy(use->key, asked->key.data, asked->key.bytes);
	use->key_bytes = asked->key.bytes;
}

void
command_use_answer(struct command_use *use, struct text response)
{
	assert(response.bytes <= sizeof(use->response));
	memcpy(use->response, response.data, response.bytes);
	use->use.response = use->response;
	use->use.response_bytes = response.bytes;
	use->use.fingerprint = use->fingerprint;
}

size_t
command_use_say(struct command_use *use, uint8_t *body)
{
	use->use.sequence = ledger_sequence_next(use->ledger);
	return ledger_use_encode(use->key, use->key_bytes, &use->use, body);
}

void
command_use_finish(struct command_use *use, uint64_t tag)
{
	struct ledger_record *claim = use->claim;

	use->claim = NULL;
	use->use.tag = tag;
	ledger_finish(use->ledger, claim, &use->use);
}

/* ---- on the maintenance thread ---- */

static size_t
job_say(void *context, uint8_t *body)
{
	return command_use_say(context, body);
}

static void
job_said(void *context, uint64_t tag)
{
	command_use_finish(context, tag);
}

/* It was done: the record, then the reply. */
static void
job_settle(struct command_job *job, struct command_use *use, struct text response)
{
	const struct store_ledger_step step = { .say = job_say, .said = job_said, .context = use };
	struct store_fault fault;
	uint64_t hold = 0;

	command_use_answer(use, response);
	buffer_truncate(&job->reply, 0);
	if (store_log_ledger(job->store, &step, &hold, &fault) < 0) {
		v2_reply_error(&job->reply, V2_INTERNAL_ERROR,
		               "Done, but its idempotency key could not be logged: repeat the request");
		return;
	}
	job->hold = hold > job->hold ? hold : job->hold;
	json_v2_reply_idempotent(&job->reply, (struct text){ .data = use->response, .bytes = use->use.response_bytes },
	                         false);
	command_job_settle_reply(job);
}

void
command_use_end(struct command_job *job, bool was_run)
{
	struct command_use *use = job->use;
	struct text response;

	job->use = NULL;
	if (was_run && !job->reply.failed && json_v2_reply_response(job->reply.data, job->reply.bytes, &response))
		job_settle(job, use, response);
	if (use->claim != NULL)
		ledger_cancel(use->ledger, use->claim);
	mem_free(use);
}
