/*
 * load_text.h - reading replies, which are lines, in karma-load's languages
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The first byte that is no digit. */
static inline const char *
text_skip_digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* A number that fills the text from `at` to `end`. */
static inline bool
text_is_number(const char *at, const char *end)
{
	return at < end && text_skip_digits(at, end) == end;
}

static inline bool
text_starts_with(const char *at, const char *end, const char *text)
{
	const size_t bytes = strlen(text);

	return (size_t)(end - at) >= bytes && memcmp(at, text, bytes) == 0;
}

static inline bool
text_is(const char *at, const char *end, const char *text)
{
	return (size_t)(end - at) == strlen(text) && memcmp(at, text, (size_t)(end - at)) == 0;
}

/* Behind the LF that ends the line, or NULL when it is not there. */
static inline const char *
text_line(const char *line, const char *end)
{
	const char *newline = memchr(line, '\n', (size_t)(end - line));

	return newline != NULL ? newline + 1 : NULL;
}

/* Where the CR LF before `next` starts; `next` itself, which nothing right ends with, when it is but LF. */
static inline const char *
text_line_end(const char *line, const char *next)
{
	return next - line >= 2 && next[-2] == '\r' ? next - 2 : next;
}
