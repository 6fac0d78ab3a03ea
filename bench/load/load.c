/*
 * load.c - karma-load: put a server under load, and tell what it bears
 *
 * The times of the run are fixed before its threads start, so that they need no word with each other or with this
 * thread while they measure. This one only looks at the server's CPU time at both ends of the window.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "load/load_options.h"
#include "load/load_thread.h"

struct load {
	struct load_options options;
	struct load_protocol protocol;
	struct load_window window;
	struct load_thread *threads;
	pthread_t *handles;
	struct load_result total;
	uint64_t cpu_ns; /* the server's, within the window */
	int cpu_error;
};

static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int
setup_threads(struct load *load)
{
	const struct load_options *options = &load->options;

	load->threads = calloc(options->threads, sizeof(*load->threads));
	load->handles = calloc(options->threads, sizeof(*load->handles));
	if (load->threads == NULL || load->handles == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < options->threads; i++)
		load->threads[i].epoll = -1;
	for (unsigned i = 0; i < options->threads; i++) {
		int r = load_thread_init(&load->threads[i], i, options, &load->protocol);

		if (r < 0)
			return r;
	}
	return 0;
}

static void
teardown_threads(struct load *load)
{
	for (unsigned i = 0; load->threads != NULL && i < load->options.threads; i++)
		load_thread_deinit(&load->threads[i]);
	free(load->threads);
	free(load->handles);
}

static void *
run_thread(void *context)
{
	load_thread_run(context);
	return NULL;
}

static int
start_thread(struct load *load, unsigned index)
{
	const struct load_options *options = &load->options;
	pthread_attr_t attributes;
	int r = pthread_attr_init(&attributes);

	if (r == 0 && options->cpu_count > 0) {
		cpu_set_t cpus;

		CPU_ZERO(&cpus);
		CPU_SET((size_t)options->cpus[index % options->cpu_count], &cpus);
		r = pthread_attr_setaffinity_np(&attributes, sizeof(cpus), &cpus);
	}
	load->threads[index].window = load->window;
	if (r == 0)
		r = pthread_create(&load->handles[index], &attributes, run_thread, &load->threads[index]);
	(void)pthread_attr_destroy(&attributes);
	return -r;
}

