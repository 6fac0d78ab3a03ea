/*
 * utf8.h - UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF
 *
 * Inline, since the request decoder calls it once per character of a name that is not ASCII. Pure functions.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTF8_SEQUENCE_MAX = 4 }; /* bytes of one character */

/*
 * Returns the bytes of the character that starts at `at`, 1 to 4, or 0 when none does. The bytes from `at` to `end` are
 * borrowed; there is at least one.
 *
 *   lead      second      others    the second byte's narrower bounds keep out …
 *   C2 … DF   80 … BF
 *   E0        A0 … BF     80 … BF   overlong forms (also C0 and C1 as leads)
 *   E1 … EF   80 … BF     80 … BF
 *   ED        80 … 9F     80 … BF   surrogates
 *   F0        90 … BF     80 … BF   overlong forms
 *   F1 … F3   80 … BF     80 … BF
 *   F4        80 … 8F     80 … BF   what lies above U+10FFFF (also F5 to FF as leads)
 */
static inline size_t
utf8_sequence(const char *at, const char *end)
{
	assert(at < end);
	const unsigned char lead = (unsigned char)at[0];

	if (lead < 0x80)
		return 1;
	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	const size_t bytes = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	if ((size_t)(end - at) < bytes)
		return 0;
	const unsigned char second = (unsigned char)at[1];
	const unsigned char first_valid = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	const unsigned char last_valid = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;

	if (second < first_valid || second > last_valid)
		return 0;
	for (size_t i = 2; i < bytes; i++) {
		if (((unsigned char)at[i] & 0xc0) != 0x80)
			return 0;
	}
	return bytes;
}

/* True when all of text is UTF-8; the empty text is. */
static inline bool
utf8_valid(const char *text, size_t bytes)
{
	const char *end = text + bytes;

	for (const char *at = text; at < end;) {
		const size_t step = utf8_sequence(at, end);

		if (step == 0)
			return false;
		at += step;
	}
	return true;
}

/* Writes one character, no surrogate and at most U+10FFFF, to `out` (room for 4 bytes). Returns its bytes. */
static inline size_t
utf8_encode(uint32_t character, char *out)
{
	assert(character <= 0x10ffff);
	assert(character < 0xd800 || character > 0xdfff);
	if (character < 0x80) {
		out[0] = (char)character;
		return 1;
	}
	if (character < 0x800) {
		out[0] = (char)(0xc0 | character >> 6);
		out[1] = (char)(0x80 | (character & 0x3f));
		return 2;
	}
	if (character < 0x10000) {
		out[0] = (char)(0xe0 | character >> 12);
		out[1] = (char)(0x80 | (character >> 6 & 0x3f));
		out[2] = (char)(0x80 | (character & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | character >> 18);
	out[1] = (char)(0x80 | (character >> 12 & 0x3f));
	out[2] = (char)(0x80 | (character >> 6 & 0x3f));
	out[3] = (char)(0x80 | (character & 0x3f));
	return 4;
}
