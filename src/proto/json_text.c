/*
 * json_text.c - strings of JSON: characters that need a look, and escapes resolved
 *
 * Plain ASCII is passed inline, in json_scan.h; here is what needs a look. What the check has let pass is not checked
 * again when escapes are resolved.
 */
#include "proto/json_scan.h"

#include <assert.h>

#include "base/utf8.h"

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
	if (end - at < 8 || at[6] != '\\' || at[7] != 'u')
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

/* All in a row, since they rarely come alone. */
static bool
pass_non_ascii(struct json_scan *scan)
{
	const char *at = scan->at;
	size_t bytes;

	do {
		bytes = utf8_sequence(at, scan->end);
		at += bytes;
	} while (bytes > 0 && at < scan->end && (unsigned char)*at >= 0x80);
	scan->at = at;
	return bytes > 0 || json_scan_fail(scan, "Invalid UTF-8");
}

bool
json_scan_special(struct json_scan *scan)
{
	if (scan->at == scan->end)
		return json_scan_fail(scan, "String does not end");
	if (*scan->at == '\\')
		return pass_escape(scan);
	if ((unsigned char)*scan->at < ' ')
		return json_scan_fail(scan, "Control character in a string");
	return pass_non_ascii(scan);
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
