/*
 * Callers append whole lines to one of two halves under a lock that is held for a copy only; the writer thread takes the
 * filled half, leaves the other in its place, and writes outside the lock. So at most QUEUE_BYTES_MAX wait, a caller never
 * waits for the reader of stderr, and lines keep their order. A line that finds the half full is counted, and the writer
 * tells the number behind the half that had no room for it.
 */
#include "log/log.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "log/line.h"

enum {
	QUEUE_BYTES_MAX = 256 * 1024,
	TEARDOWN_WAIT_S = 2, /* for a reader of stderr that does not read */
};

static struct {
	/* Relaxed: a line more or less around setup and teardown; what the writer reads is under the lock. */
	_Atomic int level_max;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t filled;
	pthread_t writer;
	enum log_format format;
	bool running;
	bool stopping;
	unsigned half; /* the one that callers fill */
	size_t bytes;  /* in it */
	uint64_t dropped;
	char halves[2][QUEUE_BYTES_MAX];
} queue = {
	.level_max = LOG_WARN,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.filled = PTHREAD_COND_INITIALIZER,
};

/* Gives up on an error: there is nowhere left to tell it. */
static void
stderr_write(const char *data, size_t bytes)
{
	while (bytes > 0) {
		ssize_t written = write(STDERR_FILENO, data, bytes);

		if (written > 0) {
			data += written;
			bytes -= (size_t)written;
		} else if (written < 0 && errno == EAGAIN) {
			(void)poll(&(struct pollfd){ .fd = STDERR_FILENO, .events = POLLOUT }, 1, -1);
		} else if (written == 0 || errno != EINTR) {
			return;
		}
	}
}

static void
line_make(struct log_line *line, enum log_format format, enum log_level level, const char *event,
          const struct log_field *fields, size_t count)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail: the clock is there and now is ours */
	log_line_format(line, format, level, now, event, fields, count);
}

static void
dropped_write(enum log_format format, uint64_t dropped)
{
	struct log_line line;
	struct log_field field = log_u64("lines", dropped);

	line_make(&line, format, LOG_WARN, "log lines dropped", &field, 1);
	stderr_write(line.data, line.bytes);
}

/* Writes what waits; called and left with the lock held. */
static void
queue_write(void)
{
	unsigned half = queue.half;
	size_t bytes = queue.bytes;
	uint64_t dropped = queue.dropped;

	queue.half = !half;
	queue.bytes = 0;
	queue.dropped = 0;
	pthread_mutex_unlock(&queue.lock);
	stderr_write(queue.halves[half], bytes);
	if (dropped > 0)
		dropped_write(queue.format, dropped); /* format: set before the thread started */
	pthread_mutex_lock(&queue.lock);
}

static void *
writer_run(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&queue.lock);
	while (!queue.stopping || queue.bytes > 0 || queue.dropped > 0) {
		if (queue.bytes > 0 || queue.dropped > 0)
			queue_write();
		else
			pthread_cond_wait(&queue.filled, &queue.lock);
	}
	pthread_mutex_unlock(&queue.lock);
	return NULL;
}

/* False when no thread writes: before setup and after teardown. */
static bool
queue_push(const struct log_line *line)
{
	pthread_mutex_lock(&queue.lock);
	bool running = queue.running;

	if (running && (queue.dropped > 0 || line->bytes > QUEUE_BYTES_MAX - queue.bytes)) {
		queue.dropped++; /* once one is dropped all are, so that the count stands where they are missing */
	} else if (running) {
		memcpy(queue.halves[queue.half] + queue.bytes, line->data, line->bytes);
		if (queue.bytes == 0)
			pthread_cond_signal(&queue.filled);
		queue.bytes += line->bytes;
	}
	pthread_mutex_unlock(&queue.lock);
	return running;
}

int
log_setup(enum log_level level_max, enum log_format format)
{
	static bool at_exit;
	int r;

	assert(!queue.running);
	if (queue.stopping)
		return -EBUSY; /* the writer of last time still waits for its reader */
	if (!at_exit && atexit(log_teardown) != 0)
		return -ENOMEM;
	at_exit = true;
	queue.format = format;
	r = pthread_create(&queue.writer, NULL, writer_run, NULL);
	if (r > 0)
		return -r;
	pthread_mutex_lock(&queue.lock);
	queue.running = true;
	pthread_mutex_unlock(&queue.lock);
	atomic_store_explicit(&queue.level_max, (int)level_max, memory_order_relaxed);
	return 0;
}

void
log_teardown(void)
{
	struct timespec until;

	pthread_mutex_lock(&queue.lock);
	bool running = queue.running;

	queue.running = false;
	queue.stopping = running || queue.stopping;
	pthread_cond_signal(&queue.filled);
	pthread_mutex_unlock(&queue.lock);
	if (!running)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += TEARDOWN_WAIT_S;
	if (pthread_timedjoin_np(queue.writer, NULL, &until) != 0) {
		(void)pthread_detach(queue.writer); /* it ends with the process */
		atomic_store_explicit(&queue.level_max, (int)LOG_NONE, memory_order_relaxed);
		return;
	}
	queue.stopping = false;
	atomic_store_explicit(&queue.level_max, LOG_WARN, memory_order_relaxed);
}

void
log_event(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
	struct log_line line;

	if ((int)level > atomic_load_explicit(&queue.level_max, memory_order_relaxed))
		return;
	/* format changes only while no thread runs that logs through the queue */
	line_make(&line, queue.format, level, event, fields, count);
	if (!queue_push(&line))
		stderr_write(line.data, line.bytes);
}
