#include "fake_command.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "command/command.h"
#include "fake_park.h"
#include "fake_wal.h"

struct pushed {
	const char *line;
	size_t bytes;
	uint64_t ticket;
	uint64_t hash;
	bool was_run;
};

struct pending {
	struct pending *next;
	uint64_t ticket;
	bool hold; /* until fake_command_release() */
	bool job;
	uint64_t epoch;
};

struct command_worker {
	struct command_options options;
	struct pushed lines[BATCH_REQUESTS_MAX];
	int line_count;
	int next;     /* lines from here on have not been run */
	int done_end; /* `twin` lines up to here have been counted */
	bool in_batch;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct fake_parking parking;
	struct pending *waiting; /* oldest first */
	struct pending *completed;
	size_t pending_count;
	unsigned released; /* of `releases`, seen */
	bool ending;
};

static atomic_uint releases;
static atomic_uint longest_turn;
static atomic_uint mixed_batches;
static atomic_ullong runs;
static atomic_ullong twins;
static atomic_uint abandoned;

void
fake_command_release(void)
{
	atomic_fetch_add(&releases, 1);
}

uint32_t
fake_command_longest_turn(void)
{
	return atomic_load(&longest_turn);
}

uint32_t
fake_command_mixed_batches(void)
{
	return atomic_load(&mixed_batches);
}

uint64_t
fake_command_runs(void)
{
	return atomic_load(&runs);
}

uint64_t
fake_command_twins(void)
{
	return atomic_load(&twins);
}

uint32_t
fake_command_abandoned(void)
{
	return atomic_load(&abandoned);
}

static uint64_t
hash(const char *data, size_t bytes)
{
	uint64_t value = 14695981039346656037u;

	for (size_t i = 0; i < bytes; i++)
		value = (value ^ (unsigned char)data[i]) * 1099511628211u;
	return value;
}

static void
append(struct pending **list, struct pending *pending)
{
	while (*list != NULL)
		list = &(*list)->next;
	pending->next = NULL;
	*list = pending;
}

/* Finishes what may be finished. Returns true if there was something. */
static bool
finish_some(struct command_worker *worker)
{
	bool any = false;
	unsigned now = atomic_load(&releases);
	bool release = now != worker->released;

	worker->released = now;
	pthread_mutex_lock(&worker->lock);
	for (struct pending **at = &worker->waiting; *at != NULL;) {
		struct pending *pending = *at;

		if (pending->hold && !release && !worker->ending) {
			at = &pending->next;
			continue;
		}
		*at = pending->next;
		append(&worker->completed, pending);
		any = true;
	}
	pthread_mutex_unlock(&worker->lock);
	return any;
}

static void *
finish_main(void *argument)
{
	struct command_worker *worker = argument;
	bool ending = false;

	while (!ending) {
		usleep(2000);
		pthread_mutex_lock(&worker->lock);
		ending = worker->ending;
		pthread_mutex_unlock(&worker->lock);
		fake_wal_tick();
		const bool woken = fake_park_wake(&worker->parking);

		if (finish_some(worker) || woken)
			worker->options.wake(worker->options.wake_context);
	}
	return NULL;
}

int
command_worker_create(const struct command_options *options, struct command_worker **ret)
{
	struct command_worker *worker = calloc(1, sizeof(*worker));

	worker->options = *options;
	worker->released = atomic_load(&releases);
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->changed, NULL);
	fake_parking_init(&worker->parking);
	fake_wal_attach(worker, options);
	pthread_create(&worker->thread, NULL, finish_main, worker);
	*ret = worker;
	return 0;
}

void
command_worker_destroy(struct command_worker *worker)
{
	if (worker == NULL)
		return;
	pthread_mutex_lock(&worker->lock);
	worker->ending = true;
	pthread_mutex_unlock(&worker->lock);
	pthread_join(worker->thread, NULL);
	fake_wal_detach(worker);
	while (worker->completed != NULL) {
		struct pending *next = worker->completed->next;

		free(worker->completed);
		worker->completed = next;
	}
	assert(worker->waiting == NULL);
	fake_parking_deinit(&worker->parking);
	free(worker);
}

