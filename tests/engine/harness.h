/*
 * harness.h - what the engine's tests share: arguments, random numbers, and failing with the seed that repeats it
 *
 * Every test takes the same arguments, all optional: seconds, cuts, threads, seed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct run {
	double seconds;
	uint32_t cuts;
	uint32_t threads;
	uint64_t seed; /* 0 in the defaults: taken from the clock */
};

/* Overwrites the defaults by what the command line gives, and prints what is in force. */
void run_parse(struct run *run, int argc, char **argv);

/* Prints the message and the seed, and ends the process with status 1. Any thread; the first message wins. */
__attribute__((format(printf, 3, 4))) _Noreturn void run_fail(const char *file, int line, const char *format, ...);

#define check(condition, ...)                                      \
	do {                                                       \
		if (!(condition))                                  \
			run_fail(__FILE__, __LINE__, __VA_ARGS__); \
	} while (0)

/* ThreadSanitizer puts signals off to the next call of the system: there nobody is stalled in mid-operation. */
#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

/* Monotonic. */
double seconds_now(void);
void sleep_us(uint32_t microseconds);

uint64_t random_next(uint64_t *state);
/* 0 … bound - 1. */
uint32_t random_below(uint64_t *state, uint32_t bound);
/* A start for the generator of one thread; different streams do not overlap in practice. */
uint64_t random_seed(uint64_t seed, uint64_t stream);
