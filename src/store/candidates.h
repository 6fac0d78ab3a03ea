/*
 * candidates.h - every dump file of the directory, with what a start needs to choose among them
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/file_list.h"

struct candidate {
	const char *file;
	uint64_t stamp;
	bool own; /* a whole second object with this directory's identity; the next two are set only then */
	uint64_t id;
	uint64_t generation;
	const char *name; /* of the tree: the second object's, else derived from the file's name */
	size_t name_bytes;
	char *name_copy; /* NULL: name points into file */
};

struct candidates {
	struct file_list list;
	struct candidate *items;
	const struct candidate **by_id;   /* own ones: by id, then newest generation first */
	const struct candidate **by_name; /* all: by name, then newest first */
	size_t own_count;
	size_t count;
};

/* A part of by_id or by_name. */
struct candidate_range {
	const struct candidate *const *first;
	size_t count;
};

/* Reads the end of every dump file. 0 or negative errno. */
int candidates_read(int directory_fd, const uint8_t *identity, struct candidates *ret);
void candidates_deinit(struct candidates *candidates);

struct candidate_range candidates_of_id(const struct candidates *candidates, uint64_t id);
struct candidate_range candidates_of_name(const struct candidates *candidates, const char *name, size_t bytes);

/* The range of the name at by_name[index]. */
struct candidate_range candidates_at(const struct candidates *candidates, size_t index);

/* One above the highest tree id of own files; 0 when there are none. */
uint64_t candidates_id_next(const struct candidates *candidates);
