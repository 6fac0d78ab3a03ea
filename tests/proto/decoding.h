/*
 * decoding.h - what the tests of the decoder share: a line goes in, `request` or `fault` comes out
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
#include "proto/json_v1.h"

enum { LINE_MAX_BYTES = 70000 };

static struct v1_request request;
static struct v1_fault fault;

/* The line stands at the end of a block of its own, and the scratch is as small as the contract allows, so that
 * AddressSanitizer sees a byte read or written too far. The last line stays until the next call. */
static inline bool
decode(const char *text, size_t bytes)
{
	static char *line;
	static char *memory;

	free(line);
	free(memory);
	line = malloc(bytes + 1);
	memory = malloc(bytes + 1);
	assert_non_null(line);
	assert_non_null(memory);
	memcpy(line + 1, text, bytes);
	struct arena scratch = { .data = memory + 1, .capacity = bytes };

	memset(&fault, 'x', sizeof(fault));
	return json_v1_decode(line + 1, bytes, &scratch, &request, &fault);
}

static inline void
takes(const char *text)
{
	if (!decode(text, strlen(text)))
		fail_msg("refused: %s: %s", text, fault.text);
}

static inline void
refuses(const char *text, const char *why)
{
	if (decode(text, strlen(text)))
		fail_msg("taken: %s", text);
	assert_string_equal(fault.text, why);
}

/* A line around `middle`: {"command":"ping",<middle>} */
static inline void
takes_member(const char *middle)
{
	static char text[LINE_MAX_BYTES + 32];

	(void)snprintf(text, sizeof(text), "{\"command\":\"ping\",%s}", middle);
	takes(text);
}

static inline void
refuses_member(const char *middle)
{
	static char text[LINE_MAX_BYTES + 32];

	(void)snprintf(text, sizeof(text), "{\"command\":\"ping\",%s}", middle);
	if (decode(text, strlen(text)))
		fail_msg("taken: %s", text);
}

static inline void
assert_text(struct text text, const char *expected, size_t bytes)
{
	assert_int_equal(text.bytes, bytes);
	assert_memory_equal(text.data, expected, bytes);
}
