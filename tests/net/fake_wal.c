#include "fake_wal.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "command/command.h"

struct waiter {
	struct command_worker *worker;
	void (*wake)(void *context);
	void *wake_context;
	uint64_t epoch;       /* 0: waits for none */
	uint64_t later_until; /* nothing that needs room is tried before */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct waiter waiters[WORKERS_MAX];
static bool is_open;
static bool when_asked;
static uint32_t room;
static uint32_t room_runs;
static _Atomic(uint64_t) released = UINT64_MAX;
static atomic_bool failed;
static atomic_ullong laters;
static atomic_ullong waits;

void
fake_wal_open(void)
{
	pthread_mutex_lock(&lock);
	is_open = true;
	when_asked = false;
	room = UINT32_MAX;
	room_runs = 0;
	atomic_store(&released, 0);
	atomic_store(&failed, false);
	atomic_store(&laters, 0);
	atomic_store(&waits, 0);
	pthread_mutex_unlock(&lock);
}

void
fake_wal_close(void)
{
	pthread_mutex_lock(&lock);
	is_open = false;
	atomic_store(&failed, false);
	atomic_store(&released, UINT64_MAX);
	pthread_mutex_unlock(&lock);
}

/* With the lock. */
static void
wake_waiters(void)
{
	for (int i = 0; i < WORKERS_MAX; i++) {
		struct waiter *waiter = &waiters[i];

		if (waiter->epoch == 0 || (waiter->epoch > atomic_load(&released) && !atomic_load(&failed)))
			continue;
		waiter->epoch = 0;
		waiter->wake(waiter->wake_context);
	}
}

void
fake_wal_release(uint64_t epoch)
{
	pthread_mutex_lock(&lock);
	assert(epoch > atomic_load(&released));
	atomic_store(&released, epoch);
	wake_waiters();
	pthread_mutex_unlock(&lock);
}

uint64_t
fake_wal_released(void)
{
	return atomic_load(&released);
}

void
fake_wal_release_when_asked(void)
{
	pthread_mutex_lock(&lock);
	when_asked = true;
	pthread_mutex_unlock(&lock);
}

void
fake_wal_tick(void)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < WORKERS_MAX && is_open && when_asked; i++) {
		/* An epoch at a time, as a log does. */
		if (waiters[i].epoch > atomic_load(&released))
			atomic_fetch_add(&released, 1);
	}
	wake_waiters();
	pthread_mutex_unlock(&lock);
}

void
fake_wal_fail(void)
{
	pthread_mutex_lock(&lock);
	atomic_store(&failed, true);
	wake_waiters();
	pthread_mutex_unlock(&lock);
}

void
fake_wal_room(uint32_t lines)
{
	pthread_mutex_lock(&lock);
	room = lines;
	pthread_mutex_unlock(&lock);
}

uint64_t
fake_wal_laters(void)
{
	return atomic_load(&laters);
}

uint64_t
fake_wal_waits(void)
{
	return atomic_load(&waits);
}

static struct waiter *
waiter_of(const struct command_worker *worker)
{
	int i = 0;

	while (waiters[i].worker != worker)
		i++;
	return &waiters[i];
}

void
fake_wal_attach(struct command_worker *worker, const struct command_options *options)
{
	pthread_mutex_lock(&lock);
	*waiter_of(NULL) =
	    (struct waiter){ .worker = worker, .wake = options->wake, .wake_context = options->wake_context };
	pthread_mutex_unlock(&lock);
}

