/*
 * restore_tree.h - one tree from its files
 */
#pragma once

#include "store/candidates.h"
#include "store/store_internal.h"

/* A start under way. */
struct restoration {
	struct store *store;
	struct candidates candidates;
	struct store_fault *fault;
	bool damage; /* something was skipped */
	uint64_t trees, keys, days;
};

/* What a file has to be to serve as a tree. */
struct wanted {
	const char *name; /* of the tree */
	size_t name_bytes;
	uint64_t id; /* 0: any file */
	uint64_t generation;
};

/*
 * Tries the file `first` (or NULL), then the others, newest first. Damage stops it, or is skipped as the options say. 0,
 * also when nothing was left to restore, or -1 with the restoration's fault.
 */
int restore_tree(struct restoration *restoration, const char *first, struct candidate_range others,
                 const struct wanted *wanted);
