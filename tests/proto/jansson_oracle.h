/*
 * jansson_oracle.h - jansson as the judge of request lines: is it JSON, as RFC 8259 has it and with our depth?
 *
 * Where jansson differs from us by design:
 *   - Integers above 2^63 - 1 and reals above a double are errors there. So every valid number is handed to it as an
 *     array of one marked string (an array, since a string could stand where a name does), and judged here.
 *   - Its depth limit is another and it does not tell depths: levels are counted here, on the bytes.
 *   - It refuses a NUL in a member's name; we take it. Such lines are left out.
 *   - It passes over a raw NUL behind a word (its one byte of look-ahead counts a NUL as none). Nowhere in JSON may one
 *     stand, so such lines count as refused.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/buffer.h"

enum oracle_verdict { ORACLE_REFUSED, ORACLE_TAKEN, ORACLE_LEFT_OUT };

struct oracle_judgement {
	json_t *tree;      /* the caller puts it; NULL unless it is JSON */
	bool duplicates;   /* a member is repeated somewhere: the last is in the tree */
	bool integers_fit; /* all are from -2^63 to 2^64 - 1 */
};

enum oracle_verdict oracle_judge(const struct buffer *line, struct oracle_judgement *ret);

/* The number that a value of the tree is, as it stood in the line, or NULL. */
const char *oracle_number(const json_t *value);

/* Lines that our decoder has taken and refused, and those the oracle cannot judge. */
struct oracle_counts {
	unsigned long taken;
	unsigned long refused;
	unsigned long left_out;
};

struct oracle_test {
	const char *name; /* of the program */
	unsigned long cases_default;
	void (*generate)(uint64_t seed, struct buffer *line);
	size_t (*scratch_bytes)(size_t line_bytes); /* as small as it may be */

	/* One line, counted: NULL, or what is wrong, with what our decoder says of the line. */
	const char *(*compare)(const struct buffer *line, struct arena *scratch, struct oracle_counts *counts,
	                       const char **ret_fault);
};

/* main() of the test: [SEED [CASES]]. Returns the exit status. */
int oracle_main(int argc, char **argv, const struct oracle_test *test);
