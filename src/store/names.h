/*
 * names.h - the names of all trees, copied
 *
 * For what goes from tree to tree for long on the maintenance thread: what is dropped meanwhile may be freed between two.
 */
#pragma once

#include "base/buffer.h"

struct engine;

struct tree_names {
	struct buffer text;
	uint64_t count;
};

/* In order of creation. 0 or -ENOMEM; deinit either way. */
int tree_names_init(struct tree_names *names, struct engine *engine);
void tree_names_deinit(struct tree_names *names);

/* The next name; NULL at the end. *cursor begins at 0. */
const char *tree_names_next(const struct tree_names *names, size_t *cursor, size_t *ret_bytes);
