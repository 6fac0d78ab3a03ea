/* The day by arithmetic is the C library's, on each day of 800 years and at the edges of what a day can be. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <time.h>

#include "base/day.h"

#define SECONDS_PER_DAY INT64_C(86400)

static uint32_t
day_of_library(int64_t seconds)
{
	struct tm civil;
	time_t time = seconds;

	assert_non_null(gmtime_r(&time, &civil));
	return (uint32_t)((civil.tm_year + 1900) * 10000 + (civil.tm_mon + 1) * 100 + civil.tm_mday);
}

static void
follows_the_library_for_800_years(void **state)
{
	(void)state;
	for (int64_t day = -146097; day <= 146097; day++) {
		int64_t first = day * SECONDS_PER_DAY;

		assert_int_equal(day_from_unix(first), day_of_library(first));
		assert_int_equal(day_from_unix(first + SECONDS_PER_DAY - 1), day_of_library(first));
	}
}

static void
knows_leap_years(void **state)
{
	(void)state;
	assert_int_equal(day_from_unix(0), 19700101);
	assert_int_equal(day_from_unix(-1), 19691231);
	assert_int_equal(day_from_unix(951782400), 20000229);  /* divisible by 400 */
	assert_int_equal(day_from_unix(4107542400), 21000301); /* by 100 only: the day before is the 28th */
	assert_int_equal(day_from_unix(4107542399), 21000228);
	assert_int_equal(day_from_unix(1709164800), 20240229);
	assert_int_equal(day_from_unix(1688256000), 20230702);
}

static void
stays_within_what_can_be_written(void **state)
{
	(void)state;
	assert_int_equal(day_from_unix(INT64_C(253402300799)), 99991231);
	assert_int_equal(day_from_unix(INT64_C(253402300800)), 99991231);
	assert_int_equal(day_from_unix(INT64_MAX), 99991231);
	assert_int_equal(day_from_unix(INT64_C(-62167219200)), 101);
	assert_int_equal(day_from_unix(INT64_C(-62167219201)), 101);
	assert_int_equal(day_from_unix(INT64_MIN), 101);
}

/* Both ways; and what is no date does not come back. */
static void
numbers_and_dates_match(void **state)
{
	int64_t number;

	(void)state;
	for (int64_t day = -719528; day <= 2932896; day++) {
		assert_true(day_to_number(day_from_unix(day * SECONDS_PER_DAY), &number));
		assert_int_equal(number, day);
	}
	unsigned dates = 0;

	for (uint64_t day = 19990000; day < 20010000; day++)
		dates += day_to_number(day, &number);
	assert_int_equal(dates, 365 + 366);
	assert_false(day_to_number(0, &number));
	assert_false(day_to_number(100, &number));
	assert_false(day_to_number(99991232, &number));
	assert_false(day_to_number(100000101, &number));
	assert_false(day_to_number(UINT64_MAX, &number));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_the_library_for_800_years),
		cmocka_unit_test(knows_leap_years),
		cmocka_unit_test(stays_within_what_can_be_written),
		cmocka_unit_test(numbers_and_dates_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