void
command_batch_begin(struct command_worker *worker)
{
	assert(!worker->in_batch);
	worker->in_batch = true;
	worker->line_count = 0;
	worker->next = 0;
	worker->done_end = 0;
}

int
command_batch_push(struct command_worker *worker, const char *line, size_t bytes, struct command_client *client,
                   uint64_t ticket)
{
	(void)client;
	assert(worker->in_batch);
	assert(bytes <= worker->options.request_bytes_max);
	assert(memchr(line, '\n', bytes) == NULL);
	if (worker->line_count == BATCH_REQUESTS_MAX)
		return -1;
	worker->lines[worker->line_count] =
	    (struct pushed){ .line = line, .bytes = bytes, .ticket = ticket, .hash = hash(line, bytes) };
	return worker->line_count++;
}

static bool
is_in(const struct pending *list, uint64_t ticket)
{
	while (list != NULL && list->ticket != ticket)
		list = list->next;
	return list != NULL;
}

void
command_abandon(struct command_worker *worker, uint64_t ticket)
{
	assert(!worker->in_batch);
	const enum fake_park_left left = fake_park_abandon(&worker->parking, ticket);

	pthread_mutex_lock(&worker->lock);
	const bool pending = is_in(worker->waiting, ticket) || is_in(worker->completed, ticket);

	pthread_mutex_unlock(&worker->lock);
	assert(pending || left != FAKE_PARK_UNKNOWN);
	if (pending || left == FAKE_PARK_LEFT)
		atomic_fetch_add(&abandoned, 1);
}

static void
assert_not_pending(struct command_worker *worker, uint64_t ticket)
{
	pthread_mutex_lock(&worker->lock);
	assert(!is_in(worker->waiting, ticket) && !is_in(worker->completed, ticket));
	pthread_mutex_unlock(&worker->lock);
}

static enum command_status
go_pending(struct command_worker *worker, struct pending what)
{
	struct pending *pending = calloc(1, sizeof(*pending));

	*pending = what;
	pthread_mutex_lock(&worker->lock);
	append(&worker->waiting, pending);
	worker->pending_count++;
	pthread_mutex_unlock(&worker->lock);
	return COMMAND_PENDING;
}

static void
append_big(struct buffer *out, size_t bytes)
{
	if (!buffer_reserve(out, bytes + 2))
		return;
	memset(out->data + out->bytes, 'x', bytes);
	out->bytes += bytes;
	buffer_append_literal(out, "\r\n");
}

static bool
is_twin(const struct command_worker *worker, int index, uint64_t ticket)
{
	const struct pushed *pushed = &worker->lines[index];

	return pushed->ticket == ticket && pushed->bytes == 4 && memcmp(pushed->line, "twin", 4) == 0;
}

/* Executes those behind it, too. */
static void
run_twin(struct command_worker *worker, int index)
{
	const uint64_t ticket = worker->lines[index].ticket;

	if (index < worker->done_end)
		return;
	worker->done_end = index;
	while (worker->done_end < worker->line_count && is_twin(worker, worker->done_end, ticket)) {
		worker->done_end++;
		atomic_fetch_add(&twins, 1);
	}
}

bool
command_batch_is_done(const struct command_worker *worker, int index)
{
	return index >= 0 && index < worker->done_end;
}

