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
#include "command/command_v2_use.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "ledger/codec.h"
#include "wal/wal.h"

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

/* ---- on the worker ---- */

/* The operation has been done: its effects and the record go to the log. */
static void
settle(struct command_worker *worker, struct command_use *use, struct text response)
{
	uint8_t body[LEDGER_BODY_BYTES_MAX];

	command_use_answer(use, response);
	const size_t bytes = command_use_say(use, body);

	use->use.tag = effect_log_append_ledger(&worker->log, body, bytes, engine_log_epoch(worker->options.engine));
}

/* A v2_write_fn: runs it, with the room for its record put aside. */
static enum command_status
run_admitted(struct command_worker *worker, const struct command_entry *entry, void *context, struct buffer *answer,
             uint64_t *ret_hold)
{
	struct command_use *use = context;
	const size_t body_bytes = LEDGER_USE_BYTES + LEDGER_RESPONSE_BYTES_MAX + use->key_bytes;
	enum command_status status = COMMAND_LATER;
	struct text response;

	if (effect_log_room_for_ledger(&worker->log, body_bytes))
		status = entry->v2->operation->run(worker, entry, answer);
	use->done =
	    status == COMMAND_DONE && !answer->failed && json_v2_reply_response(answer->data, answer->bytes, &response);
	if (!use->done)
		return command_log_settle(worker, entry, status, answer, ret_hold);
	settle(worker, use, response);
	*ret_hold = hold_of(worker, use->use.tag);
	return COMMAND_DONE;
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
	buffer_truncate(&worker->answer, 0);
	enum command_status status = v2_write(worker, entry, run_admitted, use, &worker->answer, ret_hold);

	if (status == COMMAND_PENDING)
		return status; /* the job has it */
	if (use->done) {
		command_use_finish(use, use->use.tag);
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
	if (entry->v2->operation->job == NULL)
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

	command_use_init(&use, worker, asked, v2_fingerprint(entry, use.fingerprint));
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
