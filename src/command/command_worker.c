/*
 * command_worker.c - batches: decode and prefetch all, then execute
 *
 * The cache misses of a batch overlap because they are asked for in four steps, each of which needs what the one before has
 * brought: pushing a line fetches its key's partition, and for lines PREFETCH_APART and twice that before it the head of the
 * map and the slot there; running one fetches the record of the line PREFETCH_AHEAD later. A loop over the whole batch for
 * the records would ask for more lines at once than a core can have under way. Prefetching decides nothing: the run looks
 * the key up again, and the tree unless that is still the one its name leads to (tree_is_current()), so a drop or reset
 * earlier in the batch is seen.
 *
 * The engine's section lasts from begin to end of the batch, so the trees noted for prefetching stay valid. Only a write that
 * takes the log's gate begins it anew; what is noted for the lines behind is forgotten then (command_log_gate_enter()).
 */
#include "command/command_internal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/probe.h"

enum {
	PREFETCH_APART = 8,  /* lines between two steps, in which the one has time to come */
	PREFETCH_AHEAD = 32, /* 8 to 32 took a sixth off the server's CPU at depth 100; more brings nothing */
	ANSWER_BYTES = 1024, /* of any success with an idempotency key, with much to spare */
	SCRATCH_BYTES_MIN = 512 * 1024,
};

/* ---- life ---- */

/* Scratch that a line may need, whatever is in it. */
static inline size_t
scratch_for(size_t line_bytes)
{
	return sizeof(struct v1_fault) + COMMAND_V2_BYTES_MAX + v2_scratch_bytes(line_bytes);
}

static int
worker_init(struct command_worker *worker)
{
	/* So that an empty batch takes any line. */
	const size_t needed = scratch_for(worker->options.request_bytes_max);
	const size_t scratch_bytes = needed > SCRATCH_BYTES_MIN ? needed : SCRATCH_BYTES_MIN;

	worker->auth = command_auth_of(worker->options.auth_token, worker->options.read_auth_token);
	worker->needs_token = command_auth_is_needed(&worker->auth);
	worker->scratch = (struct arena){ .data = mem_alloc(scratch_bytes), .capacity = scratch_bytes };
	if (worker->scratch.data == NULL)
		return -ENOMEM;
	if (engine_worker_create(worker->options.engine, &worker->engine_worker) < 0)
		goto fail_scratch;
	if (command_log_init(worker) < 0)
		goto fail_engine;
	if (pthread_mutex_init(&worker->lock, NULL) != 0)
		goto fail_log;
	if (pthread_cond_init(&worker->returned, NULL) != 0)
		goto fail_lock;
	worker->completed_last = &worker->completed;
	worker->woken_last = &worker->woken;
	buffer_init(&worker->answer, SIZE_MAX);
	if (!buffer_reserve(&worker->answer, ANSWER_BYTES))
		goto fail_returned;
	return 0;
fail_returned:
	(void)pthread_cond_destroy(&worker->returned);
fail_lock:
	(void)pthread_mutex_destroy(&worker->lock);
fail_log:
	engine_worker_destroy(worker->engine_worker);
	effect_log_deinit(&worker->log);
	goto fail_scratch;
fail_engine:
	engine_worker_destroy(worker->engine_worker);
fail_scratch:
	mem_free(worker->scratch.data);
	return -ENOMEM;
}

int
command_worker_create(const struct command_options *options, struct command_worker **ret)
{
	struct command_worker *worker = mem_alloc_zeroed(sizeof(*worker));

	assert(options->wake != NULL);
	if (worker == NULL)
		return -ENOMEM;
	worker->options = *options;
	int r = worker_init(worker);

	if (r < 0) {
		mem_free(worker);
		return r;
	}
	*ret = worker;
	return 0;
}

static void
wait_for_lent(struct command_worker *worker)
{
	(void)pthread_mutex_lock(&worker->lock);
	while (worker->lent > 0)
		(void)pthread_cond_wait(&worker->returned, &worker->lock);
	(void)pthread_mutex_unlock(&worker->lock);
}

