/*
 * Days since 1970 become a civil date by counting in eras of 400 years, which all have 146097 days, from 1 March of
 * year 0: with March first, the leap day is the last of its year and the lengths of the months follow one line,
 * (153 × month + 2) / 5. No table, no loop, right for every day of the proleptic Gregorian calendar.
 */
#include "base/day.h"

enum { SECONDS_PER_DAY = 86400, DAYS_PER_ERA = 146097, DAYS_TO_1970 = 719468 /* from 1 March of year 0 */ };

#define DAY_FIRST INT64_C(-719528) /* 0000-01-01, days since 1970 */
#define DAY_LAST  INT64_C(2932896) /* 9999-12-31 */

static int64_t
floor_divide(int64_t value, int64_t by)
{
	return value / by - (value % by < 0);
}

uint32_t
day_from_unix(int64_t seconds)
{
	int64_t days = floor_divide(seconds, SECONDS_PER_DAY);

	days = days < DAY_FIRST ? DAY_FIRST : days > DAY_LAST ? DAY_LAST : days;
	days += DAYS_TO_1970;
	int64_t era = floor_divide(days, DAYS_PER_ERA);
	int64_t of_era = days - era * DAYS_PER_ERA;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153; /* 0 is March */
	int64_t day = of_year - (153 * month + 2) / 5 + 1;

	year += era * 400 + (month >= 10);
	month += month < 10 ? 3 : -9;
	return (uint32_t)(year * 10000 + month * 100 + day);
}

/* The other way round; what does not come back as it went is no date. */
bool
day_to_number(uint64_t day, int64_t *ret_number)
{
	if (day > INT32_MAX)
		return false;
	const int64_t month = (int64_t)(day / 100 % 100);
	const int64_t year = (int64_t)(day / 10000) - (month < 3);
	const int64_t era = floor_divide(year, 400);
	const int64_t of_era = year - era * 400;
	const int64_t of_year = (153 * (month + (month < 3 ? 9 : -3)) + 2) / 5 + (int64_t)(day % 100) - 1;

	*ret_number = era * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_1970;
	return day_from_unix(*ret_number * SECONDS_PER_DAY) == day;
}
