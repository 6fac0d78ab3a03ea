/*
 * load_prepare.h - make the keys of servers that only count what exists
 */
#pragma once

#include "load/load_options.h"

/* Up to here it takes seconds; more would not be noticed as what it is. */
#define LOAD_PREPARE_KEYS_MAX UINT64_C(20000000)

/* Does nothing where the language needs nothing. Returns false after a line on stderr. */
bool load_prepare(const struct load_options *options, const struct load_protocol *protocol);
