/* Keys come as often as their distribution says, and the scattering of ranks loses none. */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "load/load_keys.h"

enum { DRAWS = 1000000, RANKS = 1000, SINGLE_RANKS = 10, BINS = SINGLE_RANKS + 64, COUNT_MAX = 3000 };

/*
 * How far counts are from what was expected, in standard deviations of chi square, whose mean is the number of its
 * degrees of freedom. The seeds are fixed: a right sampler passes each time, by far.
 */
static double
deviation(const uint64_t *seen, const double *expected, unsigned count)
{
	double chi_square = 0;

	for (unsigned i = 0; i < count; i++)
		chi_square += ((double)seen[i] - expected[i]) * ((double)seen[i] - expected[i]) / expected[i];
	return (chi_square - (count - 1)) / sqrt(2.0 * (count - 1));
}

/* The first ranks one by one, then by powers of two: many ranks of few drawings each would drown what matters. */
static unsigned
bin_of(uint64_t rank)
{
	return rank < SINGLE_RANKS ? (unsigned)rank : SINGLE_RANKS + 63 - (unsigned)__builtin_clzll(rank);
}

static double
zipf_deviation(double drawn_theta, double theta)
{
	uint64_t seen[BINS] = { 0 }, bin_seen[BINS] = { 0 };
	double expected[BINS] = { 0 }, bin_expected[BINS] = { 0 };
	struct load_random random = { .state = 7 };
	struct load_keys keys;
	double sum = 0;
	unsigned bins = 0;

	load_keys_init(&keys, LOAD_ZIPF, RANKS, drawn_theta);
	for (unsigned i = 0; i < DRAWS; i++) {
		const uint64_t rank = load_keys_rank(&keys, &random);

		assert_true(rank < RANKS);
		seen[bin_of(rank)]++;
	}
	for (unsigned i = 0; i < RANKS; i++)
		sum += pow(i + 1, -theta);
	for (unsigned i = 0; i < RANKS; i++)
		expected[bin_of(i)] += DRAWS * pow(i + 1, -theta) / sum;
	for (unsigned i = 0; i < BINS; i++) {
		if (expected[i] > 0) {
			bin_seen[bins] = seen[i];
			bin_expected[bins++] = expected[i];
		}
	}
	return deviation(bin_seen, bin_expected, bins);
}

/* For exponents on both sides of 1 and at 1 itself; and the test would notice 3 % less. */
static void
zipf_ranks_are_as_frequent_as_they_should(void **state)
{
	static const double thetas[] = { 0.3, 0.5, 0.99, 1, 1 + 1e-12, 1.2 };

	(void)state;
	for (size_t i = 0; i < sizeof(thetas) / sizeof(thetas[0]); i++) {
		assert_true(fabs(zipf_deviation(thetas[i], thetas[i])) < 4);
		assert_true(zipf_deviation(thetas[i] * 0.97, thetas[i]) > 4);
	}
}

/* With as many keys as there may be, the first ranks have the share that the sum of all weights leaves them. */
static void
zipf_has_no_table(void **state)
{
	const double count = (double)LOAD_ZIPF_KEYS_MAX, theta = 0.99;
	struct load_random random = { .state = 3 };
	struct load_keys keys;
	uint64_t first = 0;

	(void)state;
	load_keys_init(&keys, LOAD_ZIPF, LOAD_ZIPF_KEYS_MAX, theta);
	for (unsigned i = 0; i < DRAWS; i++)
		first += load_keys_rank(&keys, &random) == 0;
	/* Euler and Maclaurin: the integral, half of both ends, the derivative at 1 over 12. */
	const double sum = (pow(count, 1 - theta) - 1) / (1 - theta) + 0.5 + pow(count, -theta) / 2 + theta / 12;
	const double expected = DRAWS / sum;

	assert_true(fabs((double)first - expected) < 4 * sqrt(expected));
}

/* Each key is the key of one rank. */
static void
scattering_is_a_permutation(void **state)
{
	(void)state;
	for (uint64_t count = 1; count <= COUNT_MAX; count += 1 + count / 50) {
		char *met = test_calloc(count, 1);
		struct load_keys keys;
		uint64_t next_to = 0;

		load_keys_init(&keys, LOAD_ZIPF, count, LOAD_THETA_DEFAULT);
		for (uint64_t rank = 0; rank < count; rank++) {
			const uint64_t key = load_keys_scatter(&keys, rank);

			assert_true(key < count && met[key] == 0);
			met[key] = 1;
			next_to += rank > 0 && key == load_keys_scatter(&keys, rank - 1) + 1;
		}
		/* And neighbours are parted. */
		assert_true(count < 64 || next_to < count / 8);
		test_free(met);
	}
}

static void
uniform_keys_are_even(void **state)
{
	static uint64_t seen[RANKS];
	static double expected[RANKS];
	struct load_random random = { .state = 11 };
	struct load_keys keys;

	(void)state;
	load_keys_init(&keys, LOAD_UNIFORM, RANKS, 0);
	for (unsigned i = 0; i < DRAWS; i++) {
		const uint64_t key = load_keys_next(&keys, &random);

		assert_true(key < RANKS);
		seen[key]++;
	}
	for (unsigned i = 0; i < RANKS; i++)
		expected[i] = (double)DRAWS / RANKS;
	assert_true(fabs(deviation(seen, expected, RANKS)) < 4);
}

static void
hot_is_one_key(void **state)
{
	struct load_random random = { .state = 1 };
	struct load_keys keys;

	(void)state;
	load_keys_init(&keys, LOAD_HOT, RANKS, 0);
	for (unsigned i = 0; i < RANKS; i++)
		assert_int_equal(load_keys_next(&keys, &random), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zipf_ranks_are_as_frequent_as_they_should),
		cmocka_unit_test(zipf_has_no_table),
		cmocka_unit_test(scattering_is_a_permutation),
		cmocka_unit_test(uniform_keys_are_even),
		cmocka_unit_test(hot_is_one_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
