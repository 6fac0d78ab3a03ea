/*
 * load_thread.h - one thread of karma-load with its share of the connections
 *
 * init, then run on a thread of its own, then read `result`, then deinit.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kit/histogram.h"
#include "load/load_conn.h"
#include "load/load_options.h"

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
	struct histogram latency_ns;
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
	uint64_t random;
	struct load_result result;
};

uint64_t load_now_ns(void);

/* Connects. 0 or negative errno; call deinit in both cases. */
int load_thread_init(struct load_thread *thread, unsigned index, const struct load_options *options,
                     const struct load_protocol *protocol);
void load_thread_deinit(struct load_thread *thread);

/* Runs the load; window is set before. What fails is told in the result. */
void load_thread_run(struct load_thread *thread);
