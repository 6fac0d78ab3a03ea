/*
 * json_v2_plain.c - arrays of unsigned integers
 *
 * What is taken here is valid JSON by itself: brackets, commas, blanks and digits in their places. Anything else, wrong or
 * only unusual, is left to the scanner.
 */
#include "proto/json_v2_plain.h"

#include <assert.h>

#include "base/limits.h"

enum { DIGITS_SURE = 19 }; /* so many always fit */

static inline bool
is_digit(char byte)
{
	return (unsigned char)(byte - '0') <= 9;
}

const char *
v2_unsigned_end(const char *at, const char *end, uint64_t *ret)
{
	const char *sure_end = end - at > DIGITS_SURE ? at + DIGITS_SURE : end;
	const char *first = at;
	uint64_t value = 0;

	while (at < sure_end && is_digit(*at))
		value = value * 10 + (uint64_t)(*at++ - '0');
	if (at == first || (*first == '0' && at - first > 1))
		return NULL;
	for (; at < end && is_digit(*at); at++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return NULL;
	}
	*ret = value;
	return at;
}

struct reader {
	const char *at;
	const char *end;
};

static inline void
pass_blanks(struct reader *reader)
{
	while (reader->at < reader->end &&
	       (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\r' || *reader->at == '\n'))
		reader->at++;
}

/* Passes the byte if it comes next. */
static inline bool
pass(struct reader *reader, char byte)
{
	pass_blanks(reader);
	if (reader->at == reader->end || *reader->at != byte)
		return false;
	reader->at++;
	return true;
}

static inline bool
read_unsigned(struct reader *reader, uint64_t *ret)
{
	pass_blanks(reader);
	const char *after = v2_unsigned_end(reader->at, reader->end, ret);

	if (after == NULL)
		return false;
	reader->at = after;
	return true;
}

static inline bool
read_key(struct reader *reader, void *ret)
{
	return read_unsigned(reader, ret);
}

static inline bool
read_item(struct reader *reader, void *ret)
{
	struct v2_item *item = ret;
	uint64_t bucket;

	if (!pass(reader, '[') || !read_unsigned(reader, &item->key) || !pass(reader, ',') ||
	    !read_unsigned(reader, &bucket) || !pass(reader, ',') || !read_unsigned(reader, &item->value))
		return false;
	item->bucket = bucket <= DAY_MAX ? (uint32_t)bucket : V2_BUCKET_OUT;
	return pass(reader, ']');
}

/* Returns the first element, or NULL. Inline, so that each kind has a loop of its own. */
static inline __attribute__((always_inline)) void *
read_array(struct json_scan *scan, struct arena *scratch, size_t element_bytes,
           bool (*read)(struct reader *reader, void *ret), uint32_t *ret_count)
{
	struct reader reader = { .at = scan->at + 1, .end = scan->end };
	const size_t used = scratch->used;
	char *first = arena_take_aligned(scratch, 0);
	uint32_t count = 0;

	assert(*scan->at == '[');
	if (first == NULL)
		return NULL;
	size_t room = (scratch->capacity - scratch->used) / element_bytes;

	if (room > V2_ITEMS_MAX)
		room = V2_ITEMS_MAX;
	if (!pass(&reader, ']')) {
		do {
			if (count == room || !read(&reader, first + count * element_bytes))
				goto other;
			count++;
		} while (pass(&reader, ','));
		if (!pass(&reader, ']'))
			goto other;
	}
	(void)arena_take(scratch, count * element_bytes);
	scan->at = reader.at;
	*ret_count = count;
	return first;
other:
	scratch->used = used;
	return NULL;
}

bool
v2_plain_keys(struct json_scan *scan, struct arena *scratch, struct v2_keys *ret)
{
	ret->at = read_array(scan, scratch, sizeof(*ret->at), read_key, &ret->count);
	return ret->at != NULL;
}

bool
v2_plain_items(struct json_scan *scan, struct arena *scratch, struct v2_items *ret)
{
	ret->at = read_array(scan, scratch, sizeof(*ret->at), read_item, &ret->count);
	return ret->at != NULL;
}
