/*
 * load_thread.c - one thread: its connections and its loop
 */
#include "load/load_thread.h"

#include "load/load_exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum {
	EVENTS_MAX = 256,
	SPIN_NS = 60000, /* waits shorter than this spin, since the kernel wakes later than asked */
	NS_PER_S = 1000000000,
};

/* How long replies may be late after the end, or, where only their number ends the run, be missing altogether. */
static const uint64_t patience_ns = UINT64_C(10) * NS_PER_S;

uint64_t
load_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t
share_of(uint64_t whole, uint64_t parts, unsigned index)
{
	return whole / parts + (index < whole % parts ? 1 : 0);
}

static int
add_connection(struct load_thread *thread)
{
	struct load_conn *conn = &thread->connections[thread->connection_count];
	int r = load_conn_init(conn, thread->options);

	if (r < 0)
		return r;
	/* Edge-triggered, so that readiness to send need not be asked for and taken back. */
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		                     .data.u32 = thread->connection_count };

	thread->connection_count++;
	return epoll_ctl(thread->epoll, EPOLL_CTL_ADD, conn->fd, &event) < 0 ? -errno : 0;
}

int
load_thread_init(struct load_thread *thread, unsigned index, const struct load_options *options,
                 const struct load_protocol *protocol)
{
	const uint64_t count = share_of(options->connections, options->threads, index);
	int r = 0;

	*thread = (struct load_thread){ .options = options, .protocol = protocol, .index = index };
	thread->random.state = options->seed + index * UINT64_C(0x2545f4914f6cdd1d);
	load_keys_init(&thread->keys, options->key_choice, options->keys, options->theta);
	thread->requests_left =
	    options->requests > 0 ? share_of(options->requests, options->threads, index) : UINT64_MAX;
	thread->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (thread->epoll < 0)
		return -errno;
	thread->connections = calloc(count, sizeof(*thread->connections));
	if (thread->connections == NULL)
		return -ENOMEM;
	while (thread->connection_count < count && r == 0)
		r = add_connection(thread);
	return r;
}

int
load_thread_schedule(struct load_thread *thread, const struct load_window *window)
{
	thread->window = *window;
	return load_slices_init(&thread->slices, window->from_ns, window->until_ns,
	                        (uint64_t)(thread->options->slice_s * 1e9));
}

void
load_thread_deinit(struct load_thread *thread)
{
	for (uint32_t i = 0; i < thread->connection_count; i++)
		load_conn_deinit(&thread->connections[i]);
	free(thread->connections);
	load_slices_deinit(&thread->slices);
	if (thread->epoll >= 0)
		(void)close(thread->epoll);
}

/* ---- the loop -------------------------------------------------------------------------------------------------- */

/* How long there is nothing to do but wait for replies. */
static uint64_t
idle_ns(const struct load_thread *thread, uint64_t now_ns)
{
	const uint64_t longest_ns = NS_PER_S / 10;

	if (thread->options->rate == 0)
		return longest_ns;
	const uint64_t due_ns = exchange_next_due_ns(thread);

	/* When all connections are full, replies are what wakes. */
	if (exchange_is_over(thread, due_ns) ||
	    thread->pending_count == thread->connection_count * thread->options->depth)
		return longest_ns;
	const uint64_t wait_ns = due_ns > now_ns + SPIN_NS ? due_ns - now_ns - SPIN_NS : 0;

	return wait_ns < longest_ns ? wait_ns : longest_ns;
}

static bool
serve(struct load_thread *thread, const struct epoll_event *event, char *input)
{
	struct load_conn *conn = &thread->connections[event->data.u32];
	const bool ended = (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;

	if ((ended || (event->events & EPOLLIN) != 0) && !exchange_receive(thread, conn, input, ended))
		return false;
	if ((event->events & EPOLLOUT) != 0 && !exchange_flush(thread, conn))
		return false;
	return thread->options->rate > 0 || exchange_fill(thread, conn, load_now_ns());
}

static bool
run_round(struct load_thread *thread, char *input)
{
	struct epoll_event events[EVENTS_MAX];
	const struct timespec timeout = { .tv_nsec = (long)idle_ns(thread, load_now_ns()) };
	const int count = epoll_pwait2(thread->epoll, events, EVENTS_MAX, &timeout, NULL);

	if (count < 0 && errno != EINTR)
		return exchange_fail(thread, "waiting failed", errno);
	for (int i = 0; i < count; i++) {
		if (!serve(thread, &events[i], input))
			return false;
	}
	return thread->options->rate == 0 || exchange_send_due(thread, load_now_ns());
}

static bool
is_out_of_patience(const struct load_thread *thread, uint64_t now_ns)
{
	const bool timed = thread->window.until_ns != UINT64_MAX;
	const uint64_t since_ns = timed ? thread->window.until_ns : thread->last_reply_ns;

	return now_ns > since_ns && now_ns - since_ns > patience_ns;
}

/* Nothing is left to send and nothing to wait for, or the waiting has been long enough. */
static bool
is_done(const struct load_thread *thread, uint64_t now_ns)
{
	const uint64_t due_ns = thread->options->rate > 0 ? exchange_next_due_ns(thread) : now_ns;

	if (is_out_of_patience(thread, now_ns))
		return true;
	return exchange_is_over(thread, due_ns) && thread->pending_count == 0;
}

/* Requests that were due in the window and never got an answer, sent or not. */
static uint64_t
count_unanswered(const struct load_thread *thread)
{
	uint64_t unsent = 0;

	if (thread->options->requests > 0)
		unsent = thread->requests_left;
	else if (thread->options->rate > 0)
		unsent = exchange_due_count(thread) - thread->requests_begun;
	return thread->pending_count + unsent;
}

void
load_thread_run(struct load_thread *thread)
{
	char *input = malloc(EXCHANGE_INPUT_BYTES);
	bool going = input != NULL || exchange_fail(thread, "no memory", ENOMEM);

	thread->last_reply_ns = thread->window.start_ns;
	/* The default lets the kernel wake us 50 µs late. */
	(void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	if (thread->options->rate == 0) {
		for (uint32_t i = 0; i < thread->connection_count && going; i++)
			going = exchange_fill(thread, &thread->connections[i], load_now_ns());
	}
	while (going && !is_done(thread, load_now_ns()))
		going = run_round(thread, input);
	thread->result.unanswered = count_unanswered(thread);
	thread->result.finished_ns = load_now_ns();
	load_slices_advance(&thread->slices, thread->result.finished_ns);
	load_slices_finish(&thread->slices);
	free(input);
}
