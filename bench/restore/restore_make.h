/*
 * restore_make.h - directories to restore from, made by a store as a server would make them
 */
#pragma once

#include <stdint.h>

#include "store/store.h"

enum restore_kind {
	RESTORE_DUMP,  /* one tree, one dump, one day for each key */
	RESTORE_LOG,   /* one tree and no dump: three adds for each key, each round in another random order */
	RESTORE_TREES, /* 100 k trees (no more than keys), a dump for each */
	RESTORE_KINDS,
};

enum { RESTORE_TREES_MAX = 100000, RESTORE_ADDS_PER_KEY = 3, RESTORE_DAY = 20261123 };

/* How a store of this kind is opened. */
struct store_options restore_options(enum restore_kind kind, const char *directory);

/* The index-th of `keys` numbers in an order that is random enough and differs by round, each number once. */
uint64_t restore_number(uint64_t index, uint64_t keys, unsigned round);

/* Fills an empty directory. */
void restore_make(enum restore_kind kind, const char *directory, uint64_t keys);
