/*
 * command_v2_idempotent.c - requests with an idempotency key: once, however often they come
 *
 *   claim ──► gate, room in the log ──► run ──► effects and record, one group ──► finish: others get the answer
 *     │               │                   │
 *     │               └─ none, refused ───┴─ an error: cancel, the next with this key runs
 *     ├─ the answer of the first time, or a conflict: the reply depends on the log as the first one did
 *     └─ in use: parked (command_park.h)
 *
 * What is waited for while the key is held: only the gate, which the committer opens by itself. A line that finds no room in
 * the log gives the key back before it waits, so nobody waits for a key whose owner waits for anything else.
 *
 * A job of the maintenance thread takes the claim along. Its effects are many groups; the record stands behind the last. After
 * a crash in between it is done again, which a delete bears.
 */
#include "command/command_v2.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "ledger/codec.h"
#include "wal/wal.h"

/* The use of a key while its request is run. */
struct command_use {
	struct ledger *ledger;
	struct ledger_record *claim; /* NULL: it has been finished, or another has it */
	struct ledger_use use;       /* of which fingerprint, and with a job response, stand below */
	uint8_t fingerprint[FINGERPRINT_BYTES];
	char response[LEDGER_RESPONSE_BYTES_MAX];
	size_t key_bytes;
	char key[LEDGER_KEY_BYTES_MAX];
};

static const char conflict_text[] = "Idempotency key was already used with a different request";
static const char no_memory_text[] = "Out of memory, nothing changed";

/* Of another's tag: what the log has released it no longer depends on. */
static uint64_t
hold_of(const struct command_worker *worker, uint64_t tag)
{
	if (worker->wal == NULL || !wal_holds_replies(worker->wal) || tag <= worker->released)
		return 0;
	return tag;
}

/* ---- what is said of it ---- */

static void
use_init(struct command_use *use, const struct command_worker *worker, const struct v2_idempotency *asked,
         enum ledger_operation operation)
{
	use->ledger = worker->options.ledger;
	use->claim = NULL;
	use->use = (struct ledger_use){ .operation = operation, .created_at_unix = (uint64_t)time(NULL) };
	assert(asked->key.bytes <= sizeof(use->key));
	memcpy(use->key, asked->key.data, asked->key.bytes);
	use->key_bytes = asked->key.bytes;
}

static void
use_answer(struct command_use *use, struct text response)
{
	assert(response.bytes <= sizeof(use->response));
	memcpy(use->response, response.data, response.bytes);
	use->use.response = use->response;
	use->use.response_bytes = response.bytes;
	use->use.fingerprint = use->fingerprint;
}

/* In the section of its group. */
static size_t
use_say(struct command_use *use, uint8_t *body)
{
	use->use.sequence = ledger_sequence_next(use->ledger);
	return ledger_use_encode(use->key, use->key_bytes, &use->use, body);
}

static void
use_finish(struct command_use *use, uint64_t tag)
{
	struct ledger_record *claim = use->claim;

	use->claim = NULL;
	use->use.tag = tag;
	ledger_finish(use->ledger, claim, &use->use);
}

/* ---- on the worker ---- */

/* The operation has been done: its effects and the record go to the log. */
static void
settle(struct command_worker *worker, struct command_use *use, struct text response)
{
	uint8_t body[LEDGER_BODY_BYTES_MAX];

	use_answer(use, response);
	const size_t bytes = use_say(use, body);

	use->use.tag = effect_log_append_ledger(&worker->log, body, bytes, engine_log_epoch(worker->options.engine));
}

