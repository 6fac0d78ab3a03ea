/*
 * load_keys.h - which key a request asks for
 *
 * A drawing costs the same whatever the number of keys, and no table is kept of them. load_keys is read-only after
 * init; every thread has a load_random of its own.
 */
#pragma once

#include <stdint.h>

enum load_key_choice { LOAD_UNIFORM, LOAD_ZIPF, LOAD_HOT /* key 0 alone */ };

#define LOAD_THETA_DEFAULT 0.99 /* as in YCSB */
#define LOAD_THETA_MAX     10.0
#define LOAD_ZIPF_KEYS_MAX (UINT64_C(1) << 53) /* ranks are exact in a double */

struct load_random {
	uint64_t state;
};

struct load_keys {
	enum load_key_choice choice;
	uint64_t count;
	double theta;
	double area_first, area_all; /* see load_keys.c */
	double sure;
	uint64_t scatter_mask;
	unsigned scatter_shift;
};

/* splitmix64: Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014). */
static inline uint64_t
load_random_next(struct load_random *random)
{
	uint64_t value = random->state += UINT64_C(0x9e3779b97f4a7c15);

	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

/* 0 to bound - 1, by a multiplication: no value is more likely than another by more than bound / 2^64. */
static inline uint64_t
load_random_below(struct load_random *random, uint64_t bound)
{
	__extension__ typedef unsigned __int128 wide;

	return (uint64_t)((wide)load_random_next(random) * bound >> 64);
}

/* count > 0; theta matters to LOAD_ZIPF alone, whose count is at most LOAD_ZIPF_KEYS_MAX. */
void load_keys_init(struct load_keys *keys, enum load_key_choice choice, uint64_t count, double theta);

/* A key, 0 to count - 1. */
uint64_t load_keys_next(const struct load_keys *keys, struct load_random *random);

/* LOAD_ZIPF in its two steps: a rank, 0 being the most frequent, and the key of a rank (each key has one). */
uint64_t load_keys_rank(const struct load_keys *keys, struct load_random *random);
uint64_t load_keys_scatter(const struct load_keys *keys, uint64_t rank);
