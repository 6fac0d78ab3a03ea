/*
 * restore_tree.h - one tree from its files
 */
#pragma once

#include "store/candidates.h"
#include "store/restore.h"
#include "store/store_internal.h"
#include "store/tree_set.h"

/* A start under way. */
struct restoration {
	struct store *store;
	struct candidates candidates;
	struct tree_set trees;
	struct store_fault *fault;
	struct restored *restored;
	uint64_t published, keys; /* trees, and what they hold */
};

/*
 * All return 0 or -1 with the restoration's fault. A file that is damaged or missing is such a fault, or is skipped as the
 * options say.
 */

/* A tree that the manifest lists with an id, from the newest dump of that id, not older than listed; its tree stays NULL
 * when none of them is whole. */
int restore_listed(struct restoration *restoration, struct found_tree *found);

/* A tree that the log created, and has all of: from the newest dump of its id that is whole, or empty. */
int restore_created(struct restoration *restoration, struct found_tree *found);

/* A tree that could not be restored as it should: from an older file, without its log, under a new id. Its tree stays NULL
 * when none is whole. Only when no id will be met any more. */
int restore_older(struct restoration *restoration, struct found_tree *found);

/* A tree that has no id yet: from `first` (or NULL), then the others, taken as they are. */
int restore_taken(struct restoration *restoration, const struct manifest_tree *listed, struct candidate_range others);
