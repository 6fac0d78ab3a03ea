/*
 * json_encode.h - texts and numbers of replies, the same in every protocol
 *
 * Texts are valid UTF-8. Escaped is what JSON wants, in its short form where there is one; `/` and non-ASCII stay as they
 * are, as the original writes them. Room is not looked at: the buffer remembers a failed append.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

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
