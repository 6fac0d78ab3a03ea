/*
 * option.h - the table of the options, and its rows
 */
#pragma once

#include <stddef.h>

#include "config/value.h"

struct config;

struct option {
	char letter; /* 0: none */
	const char *name;
	const char *argument;    /* what the help calls the value */
	const char *environment; /* NULL: none */
	enum value_kind kind;
	size_t target; /* in struct config */
	struct value_range range;
	const char *preset; /* NULL: none, or found out at the end */
	const char *help;
	const char *alias;
};

enum { OPTION_COUNT = 43 };

extern const struct option option_table[OPTION_COUNT];

/* NOLINTBEGIN(bugprone-macro-parentheses): a name that is declared takes none */
#define OPTION_EACH(option) \
	for (const struct option *option = option_table; (option) < option_table + OPTION_COUNT; (option)++)
/* NOLINTEND(bugprone-macro-parentheses) */

/* NULL when there is none. */
const struct option *option_find(const char *name, size_t bytes);
const struct option *option_find_letter(char letter);
