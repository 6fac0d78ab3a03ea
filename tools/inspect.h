/*
 * inspect.h - what the commands of karma-inspect share
 *
 * Nothing here takes the directory's lock or changes a file of it: a server may run on it. What such a server does meanwhile
 * (a file goes, a log grows, a manifest is replaced) must never look like damage; so a fault counts only when a second look
 * finds the same one, and nothing has changed in between that could explain it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buffer.h"
#include "rows.h"

/* The exit status. The higher one wins. */
enum status {
	STATUS_SOUND = 0,
	STATUS_DAMAGE = 1, /* what there is is damaged */
	STATUS_FAILED = 2, /* usage, or input or output failed: nothing is known of the files */
};

struct inspect {
	const char *path;
	const char *tree; /* --tree, or NULL */
	size_t tree_bytes;
	enum row_format format;
	uint64_t from_epoch;
};

/* One line on stderr. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/* The same with "ERROR: " before it. Returns STATUS_FAILED. */
__attribute__((format(printf, 1, 2))) enum status failed(const char *format, ...);

static inline enum status
status_worse(enum status a, enum status b)
{
	return a > b ? a : b;
}

/* Opens path, which is to be a directory. -1: said so. */
int directory_open(const char *path);

/* Appends a line's part; longer than 1 KiB it is cut. */
__attribute__((format(printf, 2, 3))) void print(struct buffer *out, const char *format, ...);

/* Appends a file's name, what could upset a terminal replaced; and a tree's, as a JSON string. */
void print_file(struct buffer *out, const char *file);
void print_tree(struct buffer *out, const char *name, size_t bytes);

/* Writes the buffer to standard output and empties it. False: it has failed, which output_end() will say. */
bool output_flush(struct buffer *out);

/* The same once the buffer holds a good deal. */
bool output_passed(struct buffer *out);

/* Nothing more comes: what is written is looked at. Worst of status and what came of it. */
enum status output_end(struct buffer *out, enum status status);

/* Waits a moment before another look. */
void look_again(void);

/* ---- the commands ---- */

enum status inspect_list(const struct inspect *inspect);
enum status inspect_verify(const struct inspect *inspect);
enum status inspect_records(const struct inspect *inspect);
enum status inspect_export(const struct inspect *inspect);
enum status inspect_import(const struct inspect *inspect);
