/*
 * rows.h - trees as rows of text, CSV or JSON lines, for karma-inspect export and import
 *
 *   tree,key,day,count,total           {"tree":"articles","key":12345,"day":20261123,"count":3}
 *   articles,12345,20261123,3,         {"tree":"articles","key":12345,"day":20261124,"count":0}
 *   articles,12345,20261124,0,         {"tree":"articles","key":7,"total":10}
 *   articles,7,,,10                    {"tree":"empty"}
 *   empty,,,,
 *
 * One row per day, so that the counts can be filtered and added up by any tool. A key's total is the sum of its days, and has
 * no row; where it differs, or where there are no days, it stands in a row of its own (or beside a day). A tree without
 * keys is a row with its name alone. Thus a tree, whatever is in it, has rows that give back exactly that tree.
 *
 * CSV is that of RFC 4180, lines ended by LF, with a first line that names the columns. Read are also CR LF, columns in
 * another order, and fewer of them: an empty field says nothing, but in `tree`, where it is the empty name.
 * JSON: a member that is missing or null says nothing. Read are also numbers in quotes, for tools that know no 64 bits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buffer.h"

enum row_format { ROW_CSV, ROW_JSONL };

struct row {
	bool has_tree, has_key, has_day, has_total; /* count goes with day */
	const char *tree;                           /* UTF-8, borrowed from the reader when read */
	size_t tree_bytes;
	uint64_t key;
	uint32_t day;
	uint64_t count;
	uint64_t total;
};

/* ---- writing ---- */

/* What stands before the first row: the line of the columns, or nothing. */
void rows_begin(enum row_format format, struct buffer *out);

/* Appends a row; has_tree is set. What does not fit shows in out->failed. */
void row_append(enum row_format format, const struct row *row, struct buffer *out);

/* ---- reading ---- */

enum { ROW_BYTES_MAX = 64 * 1024, ROW_FIELDS = 5 };

struct row_fault {
	char text[512]; /* "line 7: …" */
};

struct row_reader {
	FILE *stream; /* borrowed */
	enum row_format format;
	uint64_t line;           /* of the row last read */
	struct row_fault *fault; /* borrowed */
	uint64_t lines;          /* begun so far; the rest is the readers' own */
	struct buffer text;
	struct buffer resolved;
	size_t columns; /* CSV: 0 before the first line was read */
	int column_field[ROW_FIELDS];
	size_t field_end[ROW_FIELDS];
	size_t fields;
};

void row_reader_init(struct row_reader *reader, FILE *stream, enum row_format format, struct row_fault *fault);
void row_reader_deinit(struct row_reader *reader);

/* 1: *ret is a row that is whole in itself: values in range, day and count together, no day or total without key, no key
 * alone. 0: the end. -1: *fault says in which line and what was expected. */
int row_read(struct row_reader *reader, struct row *ret);

/* Writes "line N: …" for the row last read. Always -1. */
__attribute__((format(printf, 2, 3))) int row_fault(const struct row_reader *reader, const char *format, ...);

/* Text as a fault may show it: one line, not too long, ASCII. */
enum { ROW_SHOWN_MAX = 60 };
void row_show(const char *text, size_t bytes, char shown[static ROW_SHOWN_MAX + 4]);
