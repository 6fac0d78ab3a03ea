/*
 * decoding_v2.h - what the tests of the v2 decoder share: a line goes in, `line` or `problem` comes out
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "proto/json_v2_fields.h"

static struct v2_line line;
static struct v2_problem problem;
static struct arena scratch;

/* The line stands at the end of a block of its own, and the scratch is as small as the contract allows, so that
 * AddressSanitizer sees a byte read or written too far. The last line stays until the next call. */
static inline bool
decode_bytes(const char *text, size_t bytes)
{
	static char *copy;

	free(copy);
	free(scratch.data);
	copy = malloc(bytes + 1);
	scratch = (struct arena){ .data = malloc(v2_scratch_bytes(bytes) + 1), .capacity = v2_scratch_bytes(bytes) };
	assert_non_null(copy);
	assert_non_null(scratch.data);
	memcpy(copy + 1, text, bytes);
	memset(&line, 'x', sizeof(line));
	memset(&problem, 'x', sizeof(problem));
	return json_v2_decode(copy + 1, bytes, &scratch, &line, &problem);
}

static inline void
takes(const char *text)
{
	if (!decode_bytes(text, strlen(text)))
		fail_msg("refused: %s: %s", text, problem.text);
}

static inline void
refuses(const char *text, const char *why)
{
	if (decode_bytes(text, strlen(text)))
		fail_msg("taken: %s", text);
	assert_string_equal(problem.text, why);
}

static inline void
assert_text(struct text text, const char *expected)
{
	assert_int_equal(text.bytes, strlen(expected));
	assert_memory_equal(text.data, expected, text.bytes);
}

/* What a reader returned: NULL, or this sentence. */
#define assert_problem(expression, expected)                                            \
	do {                                                                            \
		const char *what = (expression);                                        \
		if ((expected) == NULL && what != NULL)                                 \
			fail_msg("unexpected: %s", what);                               \
		if ((expected) != NULL)                                                 \
			assert_string_equal(what == NULL ? "nothing" : what, expected); \
	} while (0)