void
command_worker_destroy(struct command_worker *worker)
{
	if (worker == NULL)
		return;
	assert(!worker->in_batch);
	command_job_abandon_all(worker);
	command_park_abandon_all(worker);
	wait_for_lent(worker);
	command_park_end(worker);
	buffer_deinit(&worker->answer);
	engine_worker_destroy(worker->engine_worker);
	effect_log_deinit(&worker->log);
	while (worker->completed != NULL) {
		struct command_job *job = worker->completed;

		worker->completed = job->next;
		command_job_destroy(job);
	}
	(void)pthread_cond_destroy(&worker->returned);
	(void)pthread_mutex_destroy(&worker->lock);
	mem_free(worker->scratch.data);
	mem_free(worker);
}

/* ---- batches ---- */

void
command_batch_begin(struct command_worker *worker)
{
	assert(!worker->in_batch);
	worker->in_batch = true;
	worker->prefetched = false;
	worker->count = 0;
	worker->next = 0;
	worker->forgotten = 0;
	worker->done_end = 0;
	arena_reset(&worker->scratch);
	engine_batch_begin(worker->engine_worker);
	worker->today = engine_today(worker->options.engine);
	command_log_look(worker);
}

static bool
is_of_one_key(const struct command_entry *entry)
{
	const struct v1_request *request = &entry->request;
	bool keyed = request->command == V1_INCREMENT || request->command == V1_SUM || request->command == V1_DECREMENT;

	return (keyed || entry->v2 != NULL) && request->has_tree && request->has_key;
}

/* Most lines name the tree of the line before. */
static struct tree *
prefetch_tree(struct command_worker *worker, const struct text *name, const struct command_entry *before)
{
	if (before != NULL && before->tree != NULL && before->request.tree.bytes == name->bytes &&
	    memcmp(before->request.tree.data, name->data, name->bytes) == 0)
		return before->tree;
	return tree_find(worker->engine_worker, name->data, name->bytes);
}

/* One step for one line of the batch; lines that are not there are passed by. */
static inline void
prefetch_step(struct command_worker *worker, int64_t index, void (*step)(const struct key_prefetch *prefetch))
{
	if (index >= 0 && index < worker->count)
		step(&worker->entries[index].prefetch);
}

/* The line that has just been decoded. */
static void
prefetch_pushed(struct command_worker *worker, struct command_entry *entry)
{
	const int64_t index = entry - worker->entries;

	entry->tree = NULL;
	entry->prefetch = (struct key_prefetch){ 0 };
	if (is_of_one_key(entry)) {
		entry->tree = prefetch_tree(worker, &entry->request.tree, index > 0 ? entry - 1 : NULL);
		if (entry->tree != NULL)
			key_prefetch_begin(&entry->prefetch, entry->tree, entry->request.key);
	}
	prefetch_step(worker, index - PREFETCH_APART, key_prefetch_map);
	prefetch_step(worker, index - 2 * PREFETCH_APART, key_prefetch_slot);
}

/* The batch is whole: what its last lines still lack, and the records of the first. */
static void
prefetch_rest(struct command_worker *worker)
{
	const int64_t count = worker->count;

	for (int64_t i = count - PREFETCH_APART; i < count; i++)
		prefetch_step(worker, i, key_prefetch_map);
	for (int64_t i = count - 2 * PREFETCH_APART; i < count; i++)
		prefetch_step(worker, i, key_prefetch_slot);
	for (int64_t i = 0; i < PREFETCH_AHEAD; i++)
		prefetch_step(worker, i, key_prefetch_record);
}

static const struct v1_fault *
fault_keep(struct command_worker *worker, const struct v1_fault *fault)
{
	char *kept = arena_take(&worker->scratch, sizeof(*fault));

	assert(kept != NULL); /* command_batch_push() has looked */
	memcpy(kept, fault, sizeof(*fault));
	return (const struct v1_fault *)(const void *)kept; /* bytes alone, so any address will do */
}
static_assert(_Alignof(struct v1_fault) == 1, "faults stand unaligned in the scratch arena");

