/*
 * json_text.c - strings of JSON: passing and checking them, and resolving their escapes
 *
 * Strings are most of a request, so they are passed eight bytes at a time while nothing in them needs a look: one word
 * is tested at once for quotes, backslashes, control characters and bytes above ASCII. What a check has let pass is not
 * checked again when its escapes are resolved.
 */
#include "proto/json_scan.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "base/utf8.h"

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Sets the high bit of the lowest byte that is 0; bytes above it may be marked wrongly. */
static inline uint64_t
mark_zero_byte(uint64_t word)
{
	return (word - EACH_BYTE(0x01)) & ~word;
}

/* Passes ASCII that stands for itself. Returns the first byte that needs a look, or end. */
static inline const char *
plain_end(const char *at, const char *end)
{
	while (end - at >= 8) {
		uint64_t word;

		memcpy(&word, at, sizeof(word));
		word = le64toh(word); /* so that the first byte is the lowest, also on a big-endian CPU */
		const uint64_t stops = (mark_zero_byte(word ^ EACH_BYTE('"')) | mark_zero_byte(word ^ EACH_BYTE('\\')) |
		                        (word - EACH_BYTE(' ')) | word) &
		                       EACH_BYTE(0x80);

		if (stops != 0)
			return at + (__builtin_ctzll(stops) >> 3);
		at += 8;
	}
	while (at < end && (unsigned char)(*at - ' ') < 0x60 && *at != '"' && *at != '\\')
		at++;
	return at;
}

/* The value of four hexadecimal digits, or -1. */
static int32_t
hex4(const char *at, const char *end)
{
	int32_t value = 0;

	if (end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		const char digit = at[i];

		if (digit >= '0' && digit <= '9')
			value = value << 4 | (digit - '0');
		else if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
			value = value << 4 | ((digit | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return value;
}

static bool
is_high_surrogate(int32_t unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static bool
is_low_surrogate(int32_t unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

/* The value of \uXXXX or of a pair of them at the backslash `at`, or -1. *ret_bytes is what it takes in the text. */
static int32_t
escaped_character(const char *at, const char *end, size_t *ret_bytes)
{
	const int32_t unit = hex4(at + 2, end);

	*ret_bytes = 6;
	if (unit < 0 || is_low_surrogate(unit))
		return -1;
	if (!is_high_surrogate(unit))
		return unit;
	if (end - at < 12 || at[6] != '\\' || at[7] != 'u')
		return -1;
	const int32_t low = hex4(at + 8, end);

	if (!is_low_surrogate(low))
		return -1;
	*ret_bytes = 12;
	return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

/* The byte that the letter behind a backslash stands for, or 0. */
static char
short_escape(char letter)
{
	switch (letter) {
	case '"':
	case '\\':
	case '/':
		return letter;
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return 0;
	}
}

static bool
pass_escape(struct json_scan *scan)
{
	size_t bytes = 2;

	if (scan->end - scan->at < 2)
		return json_scan_fail(scan, "String does not end");
	if (scan->at[1] == 'u') {
		if (escaped_character(scan->at, scan->end, &bytes) < 0)
			return json_scan_fail(scan, "Invalid \\u escape or lone surrogate");
	} else if (short_escape(scan->at[1]) == 0) {
		return json_scan_fail(scan, "Unknown escape");
	}
	scan->at += bytes;
	return true;
}

/* Passes what plain_end() stopped at, other than the closing quote. */
static bool
pass_special(struct json_scan *scan)
{
	if (scan->at == scan->end)
		return json_scan_fail(scan, "String does not end");
	if (*scan->at == '\\')
		return pass_escape(scan);
	if ((unsigned char)*scan->at < ' ')
		return json_scan_fail(scan, "Control character in a string");
	const size_t bytes = utf8_sequence(scan->at, scan->end);

	if (bytes == 0)
		return json_scan_fail(scan, "Invalid UTF-8");
	scan->at += bytes;
	return true;
}

bool
json_scan_string(struct json_scan *scan, struct json_text *ret)
{
	assert(scan->at < scan->end && *scan->at == '"');
	const char *data = ++scan->at;
	bool escaped = false;

	for (;;) {
		scan->at = plain_end(scan->at, scan->end);
		if (scan->at < scan->end && *scan->at == '"')
			break;
		escaped |= scan->at < scan->end && *scan->at == '\\';
		if (!pass_special(scan))
			return false;
	}
	*ret = (struct json_text){ .data = data, .bytes = (size_t)(scan->at - data), .escaped = escaped };
	scan->at++;
	return true;
}

size_t
json_text_resolve(struct json_text text, char *out)
{
	const char *at = text.data;
	const char *end = text.data + text.bytes;
	size_t bytes = 0;

	while (at < end) {
		if (*at != '\\') {
			out[bytes++] = *at++;
		} else if (at[1] == 'u') {
			size_t passed;
			const int32_t character = escaped_character(at, end, &passed);

			assert(character >= 0); /* json_scan_string() has checked it */
			bytes += utf8_encode((uint32_t)character, out + bytes);
			at += passed;
		} else {
			out[bytes++] = short_escape(at[1]);
			at += 2;
		}
	}
	assert(bytes <= text.bytes);
	return bytes;
}
