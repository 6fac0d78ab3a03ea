/*
 * UTC goes by arithmetic, so that the usual server needs no database. Every other zone goes through the C library, which
 * is told the zone by TZ; it takes an unknown name for UTC without a word, so names are checked against the files first.
 */
#include "base/timezone.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/day.h"
#include "base/limits.h"

/* Set by timezone_setup() before there are threads, read-only afterwards. */
static bool through_library;

static bool
name_is(const char *name, const char *other)
{
	return strcmp(name, other) == 0;
}

/* Area/City: what cannot leave the database's directory nor be read as a POSIX rule or an absolute path. */
static bool
name_is_plain(const char *name)
{
	if (!isalpha((unsigned char)name[0]))
		return false;
	for (const char *at = name; *at != '\0'; at++)
		if (!isalnum((unsigned char)*at) && strchr("/_+-", *at) == NULL)
			return false;
	return true;
}

static bool
file_is_zone(const char *path)
{
	char magic[4];
	FILE *file = fopen(path, "rbe");

	if (file == NULL)
		return false;
	bool zone = fread(magic, 1, sizeof(magic), file) == sizeof(magic) && memcmp(magic, "TZif", sizeof(magic)) == 0;

	(void)fclose(file);
	return zone;
}

const char *
timezone_directory(void)
{
	const char *directory = getenv("TZDIR"); /* NOLINT(concurrency-mt-unsafe): nothing changes TZDIR */

	return directory != NULL && directory[0] != '\0' ? directory : "/usr/share/zoneinfo";
}

int
timezone_check(const char *name)
{
	char path[PATH_MAX];
	const char *directory = timezone_directory();

	if (name_is(name, "UTC") || name_is(name, "local"))
		return 0;
	if (access(directory, R_OK) < 0)
		return TIMEZONE_NO_DATABASE;
	if (!name_is_plain(name))
		return TIMEZONE_UNKNOWN;
	int length = snprintf(path, sizeof(path), "%s/%s", directory, name);

	if (length < 0 || (size_t)length >= sizeof(path) || !file_is_zone(path))
		return TIMEZONE_UNKNOWN;
	return 0;
}

int
timezone_setup(const char *name)
{
	through_library = !name_is(name, "UTC");
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): the contract says that there is one thread */
	if (through_library && !name_is(name, "local") && setenv("TZ", name, 1) < 0)
		return -errno;
	tzset();
	return 0;
}

uint32_t
timezone_day(int64_t seconds)
{
	struct tm civil;
	time_t time = seconds;

	if (!through_library || localtime_r(&time, &civil) == NULL)
		return day_from_unix(seconds);
	int year = civil.tm_year + 1900;

	if (year < 0 || year > DAY_MAX / 10000)
		return day_from_unix(seconds); /* the nearest day that can be written */
	return (uint32_t)(year * 10000 + (civil.tm_mon + 1) * 100 + civil.tm_mday);
}

uint32_t
timezone_today(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail: the clock is there and now is ours */
	return timezone_day(now.tv_sec);
}