/* Runs it, with the room for its record put aside. Its reply stands in worker->answer. */
static enum command_status
run_admitted(struct command_worker *worker, const struct command_entry *entry, struct command_use *use,
             uint64_t *ret_hold, bool *ret_done)
{
	struct buffer *answer = &worker->answer;
	const size_t body_bytes = LEDGER_USE_BYTES + LEDGER_RESPONSE_BYTES_MAX + use->key_bytes;
	enum command_status status = COMMAND_LATER;
	struct text response;

	if (effect_log_room_for_ledger(&worker->log, body_bytes))
		status = entry->v2->operation->run(worker, entry, answer);
	*ret_done =
	    status == COMMAND_DONE && !answer->failed && json_v2_reply_response(answer->data, answer->bytes, &response);
	if (!*ret_done)
		return command_log_settle(worker, entry, status, answer, ret_hold);
	settle(worker, use, response);
	*ret_hold = hold_of(worker, use->use.tag);
	return COMMAND_DONE;
}

static enum command_status
run_in_gate(struct command_worker *worker, const struct command_entry *entry, struct command_use *use,
            uint64_t *ret_hold, bool *ret_done)
{
	const bool gate = v2_wants_gate(worker, entry) && command_log_gate_enter(worker);
	enum command_status status = COMMAND_DONE;

	buffer_truncate(&worker->answer, 0);
	*ret_done = false;
	switch (command_log_admit(worker, entry, &worker->answer, ret_hold)) {
	case ADMIT_NOW:
		status = run_admitted(worker, entry, use, ret_hold, ret_done);
		break;
	case ADMIT_LATER:
		status = COMMAND_LATER;
		break;
	case ADMIT_REFUSED:
		break;
	}
	if (gate)
		command_log_gate_leave(worker);
	return status;
}

/* An error, as the operation has written it. */
static void
reply_answer(const struct command_worker *worker, struct buffer *out)
{
	if (worker->answer.failed)
		v2_reply_error(out, V2_INTERNAL_ERROR, "Out of memory for the response");
	else
		buffer_append(out, worker->answer.data, worker->answer.bytes);
}

/* Takes the claim, in whatever way it ends. */
static enum command_status
run_claimed(struct command_worker *worker, const struct command_entry *entry, struct command_use *use,
            struct buffer *out, uint64_t *ret_hold)
{
	bool done;
	enum command_status status = run_in_gate(worker, entry, use, ret_hold, &done);

	if (status == COMMAND_PENDING)
		return status; /* the job has it */
	if (done) {
		use_finish(use, use->use.tag);
		json_v2_reply_idempotent(out, (struct text){ .data = use->response, .bytes = use->use.response_bytes },
		                         false);
		return COMMAND_DONE;
	}
	ledger_cancel(use->ledger, use->claim);
	if (status == COMMAND_DONE)
		reply_answer(worker, out);
	return status;
}

/* The store's thread may run it: then what it needs has to be there before. False: no memory. */
static bool
prepare_job(struct command_worker *worker, const struct command_entry *entry, const struct command_use *use)
{
	if (entry->v2->operation->run != v2_delete_tree)
		return true;
	worker->use = mem_alloc(sizeof(*worker->use));
	if (worker->use == NULL)
		return false;
	*worker->use = *use;
	return true;
}

static enum command_status
run(struct command_worker *worker, const struct command_entry *entry, struct command_use *use, struct buffer *out,
    uint64_t *ret_hold)
{
	if (!prepare_job(worker, entry, use)) {
		ledger_cancel(use->ledger, use->claim);
		v2_reply_error(out, V2_INTERNAL_ERROR, no_memory_text);
		return COMMAND_DONE;
	}
	enum command_status status = run_claimed(worker, entry, use, out, ret_hold);

	mem_free(worker->use); /* no job has taken it */
	worker->use = NULL;
	return status;
}

/* ---- the key ---- */

