/*
 * timezone.h - the zone that decides which day today is
 *
 * One zone for the whole process: "UTC", "local" (TZ, else /etc/localtime) or a name of the zoneinfo database.
 */
#pragma once

#include <stdint.h>

enum timezone_outcome {
	TIMEZONE_UNKNOWN = 1, /* the database has no zone of that name */
	TIMEZONE_NO_DATABASE, /* and there is no database to look in */
};

/* Where zone names are looked up: TZDIR, or the system's directory. */
const char *timezone_directory(void);

/* 0, TIMEZONE_UNKNOWN or TIMEZONE_NO_DATABASE. */
int timezone_check(const char *name);

/* Puts a checked zone in force. Once, before there are other threads: it changes the environment. 0 or -ENOMEM. */
int timezone_setup(const char *name);

/* The day in the zone in force (UTC before timezone_setup()) of a time in unix seconds. */
uint32_t timezone_day(int64_t seconds);

/* The same of the real-time clock. */
uint32_t timezone_today(void);