enum command_status
command_batch_run(struct command_worker *worker, int index, struct buffer *out, uint64_t *ret_hold)
{
	*ret_hold = 0;
	assert(worker->in_batch && index >= worker->next && index < worker->line_count);
	worker->next = index + 1;
	struct pushed *pushed = &worker->lines[index];

	pushed->was_run = true;
	assert(hash(pushed->line, pushed->bytes) == pushed->hash);
	assert_not_pending(worker, pushed->ticket);
	if (fake_park_run(&worker->parking, pushed->ticket, pushed->line, pushed->bytes))
		return COMMAND_PARKED;
	int status = fake_wal_run(worker, pushed->line, pushed->bytes, out, ret_hold);

	if (status == COMMAND_LATER)
		return COMMAND_LATER;
	atomic_fetch_add(&runs, 1);
	if (status == COMMAND_PENDING)
		return go_pending(
		    worker,
		    (struct pending){ .ticket = pushed->ticket, .hold = true, .job = true, .epoch = *ret_hold });
	if (status == COMMAND_DONE)
		return COMMAND_DONE;
	if (pushed->bytes == 4 && memcmp(pushed->line, "slow", 4) == 0)
		return go_pending(worker, (struct pending){ .ticket = pushed->ticket });
	if (pushed->bytes == 4 && memcmp(pushed->line, "hold", 4) == 0)
		return go_pending(worker, (struct pending){ .ticket = pushed->ticket, .hold = true });
	if (pushed->bytes > 4 && memcmp(pushed->line, "big ", 4) == 0) {
		append_big(out, strtoul(pushed->line + 4, NULL, 10));
		return COMMAND_DONE;
	}
	if (is_twin(worker, index, pushed->ticket))
		run_twin(worker, index);
	if (pushed->bytes == 3 && memcmp(pushed->line, "nap", 3) == 0)
		usleep(300 * 1000);
	if (pushed->bytes == 4 && memcmp(pushed->line, "doze", 4) == 0)
		usleep(200);
	if (pushed->bytes > 6 && memcmp(pushed->line, "until ", 6) == 0)
		fake_wal_until(strtoull(pushed->line + 6, NULL, 10));
	buffer_append_literal(out, "pong ");
	buffer_append(out, pushed->line, pushed->bytes);
	buffer_append_literal(out, "\r\n");
	return COMMAND_DONE;
}

static void
count_turns(const struct command_worker *worker)
{
	for (int i = 1; i < worker->line_count; i++) {
		if (worker->lines[i].ticket == worker->lines[0].ticket)
			continue;
		atomic_fetch_add(&mixed_batches, 1);
		if ((unsigned)i > atomic_load(&longest_turn))
			atomic_store(&longest_turn, (unsigned)i);
		return;
	}
}

void
command_batch_end(struct command_worker *worker)
{
	assert(worker->in_batch);
	for (int i = 0; i < worker->line_count; i++)
		assert(hash(worker->lines[i].line, worker->lines[i].bytes) == worker->lines[i].hash);
	for (int i = 0; i < worker->done_end; i++)
		assert(worker->lines[i].was_run || !is_twin(worker, i, worker->lines[i].ticket));
	count_turns(worker);
	worker->in_batch = false;
}

bool
command_completed(struct command_worker *worker, uint64_t *ret_ticket, struct buffer *ret_reply, uint64_t *ret_hold)
{
	pthread_mutex_lock(&worker->lock);
	struct pending *pending = worker->completed;

	if (pending != NULL) {
		worker->completed = pending->next;
		worker->pending_count--;
	}
	pthread_mutex_unlock(&worker->lock);
	if (pending == NULL)
		return false;
	*ret_ticket = pending->ticket;
	*ret_hold = pending->epoch;
	buffer_init(ret_reply, 1024);
	if (pending->job)
		buffer_append_literal(ret_reply, "pong job\r\n");
	else if (pending->hold)
		buffer_append_literal(ret_reply, "pong hold\r\n");
	else
		buffer_append_literal(ret_reply, "pong slow\r\n");
	free(pending);
	return true;
}

bool
command_unparked(struct command_worker *worker, uint64_t *ret_ticket)
{
	return fake_park_tell(&worker->parking, ret_ticket);
}

size_t
command_pending(const struct command_worker *worker)
{
	return worker->pending_count;
}

enum command_protocol
command_guess(const char *line, size_t bytes)
{
	return memchr(line, 'v', bytes) != NULL ? PROTOCOL_V2 : PROTOCOL_V1;
}

void
command_reply_too_large(const struct command_worker *worker, const struct command_client *client,
                        enum command_protocol guess, struct buffer *out)
{
	(void)worker;
	(void)client;
	(void)guess;
	buffer_append_literal(out, "too large\r\n");
}

void
command_reply_too_many_clients(struct buffer *out)
{
	buffer_append_literal(out, "too many clients\r\n");
}