void
fake_wal_detach(struct command_worker *worker)
{
	pthread_mutex_lock(&lock);
	*waiter_of(worker) = (struct waiter){ 0 };
	pthread_mutex_unlock(&lock);
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static bool
begins(const char *line, size_t bytes, const char *word)
{
	return bytes >= strlen(word) && memcmp(line, word, strlen(word)) == 0;
}

static void
reply_line(struct buffer *out, const char *line, size_t bytes, const char *behind)
{
	buffer_append_literal(out, "pong ");
	buffer_append(out, line, bytes);
	buffer_append(out, behind, strlen(behind));
	buffer_append_literal(out, "\r\n");
}

static int
run_put(const char *line, size_t bytes, struct buffer *out, uint64_t *ret_hold)
{
	static atomic_uint turn;
	char behind[32] = "";

	if (bytes > 4 && line[4] == '+') {
		*ret_hold = atomic_load(&released) + 1 + atomic_fetch_add(&turn, 1) / 7 % 2;
		(void)snprintf(behind, sizeof(behind), " @%llu", (unsigned long long)*ret_hold);
	} else {
		*ret_hold = strtoull(line + 4, NULL, 10);
	}
	reply_line(out, line, bytes, behind);
	return COMMAND_DONE;
}

static int
run_big(const char *line, struct buffer *out, uint64_t *ret_hold)
{
	char *end;

	*ret_hold = strtoull(line + 7, &end, 10);
	size_t bytes = strtoul(end, NULL, 10);

	if (buffer_reserve(out, bytes + 2)) {
		memset(out->data + out->bytes, 'x', bytes);
		out->bytes += bytes;
		buffer_append_literal(out, "\r\n");
	}
	return COMMAND_DONE;
}

static int
run_room(struct command_worker *worker, const char *line, struct buffer *out, uint64_t *ret_hold)
{
	uint64_t epoch = strtoull(line + 5, NULL, 10);
	char number[32];
	int status = COMMAND_LATER;

	if (atomic_load(&failed)) {
		buffer_append_literal(out, "pong refused\r\n");
		return COMMAND_DONE;
	}
	pthread_mutex_lock(&lock);
	struct waiter *waiter = waiter_of(worker);

	if (atomic_load(&released) < waiter->later_until) {
		*ret_hold = waiter->later_until;
	} else if (room == 0) {
		*ret_hold = waiter->later_until = epoch > atomic_load(&released) ? epoch : atomic_load(&released) + 1;
	} else {
		room -= room != UINT32_MAX;
		(void)snprintf(number, sizeof(number), "pong room %u\r\n", ++room_runs);
		buffer_append(out, number, strlen(number));
		status = COMMAND_DONE;
	}
	pthread_mutex_unlock(&lock);
	if (status == COMMAND_LATER)
		atomic_fetch_add(&laters, 1);
	return status;
}

int
fake_wal_run(struct command_worker *worker, const char *line, size_t bytes, struct buffer *out, uint64_t *ret_hold)
{
	char text[64] = ""; /* with an end, for the numbers in it */
	int status = -1;

	if (atomic_load(&released) == UINT64_MAX)
		return -1;
	memcpy(text, line, bytes < sizeof(text) - 1 ? bytes : sizeof(text) - 1);
	if (begins(line, bytes, "put "))
		status = run_put(line, bytes, out, ret_hold);
	else if (begins(line, bytes, "bigput "))
		status = run_big(text, out, ret_hold);
	else if (begins(line, bytes, "room "))
		status = run_room(worker, text, out, ret_hold);
	else if (begins(line, bytes, "job ")) {
		*ret_hold = strtoull(text + 4, NULL, 10);
		status = COMMAND_PENDING;
	}
	assert(*ret_hold <= atomic_load(&released) + 2 || status == COMMAND_PENDING);
	return status;
}

void
fake_wal_until(uint64_t epoch)
{
	while (atomic_load(&released) < epoch && !atomic_load(&failed))
		usleep(1000);
}

/* ---- as of command.h --------------------------------------------------------------------------------------------- */

uint64_t
command_released(const struct command_worker *worker)
{
	(void)worker;
	return atomic_load(&released);
}

bool
command_log_failed(const struct command_worker *worker)
{
	(void)worker;
	return atomic_load(&failed);
}

bool
command_wait(struct command_worker *worker, uint64_t epoch)
{
	bool must_wait;

	pthread_mutex_lock(&lock);
	assert(is_open);
	must_wait = epoch > atomic_load(&released) && !atomic_load(&failed);
	waiter_of(worker)->epoch = must_wait ? epoch : 0;
	pthread_mutex_unlock(&lock);
	atomic_fetch_add(&waits, 1);
	return must_wait;
}

void
command_reply_unknown(const char *replies, size_t bytes, struct buffer *out)
{
	assert(bytes >= 2 && memcmp(replies + bytes - 2, "\r\n", 2) == 0);
	for (size_t i = 0; i < bytes; i++) {
		if (replies[i] == '\n')
			buffer_append_literal(out, FAKE_UNKNOWN);
	}
}
