/*
 * json_v2_value.h - one JSON value of a request; for the files of json_v2 only
 */
#pragma once

#include "proto/json_scan.h"
#include "proto/json_v2.h"

/* Passes one value, with the blanks before it; depth as of json_scan_skip(). */
bool v2_value_scan(struct json_scan *scan, unsigned depth, struct v2_value *ret);

/* What is passed from first to end is a value other than a string. */
enum v2_type v2_value_type(const char *first, const char *end);

/* ---- what stands in an array or object whose text has been checked ---- */

struct v2_walk {
	struct json_scan scan;
	unsigned depth; /* objects and arrays around what stands in it */
};
struct v2_walk v2_walk_begin(const struct v2_value *value, unsigned depth);

/* False at the end. */
bool v2_walk_element(struct v2_walk *walk, struct v2_value *ret);
bool v2_walk_member(struct v2_walk *walk, struct json_text *ret_name, struct v2_value *ret);

bool v2_name_is(struct json_text name, const char *expected);

/* ---- as a field: NULL, or what is wrong ---- */

struct v2_texts {
	const char *required, *negative, *not_unsigned;
};
#define V2_TEXTS(name)                                                                             \
	{                                                                                          \
		"Field " name " is required", "Field " name " must be greater than or equal to 0", \
		    "Field " name " must be an unsigned integer"                                   \
	}

/* value is NULL when it is not there. */
const char *v2_value_unsigned(const struct v2_value *value, const struct v2_texts *texts, uint64_t *ret);

/* A string, escapes resolved. */
const char *v2_value_text(const struct v2_value *value, struct arena *scratch, struct text *ret);

extern const char v2_no_room[];
