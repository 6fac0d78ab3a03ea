/*
 * load_thread.h - one thread of karma-load with its share of the connections
 *
 * init, then schedule, then run on a thread of its own, then read `result` and `slices`, then deinit.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "load/load_conn.h"
#include "load/load_keys.h"
#include "load/load_options.h"
#include "load/load_slices.h"

/* When to measure. Replies count from `from_ns` on and before `until_ns`, latencies by the time the request was due. */
struct load_window {
	uint64_t start_ns;
	uint64_t from_ns;
	uint64_t until_ns; /* UINT64_MAX: until the requests are used up */
};

struct load_result {
	uint64_t replies;    /* within the window, right or wrong */
	uint64_t wrong;      /* at any time */
	uint64_t unanswered; /* still missing when the patience was over */
	uint64_t finished_ns;
	const char *failure; /* NULL, or what ended the thread early */
	int error;           /* errno of the failure, or 0 */
	char first_wrong[LOAD_REPLY_BYTES_MAX + 1];
};

/* For the main thread to look at meanwhile. Relaxed: numbers for the eye, nothing hangs on them. */
struct load_progress_counters {
	_Atomic uint64_t replies; /* all, warm-up too */
	_Atomic uint64_t wrong;
};

struct load_thread {
	const struct load_options *options;
	const struct load_protocol *protocol;
	unsigned index;
	int epoll;
	uint32_t connection_count;
	struct load_conn *connections;
	struct load_window window;
	uint64_t requests_left;
	uint64_t requests_begun;
	uint64_t pending_count; /* over all connections */
	uint64_t last_reply_ns;
	uint32_t next_connection;
	uint64_t replies; /* all */
	struct load_keys keys;
	struct load_random random;
	struct load_result result;
	struct load_slices slices;
	struct load_progress_counters progress;
};

uint64_t load_now_ns(void);

/* Connects. 0 or negative errno; call deinit in both cases. */
int load_thread_init(struct load_thread *thread, unsigned index, const struct load_options *options,
                     const struct load_protocol *protocol);
void load_thread_deinit(struct load_thread *thread);

/* Sets the window. 0 or -ENOMEM. */
int load_thread_schedule(struct load_thread *thread, const struct load_window *window);

/* Runs the load. What fails is told in the result. */
void load_thread_run(struct load_thread *thread);