/* A line that v1 has not taken. Apart, so that the way of those that it takes stays short. */
static __attribute__((noinline)) void
push_other(struct command_worker *worker, struct command_entry *entry, const char *line, size_t bytes,
           const struct v1_fault *fault)
{
	command_v2_decode(worker, entry, line, bytes, fault->foreign ? NULL : fault_keep(worker, fault));
}

int
command_batch_push(struct command_worker *worker, const char *line, size_t bytes, struct command_client *client,
                   uint64_t ticket)
{
	struct arena *scratch = &worker->scratch;
	const size_t used = scratch->used;
	struct v1_fault fault;

	assert(worker->in_batch);
	assert(bytes <= worker->options.request_bytes_max);
	if (worker->count == BATCH_REQUESTS_MAX || scratch->capacity - used < scratch_for(bytes))
		return -1;
	PROBE2(request_decode, line, bytes);
	struct command_entry *entry = &worker->entries[worker->count];

	entry->ticket = ticket;
	entry->client = client;
	entry->v2 = NULL;
	if (!json_v1_decode_shaped(&worker->shapes, line, bytes, scratch, &entry->request, &fault)) {
		scratch->used = used; /* a refused line needs nothing of what it has taken */
		push_other(worker, entry, line, bytes, &fault);
	}
	prefetch_pushed(worker, entry);
	return (int)worker->count++;
}

static void
prefetch_ahead(struct command_worker *worker, uint32_t index)
{
	if (!worker->prefetched)
		prefetch_rest(worker);
	worker->prefetched = true;
	prefetch_step(worker, (int64_t)index + PREFETCH_AHEAD, key_prefetch_record);
}

/* Lines come in the order pushed, and none that has been executed is left out: so one mark tells which they are. */
bool
command_batch_is_done(const struct command_worker *worker, int index)
{
	assert(worker->in_batch);
	return index >= 0 && (uint32_t)index < worker->done_end;
}

static void
pass_to(struct command_worker *worker, uint32_t index)
{
	assert(index < worker->count);
	assert(index >= worker->next);
	assert(index == worker->next || worker->next >= worker->done_end);
	worker->next = index + 1;
}

/* An increment that was executed together with one before. */
static enum command_status
run_done(struct command_worker *worker, struct buffer *out, uint64_t *ret_hold)
{
	*ret_hold = worker->done_hold;
	return command_reply_number(out, 0, 1);
}

static enum command_status
run(struct command_worker *worker, const struct command_entry *entry, struct buffer *out, uint64_t *ret_hold)
{
	enum command_status status = command_v1_run(worker, entry, out, ret_hold);

	worker->done_hold = *ret_hold;
	return status;
}

enum command_status
command_batch_run(struct command_worker *worker, int index, struct buffer *out, uint64_t *ret_hold)
{
	const struct command_entry *entry = &worker->entries[index];
	const size_t begin = out->bytes;
	const bool failed = out->failed;

	enum command_status status = COMMAND_DONE;

	*ret_hold = 0;
	assert(worker->in_batch);
	pass_to(worker, (uint32_t)index);
	prefetch_ahead(worker, (uint32_t)index);
	if (entry->v2 != NULL) {
		status = command_v2_run(worker, entry, out, ret_hold);
	} else {
		PROBE2(request_execute, entry->request.command, entry->request.key);
		status = command_batch_is_done(worker, index) ? run_done(worker, out, ret_hold)
		                                              : run(worker, entry, out, ret_hold);
		PROBE1(request_executed, status);
	}
	if (status != COMMAND_DONE)
		return status;
	/* A buffer that failed before, or for lack of memory, is the caller's business, and stays so. */
	if (!failed && (out->failed ? out->full : out->bytes - begin > worker->options.response_bytes_max)) {
		buffer_truncate(out, begin);
		command_reply_response_too_large(entry_protocol(entry), out, worker->options.response_bytes_max);
	}
	return COMMAND_DONE;
}

void
command_batch_end(struct command_worker *worker)
{
	assert(worker->in_batch);
	assert(worker->next >= worker->done_end);
	engine_batch_end(worker->engine_worker);
	worker->in_batch = false;
	command_log_flush(worker);
}
