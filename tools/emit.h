/*
 * emit.h - keys of trees as rows on standard output
 */
#pragma once

#include "inspect.h"
#include "karma/engine.h"

struct emitter {
	enum row_format format;
	const char *tree; /* borrowed */
	size_t tree_bytes;
	uint64_t keys; /* of this tree, so far */
	struct buffer out;
};

/* Writes the line of the columns, if the format has one. */
void emit_begin(struct emitter *emitter, enum row_format format);
void emit_tree(struct emitter *emitter, const char *tree, size_t tree_bytes);

/* One key of the tree. 0, or -EIO: output has failed. */
int emit_key(struct emitter *emitter, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count);

/* Behind the last key: a tree without keys has a row, too. */
void emit_tree_end(struct emitter *emitter);

/* Frees the emitter. As output_end(). */
enum status emit_end(struct emitter *emitter, enum status status);

/* What a start would restore from the directory. */
enum status export_directory(const struct inspect *inspect);