/* COMMAND_DONE with the claim in use, or with a reply in out and no claim. */
static enum command_status
claim(struct command_worker *worker, const struct command_entry *entry, struct command_use *use, struct buffer *out,
      uint64_t *ret_hold)
{
	struct ledger_waiter *waiter = command_park_prepare(worker, entry->ticket);
	struct ledger_use found;
	int outcome = waiter == NULL ? -ENOMEM
	                             : ledger_claim(use->ledger, use->key, use->key_bytes, use->fingerprint, waiter,
	                                            &use->claim, &found);

	switch (outcome) {
	case LEDGER_CLAIMED:
		return COMMAND_DONE;
	case LEDGER_PARKED:
		command_park(worker);
		return COMMAND_PARKED;
	case LEDGER_REPLAY:
		json_v2_reply_idempotent(out, (struct text){ .data = found.response, .bytes = found.response_bytes },
		                         true);
		*ret_hold = hold_of(worker, found.tag);
		return COMMAND_DONE;
	case LEDGER_CONFLICT:
		v2_reply_error(out, V2_IDEMPOTENCY_CONFLICT, conflict_text);
		*ret_hold = hold_of(worker, found.tag);
		return COMMAND_DONE;
	default:
		assert(outcome == -ENOMEM);
		v2_reply_error(out, V2_INTERNAL_ERROR, no_memory_text);
		return COMMAND_DONE;
	}
}

/* The client may have worked it out, too. */
static bool
is_as_client_says(const struct v2_idempotency *asked, const struct command_use *use)
{
	char hex[FINGERPRINT_HEX_BYTES];

	if (!asked->has_fingerprint)
		return true;
	fingerprint_to_hex(use->fingerprint, hex);
	return asked->fingerprint.bytes == sizeof(hex) && memcmp(asked->fingerprint.data, hex, sizeof(hex)) == 0;
}

/* The bucket is given. */
static enum command_status
run_with_key(struct command_worker *worker, const struct command_entry *entry, struct buffer *out, uint64_t *ret_hold)
{
	const struct v2_idempotency *asked = entry->v2->idempotency;
	struct command_use use;
	enum command_status status = COMMAND_DONE;

	use_init(&use, worker, asked, v2_fingerprint(entry, use.fingerprint));
	use.claim = command_park_take(worker, entry->ticket);
	if (!is_as_client_says(asked, &use)) {
		/* Midnight may have passed since it was parked. */
		if (use.claim != NULL)
			ledger_cancel(use.ledger, use.claim);
		v2_reply_error(out, V2_IDEMPOTENCY_CONFLICT, "Field fingerprint does not match request fingerprint");
		return COMMAND_DONE;
	}
	if (use.claim == NULL)
		status = claim(worker, entry, &use, out, ret_hold);
	return use.claim != NULL ? run(worker, entry, &use, out, ret_hold) : status;
}

enum command_status
v2_run_idempotent(struct command_worker *worker, const struct command_entry *entry, struct buffer *out,
                  uint64_t *ret_hold)
{
	struct command_entry dated = *entry;
	struct v2_request request = *entry->v2;

	/* Never a write without the promise that goes with the key. */
	if (worker->options.ledger == NULL) {
		v2_reply_error(out, V2_INTERNAL_ERROR, "Idempotency keys are not supported here");
		return COMMAND_DONE;
	}
	/* What is written is what the fingerprint says, also at midnight. */
	if (!request.has_bucket)
		request.bucket = engine_today(worker->options.engine);
	request.has_bucket = true;
	dated.v2 = &request;
	dated.tree = NULL; /* behind the gate it would be stale */
	return run_with_key(worker, &dated, out, ret_hold);
}

/* ---- on the maintenance thread ---- */

static size_t
job_say(void *context, uint8_t *body)
{
	return use_say(context, body);
}

static void
job_said(void *context, uint64_t tag)
{
	use_finish(context, tag);
}

/* It was done: the record, then the reply. */
static void
job_settle(struct command_job *job, struct command_use *use, struct text response)
{
	const struct store_ledger_step step = { .say = job_say, .said = job_said, .context = use };
	struct store_fault fault;
	uint64_t hold = 0;

	use_answer(use, response);
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
