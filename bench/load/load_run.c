/*
 * load_run.c - starts the threads, waits for their end, and adds up
 *
 * The times of the run are fixed before its threads start, so that they need no word with each other or with this
 * thread while they measure. This one only looks at the server's process at both ends of the window.
 */
#include "load/load_run.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "load/load_connect.h"
#include "load/load_prepare.h"
#include "load/load_progress.h"

enum { NS_PER_S = 1000000000 };

struct usage {
	struct load_usage server, load;
};

struct run {
	const struct load_options *options;
	struct load_protocol protocol;
	struct load_window window;
	struct load_thread *threads;
	pthread_t handles[LOAD_THREADS_MAX];
	unsigned started;
	struct load_progress progress;
	struct usage before, after;
	int server_error; /* errno */
};

static bool
complain(const char *what, int error)
{
	(void)fprintf(stderr, "karma-load: %s: %s\n", what, strerrordesc_np(error));
	return false;
}

static struct timespec
timespec_of(uint64_t at_ns)
{
	return (struct timespec){ .tv_sec = (time_t)(at_ns / NS_PER_S), .tv_nsec = (long)(at_ns % NS_PER_S) };
}

static double
unix_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
read_usage(struct run *run, struct usage *ret)
{
	const pid_t pid = run->options->pid;
	const int r = pid != 0 ? load_usage_read(pid, &ret->server) : 0;

	if (r < 0)
		run->server_error = -r;
	(void)load_usage_read(getpid(), &ret->load); /* ours can be read */
}

/* ---- threads --------------------------------------------------------------------------------------------------- */

static bool
connect_threads(struct run *run)
{
	const struct load_options *options = run->options;
	char where[LOAD_WHERE_BYTES_MAX];
	int r = 0;

	for (unsigned i = 0; i < options->threads; i++)
		run->threads[i].epoll = -1;
	for (unsigned i = 0; i < options->threads && r == 0; i++)
		r = load_thread_init(&run->threads[i], i, options, &run->protocol);
	return r == 0 || complain(load_connect_describe(options, where), -r);
}

static void *
run_thread(void *context)
{
	load_thread_run(context);
	return NULL;
}

static int
start_thread(struct run *run, unsigned index)
{
	const struct load_options *options = run->options;
	pthread_attr_t attributes;
	int r = load_thread_schedule(&run->threads[index], &run->window);

	if (r < 0)
		return r;
	r = pthread_attr_init(&attributes);
	if (r == 0 && options->cpu_count > 0) {
		cpu_set_t cpus;

		CPU_ZERO(&cpus);
		CPU_SET((size_t)options->cpus[index % options->cpu_count], &cpus);
		r = pthread_attr_setaffinity_np(&attributes, sizeof(cpus), &cpus);
	}
	if (r == 0)
		r = pthread_create(&run->handles[index], &attributes, run_thread, &run->threads[index]);
	(void)pthread_attr_destroy(&attributes);
	return -r;
}

static bool
start_threads(struct run *run)
{
	int r = 0;

	while (run->started < run->options->threads && r == 0) {
		r = start_thread(run, run->started);
		run->started += r == 0;
	}
	return r == 0 || complain("starting a thread", -r);
}

/* ---- time ------------------------------------------------------------------------------------------------------ */

static void
set_window(struct run *run, struct load_report *report)
{
	const struct load_options *options = run->options;
	struct load_window *window = &run->window;

	window->start_ns = load_now_ns();
	report->from_unix_s = unix_s();
	window->from_ns = window->start_ns;
	window->until_ns = UINT64_MAX;
	if (options->requests == 0) {
		window->from_ns += (uint64_t)(options->warmup_s * 1e9);
		window->until_ns = window->from_ns + (uint64_t)(options->duration_s * 1e9);
		report->from_unix_s += options->warmup_s;
	}
	report->from_ns = window->from_ns;
	load_progress_init(&run->progress, options, run->threads, window);
}

static void
sleep_until(struct run *run, uint64_t until_ns)
{
	for (uint64_t now_ns; (now_ns = load_now_ns()) < until_ns;) {
		if (now_ns >= load_progress_due_ns(&run->progress))
			load_progress_print(&run->progress, now_ns);
		const uint64_t due_ns = load_progress_due_ns(&run->progress);
		const struct timespec at = timespec_of(due_ns < until_ns ? due_ns : until_ns);

		(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	}
}

static void
join_thread(struct run *run, unsigned index)
{
	while (run->progress.on) {
		/* By the clock on the wall, since ThreadSanitizer does not follow pthread_clockjoin_np(). */
		struct timespec at;

		(void)clock_gettime(CLOCK_REALTIME, &at);
		at.tv_sec++;
		if (pthread_timedjoin_np(run->handles[index], NULL, &at) != ETIMEDOUT)
			return;
		load_progress_print(&run->progress, load_now_ns());
	}
	(void)pthread_join(run->handles[index], NULL);
}

/* ---- result ---------------------------------------------------------------------------------------------------- */

static void
add_result(struct load_result *total, const struct load_result *result)
{
	total->replies += result->replies;
	total->unanswered += result->unanswered;
	if (total->wrong == 0 && result->wrong > 0)
		memcpy(total->first_wrong, result->first_wrong, sizeof(total->first_wrong));
	total->wrong += result->wrong;
	if (result->finished_ns > total->finished_ns)
		total->finished_ns = result->finished_ns;
	if (total->failure == NULL) {
		total->failure = result->failure;
		total->error = result->error;
	}
}

static void
join_threads(struct run *run, struct load_report *report)
{
	for (unsigned i = 0; i < run->started; i++) {
		join_thread(run, i);
		add_result(&report->total, &run->threads[i].result);
		histogram_add(&report->latency_ns, &run->threads[i].slices.total);
	}
	load_progress_clear(&run->progress);
}

static bool
measure(struct run *run, struct load_report *report)
{
	const bool timed = run->options->requests == 0;

	set_window(run, report);
	if (!timed)
		read_usage(run, &run->before);
	const bool good = start_threads(run);

	if (good && timed) {
		sleep_until(run, run->window.from_ns);
		read_usage(run, &run->before);
		sleep_until(run, run->window.until_ns);
		read_usage(run, &run->after);
	}
	join_threads(run, report);
	if (!timed)
		read_usage(run, &run->after);
	report->server = load_usage_between(&run->before.server, &run->after.server);
	report->load = load_usage_between(&run->before.load, &run->after.load);
	report->server_error = run->server_error;
	return good;
}

bool
load_run(struct load_report *report)
{
	const struct load_options *options = report->options;
	static struct run run;

	run = (struct run){ .options = options };
	run.threads = calloc(options->threads, sizeof(*run.threads));
	report->threads = run.threads;
	if (run.threads == NULL)
		return complain("starting", ENOMEM);
	load_protocol_init(&run.protocol, options->language, options->tree);
	if (!connect_threads(&run) || !load_prepare(options, &run.protocol) || !measure(&run, report))
		return false;
	report->seconds = options->requests == 0 ? options->duration_s
	                                         : (double)(report->total.finished_ns - run.window.from_ns) / 1e9;
	return true;
}

void
load_run_deinit(struct load_report *report)
{
	struct load_thread *threads = report->threads;

	for (unsigned i = 0; threads != NULL && i < report->options->threads; i++)
		load_thread_deinit(&threads[i]);
	free(threads);
}
