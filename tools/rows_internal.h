/*
 * rows_internal.h - what the readers of both formats share
 */
#pragma once

#include <assert.h>

#include "rows.h"

enum row_field { FIELD_TREE, FIELD_KEY, FIELD_DAY, FIELD_COUNT, FIELD_TOTAL, FIELD_NONE };
static_assert((int)FIELD_NONE == (int)ROW_FIELDS, "one column for each");

/* Names of the columns and members. */
extern const char *const row_field_names[ROW_FIELDS];

enum row_field row_field_find(const char *name, size_t bytes);

/* Bit per enum row_field that a row has met. */
struct row_fields {
	unsigned seen;
};

/* Sets one field of the row from its text. 0, or -1 with the fault. */
int row_set(struct row_reader *reader, struct row *row, struct row_fields *fields, enum row_field field,
            const char *text, size_t bytes);

/* One line, its end passed and not kept, into reader->text. 1, 0 at the end of the stream, -1 with the fault. */
int row_read_line(struct row_reader *reader);

/* The stream has ended, or it has failed. 0, or -1 with the fault. */
int row_stream_end(struct row_reader *reader);

/* One row without the common checks: rows_csv.c, rows_json.c. *ret is zeroed. As row_read(). */
int row_read_csv(struct row_reader *reader, struct row *ret, struct row_fields *fields);
int row_read_json(struct row_reader *reader, struct row *ret, struct row_fields *fields);
