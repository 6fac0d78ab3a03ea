/*
 * load_keys.c - uniform, Zipf and a single hot key
 *
 * Zipf by rejection-inversion: W. Hörmann, G. Derflinger: Rejection-inversion to generate variates from monotone
 * discrete distributions, ACM TOMACS 6 (1996), 169-184. Rank k has weight h(k) = k^-theta. The area under h(x) from
 * k - 1/2 to k + 1/2 is larger than h(k), so a point chosen evenly from the whole area (by the inverse of its integral
 * H) gives k a little too often; what lies above is rejected. Nearly all points are within `sure` of their k, where
 * nothing can be above. The method of Gray et al., which YCSB has, needs the sum of all weights beforehand: seconds for
 * 10^9 keys.
 *
 * The frequent ranks would be neighbours as keys. Multiplications and shifts permute the numbers of as many bits as the
 * keys have; what falls beyond the keys is permuted again until it falls within (a permutation has no way into a circle
 * but around it, so no two ranks meet). At least half of the numbers are keys: fewer than two rounds on average.
 */
#include "load/load_keys.h"

#include <assert.h>
#include <math.h>

/* (e^x - 1) / x and log(1 + x) / x, also near 0, where theta is near 1. */
static double
expm1_over(double x)
{
	return fabs(x) > 1e-8 ? expm1(x) / x : 1 + x / 2;
}

static double
log1p_over(double x)
{
	return fabs(x) > 1e-8 ? log1p(x) / x : 1 - x / 2;
}

static double
weight(double theta, double x)
{
	return exp(-theta * log(x));
}

/* H: integral of the weight from 1 to x. */
static double
area_until(double theta, double x)
{
	return expm1_over((1 - theta) * log(x)) * log(x);
}

static double
area_inverse(double theta, double area)
{
	const double t = area * (1 - theta);

	/* Rounding must not lead below the pole. */
	return exp(log1p_over(t > -1 ? t : -1) * area);
}

static void
init_scatter(struct load_keys *keys)
{
	const unsigned bits = keys->count > 1 ? 64 - (unsigned)__builtin_clzll(keys->count - 1) : 1;

	keys->scatter_mask = UINT64_MAX >> (64 - bits);
	keys->scatter_shift = (bits + 1) / 2;
}

void
load_keys_init(struct load_keys *keys, enum load_key_choice choice, uint64_t count, double theta)
{
	assert(count > 0);
	*keys = (struct load_keys){ .choice = choice, .count = count, .theta = theta };
	if (choice != LOAD_ZIPF)
		return;
	assert(count <= LOAD_ZIPF_KEYS_MAX && theta > 0);
	keys->area_first = area_until(theta, 1.5) - 1;
	keys->area_all = area_until(theta, (double)count + 0.5);
	keys->sure = 2 - area_inverse(theta, area_until(theta, 2.5) - weight(theta, 2));
	init_scatter(keys);
}

uint64_t
load_keys_rank(const struct load_keys *keys, struct load_random *random)
{
	const double theta = keys->theta;

	for (;;) {
		const double share = (double)(load_random_next(random) >> 11) * 0x1p-53;
		const double area = keys->area_all + share * (keys->area_first - keys->area_all);
		const double x = area_inverse(theta, area);
		double k = floor(x + 0.5);

		k = k < 1 ? 1 : k;
		k = k > (double)keys->count ? (double)keys->count : k;
		if (k - x <= keys->sure || area >= area_until(theta, k + 0.5) - weight(theta, k))
			return (uint64_t)k - 1;
	}
}

uint64_t
load_keys_scatter(const struct load_keys *keys, uint64_t rank)
{
	const uint64_t mask = keys->scatter_mask;
	const unsigned shift = keys->scatter_shift;
	uint64_t key = rank;

	assert(rank < keys->count);
	do {
		key = (key * UINT64_C(0xd1342543de82ef95) + UINT64_C(0x9e3779b97f4a7c15)) & mask;
		key ^= key >> shift;
		key = (key * UINT64_C(0xff51afd7ed558ccd)) & mask;
		key ^= key >> shift;
	} while (key >= keys->count);
	return key;
}

uint64_t
load_keys_next(const struct load_keys *keys, struct load_random *random)
{
	switch (keys->choice) {
	case LOAD_UNIFORM:
		return load_random_below(random, keys->count);
	case LOAD_ZIPF:
		return load_keys_scatter(keys, load_keys_rank(keys, random));
	case LOAD_HOT:
		return 0;
	}
	return 0;
}
