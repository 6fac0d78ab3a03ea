/*
 * harness.c - see harness.h
 */
#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const struct run *current;
static pthread_mutex_t failing = PTHREAD_MUTEX_INITIALIZER;

static uint64_t
argument_u64(const char *text)
{
	char *end;

	errno = 0;
	uint64_t value = strtoull(text, &end, 10);

	check(errno == 0 && end != text && *end == '\0', "'%s' is not a number", text);
	return value;
}

void
run_parse(struct run *run, int argc, char **argv)
{
	current = run;
	if (argc > 1)
		run->seconds = (double)argument_u64(argv[1]);
	if (argc > 2)
		run->cuts = (uint32_t)argument_u64(argv[2]);
	if (argc > 3)
		run->threads = (uint32_t)argument_u64(argv[3]);
	if (argc > 4)
		run->seed = argument_u64(argv[4]);
	if (run->seed == 0) {
		struct timespec now;

		(void)clock_gettime(CLOCK_REALTIME, &now);
		run->seed = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	}
	check(run->threads > 0, "at least one thread is needed");
	printf("%s %.0f %u %u %lu   (seconds, cuts, threads, seed)\n", argv[0], run->seconds, run->cuts, run->threads,
	       run->seed);
	(void)fflush(stdout);
}

void
run_fail(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	(void)pthread_mutex_lock(&failing); /* never given back: the others wait for the end here */
	(void)fflush(stdout);
	(void)fprintf(stderr, "%s:%d: ", file, line);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments); /* NOLINT(clang-analyzer-valist.Uninitialized) */
	va_end(arguments);
	(void)fprintf(stderr, "\nseed %lu\n", current ? current->seed : 0);
	(void)fflush(stderr);
	_exit(1);
}

double
seconds_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void
sleep_us(uint32_t microseconds)
{
	struct timespec time = { .tv_sec = microseconds / 1000000, .tv_nsec = (long)(microseconds % 1000000) * 1000 };

	(void)nanosleep(&time, NULL);
}

uint64_t
random_next(uint64_t *state) /* splitmix64 */
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint32_t
random_below(uint64_t *state, uint32_t bound)
{
	return (uint32_t)((random_next(state) >> 32) * bound >> 32);
}

uint64_t
random_seed(uint64_t seed, uint64_t stream)
{
	uint64_t state = seed ^ (stream << 40);

	return random_next(&state);
}