static void
sleep_until(uint64_t at_ns)
{
	const struct timespec at = { .tv_sec = (time_t)(at_ns / 1000000000), .tv_nsec = (long)(at_ns % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		continue;
}

/* The kernel's count for the whole process, ended threads included, exact to the moment. */
static uint64_t
server_cpu_ns(struct load *load)
{
	clockid_t clock;
	struct timespec spent = { 0 };

	if (load->options.pid == 0)
		return 0;
	int r = clock_getcpuclockid(load->options.pid, &clock);

	if (r == 0 && clock_gettime(clock, &spent) < 0)
		r = errno;
	if (r != 0)
		load->cpu_error = r;
	return (uint64_t)spent.tv_sec * 1000000000 + (uint64_t)spent.tv_nsec;
}

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
	histogram_add(&total->latency_ns, &result->latency_ns);
}

/* Starts the threads, waits for their end, and adds up. 0 or negative errno. */
static int
run(struct load *load)
{
	const struct load_options *options = &load->options;
	unsigned started = 0;
	int r = 0;

	load->window.start_ns = load_now_ns();
	load->window.from_ns = load->window.start_ns;
	load->window.until_ns = UINT64_MAX;
	if (options->requests == 0) {
		load->window.from_ns += (uint64_t)(options->warmup_s * 1e9);
		load->window.until_ns = load->window.from_ns + (uint64_t)(options->duration_s * 1e9);
	}
	uint64_t cpu_before_ns = server_cpu_ns(load);

	while (started < options->threads && r == 0) {
		r = start_thread(load, started);
		started += r == 0;
	}
	if (options->requests == 0 && r == 0) {
		sleep_until(load->window.from_ns);
		cpu_before_ns = server_cpu_ns(load);
		sleep_until(load->window.until_ns);
		load->cpu_ns = server_cpu_ns(load) - cpu_before_ns;
	}
	for (unsigned i = 0; i < started; i++) {
		(void)pthread_join(load->handles[i], NULL);
		add_result(&load->total, &load->threads[i].result);
	}
	if (options->requests > 0)
		load->cpu_ns = server_cpu_ns(load) - cpu_before_ns;
	return r;
}

static double
measured_s(const struct load *load)
{
	if (load->options.requests == 0)
		return load->options.duration_s;
	return (double)(load->total.finished_ns - load->window.from_ns) / 1e9;
}

static double
percentile_us(const struct load *load, double share)
{
	return (double)histogram_percentile(&load->total.latency_ns, share) / 1e3;
}

static double
cpu_us_per_request(const struct load *load)
{
	return load->total.replies > 0 ? (double)load->cpu_ns / 1e3 / (double)load->total.replies : 0;
}

static bool
shows_cpu(const struct load *load)
{
	return load->options.pid != 0 && load->cpu_error == 0;
}

static void
report_json(const struct load *load)
{
	const struct load_result *total = &load->total;

	printf("{\"seconds\":%.3f,\"requests\":%ju,\"requests_per_s\":%.0f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
	       "\"p99.9_us\":%.1f,\"max_us\":%.1f,\"wrong\":%ju,\"unanswered\":%ju",
	       measured_s(load), (uintmax_t)total->replies, (double)total->replies / measured_s(load),
	       percentile_us(load, 0.5), percentile_us(load, 0.99), percentile_us(load, 0.999),
	       (double)total->latency_ns.max / 1e3, (uintmax_t)total->wrong, (uintmax_t)total->unanswered);
	if (shows_cpu(load))
		printf(",\"server_cpu_us_per_request\":%.3f,\"server_cpus\":%.2f", cpu_us_per_request(load),
		       (double)load->cpu_ns / 1e9 / measured_s(load));
	printf("}\n");
}

static void
report_lines(const struct load *load)
{
	const struct load_options *options = &load->options;
	const struct load_result *total = &load->total;

	printf("%ju connections x depth %ju, %ju threads, %ju %% increment, %ju keys, ",
	       (uintmax_t)options->connections, (uintmax_t)options->depth, (uintmax_t)options->threads,
	       (uintmax_t)options->add_percent, (uintmax_t)options->keys);
	if (options->rate > 0)
		printf("%ju requests/s\n", (uintmax_t)options->rate);
	else
		printf("closed loop\n");
	printf("%-14s %.0f (%ju in %.2f s)\n", "requests/s", (double)total->replies / measured_s(load),
	       (uintmax_t)total->replies, measured_s(load));
	printf("%-14s p50 %.1f   p99 %.1f   p99.9 %.1f   max %.1f\n", "latency us", percentile_us(load, 0.5),
	       percentile_us(load, 0.99), percentile_us(load, 0.999), (double)total->latency_ns.max / 1e3);
	printf("%-14s %ju wrong, %ju unanswered\n", "errors", (uintmax_t)total->wrong, (uintmax_t)total->unanswered);
	if (shows_cpu(load))
		printf("%-14s %.3f us/request (%.2f CPUs)\n", "server CPU", cpu_us_per_request(load),
		       (double)load->cpu_ns / 1e9 / measured_s(load));
}

/* What went wrong, on stderr. Returns the exit status. */
static int
judge(const struct load *load)
{
	const struct load_result *total = &load->total;

	if (total->wrong > 0)
		(void)fprintf(stderr, "karma-load: wrong reply: %s\n", total->first_wrong);
	if (total->failure != NULL)
		(void)fprintf(stderr, "karma-load: %s%s%s\n", total->failure, total->error != 0 ? ": " : "",
		              total->error != 0 ? strerrordesc_np(total->error) : "");
	if (load->cpu_error != 0)
		(void)fprintf(stderr, "karma-load: --pid=%d: %s\n", (int)load->options.pid,
		              strerrordesc_np(load->cpu_error));
	return total->wrong > 0 || total->unanswered > 0 || total->failure != NULL || load->cpu_error != 0 ? 1 : 0;
}

int
main(int argc, char **argv)
{
	static struct load load;
	int status;

	if (!load_options_parse(argc, argv, &load.options, &status))
		return status;
	(void)server_cpu_ns(&load);
	if (load.cpu_error != 0) {
		(void)fprintf(stderr, "karma-load: --pid=%d: %s\n", (int)load.options.pid,
		              strerrordesc_np(load.cpu_error));
		return 2;
	}
	raise_descriptor_limit();
	load_protocol_init(&load.protocol, load.options.language, load.options.tree);
	int r = setup_threads(&load);

	if (r < 0)
		(void)fprintf(stderr, "karma-load: connecting to %s port %s: %s\n", load.options.host,
		              load.options.port, strerrordesc_np(-r));
	else if ((r = run(&load)) < 0)
		(void)fprintf(stderr, "karma-load: starting a thread: %s\n", strerrordesc_np(-r));
	status = 1;
	if (r == 0) {
		if (load.options.json)
			report_json(&load);
		else
			report_lines(&load);
		status = judge(&load);
	}
	teardown_threads(&load);
	return status;
}
