/*
 * options.h - the command line of a bench program, from one table
 *
 * All options are long and take a value: --name=value. What an option points to holds its default, which --help shows; a number
 * that could not be given stands for none. --help is there in every program, --json=FILE in every one with figures. Numbers may
 * end with k or M (10k, 1M).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPTIONS_NUMBERS_MAX = 16, OPTIONS_MAX = 16 };

struct option_numbers {
	unsigned count;
	uint64_t value[OPTIONS_NUMBERS_MAX];
};

/* 1, 2, 4 … and most: a default for numbers of threads. */
struct option_numbers option_numbers_doubling(uint64_t most);

enum option_kind {
	OPTION_NUMBER,
	OPTION_NUMBERS, /* with commas between */
	OPTION_SECONDS,
	OPTION_NAMES, /* some of `names`, with commas between */
	OPTION_TEXT,
};

struct program_option {
	const char *name;
	enum option_kind kind;
	union {
		uint64_t *number;
		struct option_numbers *numbers;
		double *seconds;
		uint32_t *chosen; /* bit n: names[n] */
		const char **text;
	};
	uint64_t min, max;        /* of numbers */
	const char *const *names; /* of OPTION_NAMES; ends with NULL */
	const char *help;
};

struct program {
	const char *name;
	const char *summary; /* for --help */
	const struct program_option *options;
	size_t option_count;
	bool no_figures; /* and so no --json */
};

/* Returns what --json says, or NULL. --help ends the program with status 0, a bad option with 2 and one line on stderr. No
 * other thread may run. */
const char *options_parse(const struct program *program, int argc, char **argv);
