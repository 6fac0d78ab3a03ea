/*
 * tree_set.h - the trees of a start under way, by id: what manifest, files and log say of each
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/manifest.h"

struct tree;

enum found_state {
	FOUND_STAGED, /* lives once the log says that it was created */
	FOUND_LIVE,
	FOUND_GONE, /* dropped or replaced */
};

struct found_tree {
	uint64_t id;
	enum found_state state;
	struct manifest_tree listed; /* by the manifest, or name and order alone; names and files are borrowed */
	char *name_copy;             /* NULL: the name is borrowed */
	struct tree *tree;           /* unpublished; NULL: no file was usable, or it is gone */
	struct manifest_tree dump;   /* what the tree was loaded from; file NULL: nothing, the log has all of it */
	uint64_t held;               /* the generation that the dump holds: records up to it are skipped */
	uint64_t generation;         /* the highest met */
	uint64_t records;            /* applied */
	bool alone;                  /* from the log alone, its dumps being damaged */
};

/* Sorted by id. Entries stay where they are. */
struct tree_set {
	struct found_tree **entries;
	size_t count;
	size_t capacity;
};

/* Discards the trees that are still unpublished. */
void tree_set_deinit(struct tree_set *set);

/* Returns NULL when the id is unknown. */
struct found_tree *tree_set_find(const struct tree_set *set, uint64_t id);

/* Adds an id that is not there, all else 0; quick for one above all others. NULL when memory is out. */
struct found_tree *tree_set_add(struct tree_set *set, uint64_t id);

/* Copies the name. 0 or -ENOMEM. */
int found_tree_name(struct found_tree *found, const char *name, size_t bytes);

/* It is no more: gives its memory back. */
void found_tree_drop(struct found_tree *found);
