/*
 * json_scan.h - one pass over one JSON text, token by token, for the decoders of the wire formats
 *
 * No tree is built and nothing is allocated: a decoder walks the members it knows and skips the others. Everything that
 * is passed, skipped or not, is checked against RFC 8259 and UTF-8.
 *
 * Every function that returns bool returns false after it noted in the scanner what is wrong and where; the scanner is
 * of no further use then, but for json_scan_describe(). One thread at a time.
 */
#pragma once

#include <assert.h>
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/limits.h"

struct json_scan {
	const char *start;
	const char *at; /* the next byte to look at; after a failure the one that is wrong */
	const char *end;
	const char *problem; /* after a failure: a static sentence, or NULL for a byte that can not stand there */
	const char *misfit;  /* the first integer outside -2^63 … 2^64 - 1, which is no failure, or NULL */
};

/* The inside of a string, quotes left out, as it stands in the text: valid, escapes not resolved. */
struct json_text {
	const char *data;
	size_t bytes;
	bool escaped; /* holds at least one escape */
};

enum { JSON_ESCAPE_BYTES_MAX = 6 }; /* of one character of the resolved text: \u0061 */

static inline struct json_scan
json_scan_of(const char *text, size_t bytes)
{
	return (struct json_scan){ .start = text, .at = text, .end = text + bytes };
}

/* Skips blanks. Returns the byte the next token starts with, which is not passed, or -1 at the end of the text. */
static inline int
json_scan_peek(struct json_scan *scan)
{
	while (scan->at < scan->end) {
		const unsigned char byte = (unsigned char)*scan->at;

		if (byte > ' ' || (byte != ' ' && byte != '\t' && byte != '\r' && byte != '\n'))
			return byte;
		scan->at++;
	}
	return -1;
}

/* Notes the failure where the scanner stands; NULL: "unexpected character". Always false, to be returned. */
bool json_scan_fail(struct json_scan *scan, const char *problem);

/* Passes one punctuation byte, with the blanks before it. */
static inline bool
json_scan_expect(struct json_scan *scan, char byte)
{
	if (json_scan_peek(scan) != byte)
		return json_scan_fail(scan, NULL);
	scan->at++;
	return true;
}

/* Strings are passed eight bytes at a time: one word is tested at once for all that can not stand for itself. */
#define JSON_EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Sets the high bit of the lowest byte that is 0; bytes above it may be marked wrongly. */
static inline uint64_t
json_mark_zero_byte(uint64_t word)
{
	return (word - JSON_EACH_BYTE(0x01)) & ~word;
}

/* Passes ASCII that stands for itself. Returns the first byte that needs a look, or end. */
static inline const char *
json_plain_end(const char *at, const char *end)
{
	while (end - at >= 8) {
		uint64_t word;

		memcpy(&word, at, sizeof(word));
		word = le64toh(word); /* so that the first byte is the lowest, also on a big-endian CPU */
		const uint64_t stops =
		    (json_mark_zero_byte(word ^ JSON_EACH_BYTE('"')) |
		     json_mark_zero_byte(word ^ JSON_EACH_BYTE('\\')) | (word - JSON_EACH_BYTE(' ')) | word) &
		    JSON_EACH_BYTE(0x80);

		if (stops != 0)
			return at + (__builtin_ctzll(stops) >> 3);
		at += 8;
	}
	while (at < end && (unsigned char)(*at - ' ') < 0x60 && *at != '"' && *at != '\\')
		at++;
	return at;
}

/* Passes, inside a string, what json_plain_end() stopped at, unless that is the closing quote. */
bool json_scan_special(struct json_scan *scan);

/* Stands on the opening quote. Inline, since a request is little else than short strings. */
static inline bool
json_scan_string(struct json_scan *scan, struct json_text *ret)
{
	assert(scan->at < scan->end && *scan->at == '"');
	const char *data = ++scan->at;
	bool escaped = false;

	for (;;) {
		scan->at = json_plain_end(scan->at, scan->end);
		if (scan->at < scan->end && *scan->at == '"')
			break;
		escaped |= scan->at < scan->end && *scan->at == '\\';
		if (!json_scan_special(scan))
			return false;
	}
	*ret = (struct json_text){ .data = data, .bytes = (size_t)(scan->at - data), .escaped = escaped };
	scan->at++;
	return true;
}

/* Each stands on the first byte of its token and passes the token. */
bool json_scan_number(struct json_scan *scan);
bool json_scan_literal(struct json_scan *scan, const char *word);

/*
 * Passes one value of any kind, with the blanks before it. depth is the number of objects and arrays that are open
 * around it; with its own they may be JSON_DEPTH_MAX. Takes no stack for nesting.
 */
bool json_scan_skip(struct json_scan *scan, unsigned depth);

/* Resolves the escapes of a text that json_scan_string() returned. out has room for text.bytes, which always suffice. */
size_t json_text_resolve(struct json_text text, char *out);

/* Writes the sentence that tells of the failure: printable ASCII, cut to `bytes`, NUL-terminated. */
void json_scan_describe(const struct json_scan *scan, char *text, size_t bytes);
