/*
 * random.h - numbers and keys that come in no order
 */
#pragma once

#include <stdint.h>

/* A generator's first state; differs for each n. */
static inline uint64_t
random_seed(uint64_t n)
{
	return UINT64_C(88172645463325252) + n * UINT64_C(7919);
}

static inline uint64_t
random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* 0 … bound - 1; bound is at most 2^32. No division, which would cost as much as what is measured. */
static inline uint64_t
random_below(uint64_t *state, uint64_t bound)
{
	return (random_next(state) >> 32) * bound >> 32;
}

/* Key number n: spread over all 64 bits, as ids of users are not in order either. */
static inline uint64_t
random_key(uint64_t number)
{
	return number * UINT64_C(0x9e3779b97f4a7c15);
}
