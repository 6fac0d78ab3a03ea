/*
 * tree_names.h - names of trees by their ids
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct tree_name {
	uint64_t id;
	size_t bytes;
	char *name;
};

struct tree_names {
	struct tree_name *items; /* by id */
	size_t count;
	size_t capacity;
};

/* A later name of an id replaces the earlier. 0 or -ENOMEM. */
int tree_names_put(struct tree_names *names, uint64_t id, const char *name, size_t bytes);

/* NULL when nobody has told. */
const struct tree_name *tree_names_find(const struct tree_names *names, uint64_t id);
void tree_names_deinit(struct tree_names *names);
