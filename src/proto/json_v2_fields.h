/*
 * json_v2_fields.h - members of a request as fields (PROTOCOL-v2.md section 4)
 *
 * Called by an operation in its own order. Each returns NULL, or what is wrong: a static sentence for a validation_error,
 * and then what ret points to is undefined. Texts with escapes, and arrays, are in scratch: see v2_scratch_bytes(). Pure.
 */
#pragma once

#include "proto/json_v2.h"

/* `v` is the integer 2. */
bool v2_is_version_2(const struct v2_line *line);

/* A string that must be there: `op`, `mode`, … */
const char *v2_read_text(const struct v2_line *line, enum v2_member member, struct arena *scratch, struct text *ret);

/* `tree` if that is a string, or else `series`. Not empty, and no longer than a tree's name. */
const char *v2_read_series(const struct v2_line *line, struct arena *scratch, struct text *ret);

/* An integer from 0 to 2^64 - 1 that must be there; the second: *ret stays when it is not. */
const char *v2_read_unsigned(const struct v2_line *line, enum v2_member member, uint64_t *ret);
const char *v2_read_unsigned_if(const struct v2_line *line, enum v2_member member, uint64_t *ret);

/* `limit`: any integer, since what it may be is a rule of its own; one below 0 is read as 0. *ret stays when it is not there. */
const char *v2_read_limit_if(const struct v2_line *line, uint64_t *ret);

/* `cursor`; null is none. */
const char *v2_read_cursor(const struct v2_line *line, bool *ret_given, uint64_t *ret);

/* `before`, or else `date`, as it is. */
const char *v2_read_before(const struct v2_line *line, uint64_t *ret);

/* `date`, or else `bucket`: 0 to DAY_MAX. Without both *ret_given is false, and *ret undefined. */
const char *v2_read_bucket(const struct v2_line *line, struct arena *scratch, bool *ret_given, uint32_t *ret);

/* A string, or the digits of an integer. Must be there. */
const char *v2_read_text_or_integer(const struct v2_line *line, enum v2_member member, struct arena *scratch,
                                    struct text *ret);

/* from ≤ to. Must be there; with range_if *ret_given tells. That both are dates is a rule of its own: v2_check_range(). */
struct v2_range {
	uint64_t from, to;
};
const char *v2_read_range(const struct v2_line *line, struct v2_range *ret);
const char *v2_read_range_if(const struct v2_line *line, bool *ret_given, struct v2_range *ret);
const char *v2_check_range(const struct v2_range *range);

/* Arrays. With more than V2_ITEMS_MAX elements `at` is NULL; whether that is a fault is the operation's to say. */
const char *v2_read_keys(const struct v2_line *line, struct arena *scratch, struct v2_keys *ret);
const char *v2_read_items(const struct v2_line *line, struct arena *scratch, struct v2_items *ret);

/* `items` of counter.multi_sum. */
struct v2_sum {
	struct text series;
	uint64_t key;
};
static_assert(sizeof(struct v2_sum) <= sizeof(struct v2_item), "v2_scratch_bytes() counts them as items");
struct v2_sums {
	const struct v2_sum *at;
	uint32_t count;
};
const char *v2_read_sums(const struct v2_line *line, struct arena *scratch, struct v2_sums *ret);

/* What goes with `idempotency_key`; is_given is false, and the rest not looked at, without that. */
struct v2_idempotency {
	bool is_given, has_fingerprint, has_created_at;
	struct text key, fingerprint;
	uint64_t created_at_unix;
};
const char *v2_read_idempotency(const struct v2_line *line, struct arena *scratch, struct v2_idempotency *ret);

/* No string is no token: bytes 0, as the empty one. */
const char *v2_read_token(const struct v2_line *line, struct arena *scratch, struct text *ret);
