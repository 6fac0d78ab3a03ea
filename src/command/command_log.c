/*
 * command_log.c - a worker and the write-ahead log (DESIGN.md section 5)
 *
 *   admit     before a write touches memory: is the log in order, is there room?
 *   run       the engine leaves effects in the scratch of worker->log
 *   settle    they become a group, in the section in which their tag was loaded
 *   flush     behind the section: the committer is asked for
 *
 * What a reply depends on. A write that logged something: its tag, since a tag is loaded after the last look. One that changed
 * nothing tells what others did: the epoch as it is now, after the look. Reads depend on nothing.
 *
 * No room. The request has changed nothing and is run again later; until everything logged so far is released no other write
 * of this worker is begun. So nothing is appended meanwhile, both buffers are empty then, and the request that is run first
 * has all the room there can be: who needs more is refused for good, and nobody starves. What is released is looked at once a
 * batch, since the front end puts those that wait in front of a batch, not into its middle. Reads go on.
 */
#include "command/command_internal.h"

#include <assert.h>
#include <sched.h>
#include <string.h>

#include "wal/wal.h"

int
command_log_init(struct command_worker *worker)
{
	struct wal_writer *writer = NULL;

	worker->wal = store_wal(worker->options.store);
	if (worker->wal != NULL) {
		int r = wal_writer_create(worker->wal, worker->options.wake, worker->options.wake_context, &writer);

		if (r < 0)
			return r;
	}
	return effect_log_init(&worker->log, writer, worker->engine_worker);
}

void
command_log_look(struct command_worker *worker)
{
	worker->released = command_released(worker);
}

void
command_log_flush(struct command_worker *worker)
{
	if (worker->wal != NULL)
		wal_writer_flush(worker->log.writer);
}

/* ---- one write ---- */

enum command_admission
command_log_admit(struct command_worker *worker, const struct command_entry *entry, struct buffer *out,
                  uint64_t *ret_hold)
{
	if (worker->wal == NULL)
		return ADMIT_NOW;
	switch (wal_state(worker->wal)) {
	case WAL_OK:
		break;
	case WAL_FULL:
		command_reply_error(entry_protocol(entry), out, V2_INTERNAL_ERROR, "Disk is full, writes are refused");
		return ADMIT_REFUSED;
	case WAL_FAILED:
		command_reply_error(entry_protocol(entry), out, V2_INTERNAL_ERROR, command_read_only_text);
		return ADMIT_REFUSED;
	}
	if (worker->later_until > worker->released) {
		*ret_hold = worker->later_until;
		return ADMIT_LATER;
	}
	worker->later_until = 0;
	effect_log_room(&worker->log);
	return ADMIT_NOW;
}

enum command_status
command_log_settle(struct command_worker *worker, const struct command_entry *entry, enum command_status status,
                   struct buffer *out, uint64_t *ret_hold)
{
	if (worker->wal == NULL || status == COMMAND_PENDING)
		return status;
	/* Of other requests: one that was run in vain has left nothing, not even its tree. */
	bool empty = effect_log_is_empty(&worker->log);
	uint64_t tag = effect_log_append(&worker->log);

	if (status == COMMAND_LATER && !empty) {
		worker->later_until = engine_log_epoch(worker->options.engine);
		*ret_hold = worker->later_until;
		return COMMAND_LATER;
	}
	if (status == COMMAND_LATER)
		command_reply_error(entry_protocol(entry), out, V2_INTERNAL_ERROR,
		                    "Request too large for the log, nothing changed: ask for less at once, or raise "
		                    "--wal-segment-bytes");
	if (wal_holds_replies(worker->wal))
		*ret_hold = tag != 0 ? tag : engine_log_epoch(worker->options.engine);
	return COMMAND_DONE;
}

/* ---- the gate ---- */

bool
command_log_gate_enter(struct command_worker *worker)
{
	if (worker->wal == NULL)
		return false;
	engine_batch_end(worker->engine_worker);
	/* The committer moves the epoch and opens again, which takes it no wait for others but those inside. */
	while (!wal_gate_try_enter(worker->log.writer))
		(void)sched_yield();
	engine_batch_begin(worker->engine_worker);
	for (uint32_t i = worker->forgotten; i < worker->count; i++) {
		worker->entries[i].tree = NULL;
		worker->entries[i].prefetch = (struct key_prefetch){ 0 };
	}
	worker->forgotten = worker->count;
	return true;
}

void
command_log_gate_leave(struct command_worker *worker)
{
	wal_gate_leave(worker->log.writer);
}

/* ---- replies that wait ---- */

uint64_t
command_released(const struct command_worker *worker)
{
	return worker->wal == NULL ? UINT64_MAX : wal_released(worker->wal);
}

bool
command_log_failed(const struct command_worker *worker)
{
	return worker->wal != NULL && wal_state(worker->wal) == WAL_FAILED;
}

bool
command_wait(struct command_worker *worker, uint64_t epoch)
{
	return worker->wal != NULL && wal_writer_wait(worker->log.writer, epoch);
}

/* Replies are lines, and no reply holds an LF of its own. Of a read that stands behind a write on its connection the same
 * is said: what it saw may be lost. */
void
command_reply_unknown(const char *replies, size_t bytes, struct buffer *out)
{
	const char *end = replies + bytes;

	while (replies < end) {
		const char *line_end = memchr(replies, '\n', (size_t)(end - replies));

		assert(line_end != NULL);
		const bool v2 = json_v2_is_reply(replies, (size_t)(line_end - replies));

		command_reply_error(v2 ? PROTOCOL_V2 : PROTOCOL_V1, out, V2_INTERNAL_ERROR,
		                    "The log has failed, the outcome is unknown");
		replies = line_end + 1;
	}
}
