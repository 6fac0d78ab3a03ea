/*
 * json_encode.h - texts and numbers of replies, the same in every protocol
 *
 * Texts are valid UTF-8. Escaped is what JSON wants, in its short form where there is one; `/` and non-ASCII stay as they
 * are, as the original writes them. Room is not looked at: the buffer remembers a failed append.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buffer.h"

void json_encode_string(struct buffer *out, const char *text, size_t bytes); /* with its quotes */
void json_encode_inside(struct buffer *out, const char *text, size_t bytes); /* without */

enum { JSON_DIGITS_MAX = 20 };

/* Writes a number that ends before `end`, since its digits come last first. Returns where it begins. */
static inline char *
json_encode_digits(char *end, uint64_t value)
{
	do {
		*--end = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	return end;
}

enum { JSON_AROUND_NUMBER_MAX = 104 };

/* A number with what stands around it, at most JSON_AROUND_NUMBER_MAX bytes: put together on the stack and appended at once, since
 * that is what a running server replies nearly always. */
static inline void
json_encode_number(struct buffer *out, const char *before, size_t before_bytes, uint64_t value, const char *after,
                   size_t after_bytes)
{
	char reply[JSON_AROUND_NUMBER_MAX + JSON_DIGITS_MAX];
	char *first = reply + sizeof(reply) - after_bytes;

	assert(before_bytes + after_bytes <= JSON_AROUND_NUMBER_MAX);
	memcpy(first, after, after_bytes);
	first = json_encode_digits(first, value) - before_bytes;
	memcpy(first, before, before_bytes);
	buffer_append(out, first, (size_t)(reply + sizeof(reply) - first));
}
