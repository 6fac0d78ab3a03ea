/* Today follows the zone in force, by its rules of the season; a name that is no zone is refused before it counts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/day.h"
#include "base/timezone.h"

#define JULY    INT64_C(1688248800) /* 2023-07-01 22:00:00 UTC: midnight of the 2nd in Berlin, which is 2 hours ahead */
#define JANUARY INT64_C(1672527600) /* 2022-12-31 23:00:00 UTC: midnight of New Year in Berlin, 1 hour ahead */

static void
skip_without_database(void)
{
	if (timezone_check("Europe/Berlin") == TIMEZONE_NO_DATABASE)
		skip();
}

static void
refuses_what_is_no_zone(void **state)
{
	static const char *const wrong[] = {
		"",          "Europe/Berlni",  "Europe",         "/etc/localtime", "utc1",
		"../passwd", "Europe/../Asia", "tzdata.zi",      ":UTC",           "CET-1CEST",
		"zone.tab",  "leapseconds",    "Europe/Berlin ", "Europe/Berlin/"
	};

	(void)state;
	skip_without_database();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (timezone_check(wrong[i]) != TIMEZONE_UNKNOWN)
			fail_msg("\"%s\" was taken for a zone", wrong[i]);
	assert_int_equal(timezone_check("Europe/Berlin"), 0);
	assert_int_equal(timezone_check("America/Argentina/Buenos_Aires"), 0);
	assert_int_equal(timezone_check("Etc/GMT+5"), 0);
}

static void
needs_no_database_for_utc(void **state)
{
	(void)state;
	assert_int_equal(setenv("TZDIR", "/nonexistent", 1), 0);
	assert_int_equal(timezone_check("UTC"), 0);
	assert_int_equal(timezone_check("local"), 0);
	assert_int_equal(timezone_check("Europe/Berlin"), TIMEZONE_NO_DATABASE);
	assert_int_equal(unsetenv("TZDIR"), 0);
}

static void
utc_does_not_ask_the_environment(void **state)
{
	(void)state;
	assert_int_equal(setenv("TZ", "XYZ-12", 1), 0);
	assert_int_equal(timezone_setup("UTC"), 0);
	assert_int_equal(timezone_day(JULY), 20230701);
	for (int64_t second = -100000000; second < 4000000000; second += 86399)
		assert_int_equal(timezone_day(second), day_from_unix(second));
}

static void
local_is_what_the_environment_says(void **state)
{
	(void)state;
	assert_int_equal(setenv("TZ", "XYZ-12", 1), 0); /* 12 hours ahead */
	assert_int_equal(timezone_setup("local"), 0);
	assert_int_equal(timezone_day(0), 19700101);
	assert_int_equal(timezone_day(43200), 19700102);
	assert_int_equal(timezone_day(-43201), 19691231);
	assert_int_equal(timezone_day(INT64_MAX), 99991231);
}

static void
a_named_zone_changes_its_day_at_its_midnight(void **state)
{
	(void)state;
	skip_without_database();
	assert_int_equal(timezone_setup("Europe/Berlin"), 0);
	assert_int_equal(timezone_day(JULY - 1), 20230701);
	assert_int_equal(timezone_day(JULY), 20230702);
	assert_int_equal(timezone_day(JANUARY - 1), 20221231);
	assert_int_equal(timezone_day(JANUARY), 20230101);
	assert_true(timezone_today() > 20230702);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_zone),
		cmocka_unit_test(needs_no_database_for_utc),
		cmocka_unit_test(utc_does_not_ask_the_environment),
		cmocka_unit_test(local_is_what_the_environment_says),
		cmocka_unit_test(a_named_zone_changes_its_day_at_its_midnight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
