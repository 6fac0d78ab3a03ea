/* Percentiles of the load generator's histogram are right to a hundredth, whatever the size of the values. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "kit/histogram.h"

/* A lone value is found again in its bucket, from 0 to the largest. */
static void
every_size_keeps_its_precision(void **state)
{
	static struct histogram histogram;

	(void)state;
	for (uint64_t value = 0; value < UINT64_C(1) << HISTOGRAM_VALUE_BITS; value += 1 + value / 77) {
		memset(&histogram, 0, sizeof(histogram));
		histogram_record(&histogram, value);
		histogram_record(&histogram, UINT64_MAX);
		const uint64_t found = histogram_percentile(&histogram, 0.5);

		assert_true(found >= value);
		assert_true(found - value <= value / 127);
		assert_int_equal(histogram_percentile(&histogram, 1), (UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1);
		assert_int_equal(histogram.max, UINT64_MAX);
	}
}

/* Percentiles fall where the rank says, also over histograms added up. */
static void
ranks_are_counted(void **state)
{
	static struct histogram histogram, other;

	(void)state;
	assert_int_equal(histogram_percentile(&histogram, 0.5), 0);
	for (uint64_t value = 1; value <= 100; value++)
		histogram_record(value % 2 == 0 ? &histogram : &other, value);
	histogram_add(&histogram, &other);
	assert_int_equal(histogram.count, 100);
	assert_int_equal(histogram.max, 100);
	assert_int_equal(histogram.sum, 5050);
	assert_int_equal(histogram_percentile(&histogram, 0), 1);
	assert_int_equal(histogram_percentile(&histogram, 0.5), 50);
	assert_int_equal(histogram_percentile(&histogram, 0.99), 99);
	assert_int_equal(histogram_percentile(&histogram, 0.999), 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_keeps_its_precision),
		cmocka_unit_test(ranks_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
