/*
 * catalog.h - by tree name, the dump that a start would restore: the manifest in memory
 *
 * Belongs to the maintenance thread (before it starts: to store_open()).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/manifest.h"

struct catalog_entry {
	struct manifest_tree tree; /* borrows from texts */
	uint64_t cut;              /* number of the cut that made the dump, of this run; 0: of an earlier one */
	bool live;                 /* else catalog_sweep() removes it */
	char texts[];
};

/* Sorted by name. */
struct catalog {
	struct catalog_entry **entries;
	size_t count;
	size_t capacity;
};

void catalog_deinit(struct catalog *catalog);

/* Returns NULL when the name has no dump. */
struct catalog_entry *catalog_find(const struct catalog *catalog, const char *name, size_t bytes);

/* Copies tree, in place of an entry of the same name; it lives. 0 or -ENOMEM (the catalog is as before). */
int catalog_put(struct catalog *catalog, const struct manifest_tree *tree, uint64_t cut);

/* Removes the entries that do not live. Returns how many. */
size_t catalog_sweep(struct catalog *catalog);

/* Trees in their order, borrowing from the catalog: the list of a manifest; mem_free() it. Returns NULL when
 * memory is out; not for an empty catalog. */
struct manifest_tree *catalog_list(const struct catalog *catalog);
