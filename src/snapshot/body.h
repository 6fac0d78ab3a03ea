/*
 * body.h - the first object of a dump file, the one in the original's layout
 *
 * Accepted beyond what the original writes: members in any order, unknown members, every form of a non-negative integer
 * and of a header, any number of branches, a day or a member of a counter twice (the last one counts), a key twice (each
 * is visited, so the last one counts), a key in the wrong branch. The last is data that the original lists but does not
 * find; for us a branch is only a list of keys, so it is served.
 *
 * Refused beyond what the original refuses: `branches` missing or twice, and a branches_num that is 0 or not the length
 * of the array: the original takes such a file and fails later, when a key is asked for.
 */
#pragma once

#include <stdint.h>

#include "snapshot/dump_file.h"

struct source;

struct body_counts {
	uint64_t keys;
	uint64_t days;
};

/* Reads the object, calls visit for every key (its days ascending, each once). 0, DUMP_DAMAGED, negative errno, or what
 * visit returned; see dump_file_read(). */
int body_read(struct source *source, dump_key_fn *visit, void *context, struct body_counts *ret_counts);
