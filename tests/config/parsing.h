/*
 * parsing.h - options as a test gives them
 */
#pragma once

#include "config/config.h"
#include "config/option.h"

enum { ARGUMENTS_MAX = OPTION_COUNT + 8 };

/* What the latest parse found. */
extern struct config config;
extern struct config_fault fault;

/* Parses arguments divided by blanks, with this environment, or an empty one. */
int parse_with(const char *arguments, char **environment);
int parse(const char *arguments);

/* They are refused, with this text. */
void assert_fault(const char *arguments, const char *text);
