/*
 * day.h - days as plain integers YYYYMMDD, by arithmetic alone
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The day in UTC of a time in unix seconds, which may be before 1970. Years outside 0 … 9999 give the nearest day that
 * can be written (101 or 99991231). */
uint32_t day_from_unix(int64_t seconds);

/* Days since 1970 of a date in the years 0 … 9999. False when it is none, such as 20260230. */
bool day_to_number(uint64_t day, int64_t *ret_number);
