/*
 * import_tree.h - one tree of the input on its way to a dump file
 */
#pragma once

#include "inspect.h"
#include "key_set.h"
#include "snapshot/dump_file.h"

struct import_tree {
	char *name;
	size_t name_bytes;
	bool has_from;
	uint64_t from; /* checksum of the name that the rows give, if they give one */
	struct dump_writer *writer;
	struct key_set keys;
	bool has_key; /* one is open: */
	uint64_t key;
	uint64_t key_line;
	bool has_total;
	uint64_t total;
	uint64_t sum; /* of days */
	struct cut_day *days;
	size_t day_count;
	size_t day_capacity;
	bool keeps_days; /* in: */
	struct key_set days_seen;
};

/* 0 or negative errno. */
int import_tree_create(int directory_fd, const char *name, size_t bytes, struct import_tree **ret);

/* Also of a tree without writer or name. NULL is fine. */
void import_tree_destroy(struct import_tree *tree);

/* Does the row give the same name of a tree as the rows before (or none, as they)? */
bool import_tree_is_from(const struct import_tree *tree, const struct row *row);

/* The next row. 0, or -1 with the reader's fault. */
int import_tree_row(struct import_tree *tree, struct row_reader *reader, const struct row *row);

/* Completes the file under its temporary name. 0, or -1 with the reader's fault. */
int import_tree_finish(struct import_tree *tree, struct row_reader *reader, const uint8_t *identity, uint64_t id);
