/*
 * json_scan.c - the JSON grammar without its strings
 *
 * Nesting is kept as one bit per open level (object or array) in a fixed array, since a recursive scanner would let a
 * client choose our stack depth. Strings are in json_text.c.
 */
#include "proto/json_scan.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

bool
json_scan_fail(struct json_scan *scan, const char *problem)
{
	scan->problem = problem;
	return false;
}

/* The column counts characters, as an editor shows them; only a failure pays for the counting. */
void
json_scan_describe(const struct json_scan *scan, char *text, size_t bytes)
{
	size_t column = 1;

	for (const char *at = scan->start; at < scan->at; at++)
		column += ((unsigned char)*at & 0xc0) != 0x80;
	if (scan->problem != NULL)
		(void)snprintf(text, bytes, "%s (column %zu)", scan->problem, column);
	else if (scan->at == scan->end)
		(void)snprintf(text, bytes, "Unexpected end of the request (column %zu)", column);
	else if (*scan->at > ' ' && *scan->at <= '~')
		(void)snprintf(text, bytes, "Unexpected character '%c' (column %zu)", *scan->at, column);
	else
		(void)snprintf(text, bytes, "Unexpected byte 0x%02x (column %zu)", (unsigned char)*scan->at, column);
}

/* ---- numbers and words ----------------------------------------------------------------------------------------- */

static bool
pass_digits(struct json_scan *scan)
{
	const char *first = scan->at;

	while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
		scan->at++;
	return scan->at > first || json_scan_fail(scan, NULL);
}

static bool
pass_byte(struct json_scan *scan, char byte)
{
	if (scan->at == scan->end || *scan->at != byte)
		return false;
	scan->at++;
	return true;
}

/* An integer without leading zeros, sign and all: more digits are larger, as many are compared. */
static bool
integer_fits(const char *first, const char *end)
{
	static const char highest[] = "18446744073709551615", lowest[] = "-9223372036854775808";
	static_assert(sizeof(highest) == sizeof(lowest), "both take the same bytes");
	const size_t bytes = (size_t)(end - first);
	const char *bound = *first == '-' ? lowest : highest;

	return bytes < sizeof(highest) - 1 || (bytes == sizeof(highest) - 1 && memcmp(first, bound, bytes) <= 0);
}

bool
json_scan_number(struct json_scan *scan)
{
	const char *first = scan->at;

	(void)pass_byte(scan, '-');
	/* A leading zero stands alone: a digit behind it is then met where a comma should be. */
	if (!pass_byte(scan, '0') && !pass_digits(scan))
		return false;
	const char *digits_end = scan->at;

	if (pass_byte(scan, '.') && !pass_digits(scan))
		return false;
	if (!pass_byte(scan, 'e') && !pass_byte(scan, 'E')) {
		if (scan->at == digits_end && scan->misfit == NULL && !integer_fits(first, digits_end))
			scan->misfit = first;
		return true;
	}
	if (!pass_byte(scan, '+'))
		(void)pass_byte(scan, '-');
	return pass_digits(scan);
}

bool
json_scan_literal(struct json_scan *scan, const char *word)
{
	for (; *word != '\0'; word++) {
		if (!pass_byte(scan, *word))
			return json_scan_fail(scan, NULL);
	}
	return true;
}

/* ---- whole values ---------------------------------------------------------------------------------------------- */

struct nesting {
	unsigned depth;
	uint64_t object[JSON_DEPTH_MAX / 64]; /* bit of each open level: an object, or else an array */
};
static_assert(JSON_DEPTH_MAX % 64 == 0, "every level has its bit");

static const char nested_too_deeply[] = "Nested deeper than 512 levels";
static_assert(JSON_DEPTH_MAX == 512, "the text above names the limit");

static bool
nesting_in_object(const struct nesting *nesting)
{
	const unsigned level = nesting->depth - 1;

	return nesting->object[level / 64] >> (level % 64) & 1;
}

static bool
nesting_open(struct nesting *nesting, bool object)
{
	if (nesting->depth == JSON_DEPTH_MAX)
		return false;
	const unsigned level = nesting->depth++;
	const uint64_t bit = UINT64_C(1) << (level % 64);

	if (object)
		nesting->object[level / 64] |= bit;
	else
		nesting->object[level / 64] &= ~bit;
	return true;
}

static bool
pass_name(struct json_scan *scan)
{
	struct json_text name;

	if (json_scan_peek(scan) != '"')
		return json_scan_fail(scan, NULL);
	return json_scan_string(scan, &name) && json_scan_expect(scan, ':');
}

static bool
pass_scalar(struct json_scan *scan, int first)
{
	struct json_text text;

	switch (first) {
	case '"':
		return json_scan_string(scan, &text);
	case 't':
		return json_scan_literal(scan, "true");
	case 'f':
		return json_scan_literal(scan, "false");
	case 'n':
		return json_scan_literal(scan, "null");
	default:
		return json_scan_number(scan);
	}
}

/* Behind a value: closes what ends here, down to `depth` levels, or goes on to where the next value starts. */
static bool
pass_to_next(struct json_scan *scan, struct nesting *nesting, unsigned depth)
{
	while (nesting->depth > depth) {
		const bool object = nesting_in_object(nesting);
		const int byte = json_scan_peek(scan);

		if (byte == ',') {
			scan->at++;
			return !object || pass_name(scan);
		}
		if (byte != (object ? '}' : ']'))
			return json_scan_fail(scan, NULL);
		scan->at++;
		nesting->depth--;
	}
	return true;
}

bool
json_scan_skip(struct json_scan *scan, unsigned depth)
{
	struct nesting nesting = { .depth = depth };

	assert(depth <= JSON_DEPTH_MAX);
	do {
		const int first = json_scan_peek(scan);

		if (first == '{' || first == '[') {
			if (!nesting_open(&nesting, first == '{'))
				return json_scan_fail(scan, nested_too_deeply);
			scan->at++;
			/* Not empty: the loop goes on with the first value inside. */
			if (json_scan_peek(scan) != (first == '{' ? '}' : ']')) {
				if (first == '{' && !pass_name(scan))
					return false;
				continue;
			}
		} else if (!pass_scalar(scan, first)) {
			return false;
		}
		if (!pass_to_next(scan, &nesting, depth))
			return false;
	} while (nesting.depth > depth);
	return true;
}
