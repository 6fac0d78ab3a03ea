/*
 * random.h - numbers from a seed, for tests that print theirs
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* splitmix64 */
static inline uint64_t
random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline uint64_t
random_below(uint64_t *state, uint64_t bound)
{
	return random_next(state) % bound;
}

/* Of every length in bits alike: small numbers are as likely as large ones. */
static inline uint64_t
random_skewed(uint64_t *state)
{
	uint64_t bits = random_below(state, 65);

	return bits == 0 ? 0 : random_next(state) >> (64 - bits);
}

/* KARMA_TEST_SEED, or one of the clock; printed, so that a failure can be repeated. */
static inline uint64_t
random_seed(void)
{
	const char *text = getenv("KARMA_TEST_SEED");
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 20;

	printf("KARMA_TEST_SEED=%llu\n", (unsigned long long)seed);
	(void)fflush(stdout);
	return seed;
}
