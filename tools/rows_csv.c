/*
 * rows_csv.c - a row from one record of CSV
 *
 * The fields of a record stand behind each other in reader->text, unquoted; field_end tells where each ends.
 */
#include "rows_internal.h"

#include <string.h>

enum csv_end { CSV_FIELD, CSV_RECORD, CSV_STREAM };

static int
take(struct row_reader *reader, int byte)
{
	buffer_append_byte(&reader->text, (char)byte);
	if (!reader->text.failed)
		return 0;
	return row_fault(reader, reader->text.full ? "longer than %d bytes" : "out of memory", ROW_BYTES_MAX);
}

/* What ended a field, or -1 with the fault: `byte` is the first one behind it. A CR before LF belongs to the end. */
static int
field_ended(struct row_reader *reader, int byte)
{
	if (byte == '\r') {
		byte = getc_unlocked(reader->stream);
		if (byte != '\n' && byte != EOF)
			return row_fault(reader, "a carriage return that is neither quoted nor at the end of the line");
	}
	switch (byte) {
	case ',':
		return CSV_FIELD;
	case '\n':
		return CSV_RECORD;
	case EOF:
		return row_stream_end(reader) < 0 ? -1 : CSV_STREAM;
	default:
		return row_fault(reader, "a comma or the end of the line must follow a closing quote");
	}
}

/* Behind the opening quote. */
static int
read_quoted(struct row_reader *reader)
{
	for (;;) {
		int byte = getc_unlocked(reader->stream);

		if (byte == '"') {
			byte = getc_unlocked(reader->stream);
			if (byte != '"')
				return field_ended(reader, byte);
		} else if (byte == EOF) {
			return row_stream_end(reader) < 0 ? -1 : row_fault(reader, "a quoted field does not end");
		}
		reader->lines += byte == '\n';
		if (take(reader, byte) < 0)
			return -1;
	}
}

static int
read_field(struct row_reader *reader, int byte)
{
	if (byte == '"')
		return read_quoted(reader);
	while (byte != ',' && byte != '\n' && byte != '\r' && byte != EOF) {
		if (byte == '"')
			return row_fault(reader, "a quote inside a field that is not quoted");
		if (take(reader, byte) < 0)
			return -1;
		byte = getc_unlocked(reader->stream);
	}
	return field_ended(reader, byte);
}

static int
field_keep(struct row_reader *reader)
{
	if (reader->fields == ROW_FIELDS)
		return row_fault(reader, "more than %d fields: tree, key, day, count and total", ROW_FIELDS);
	reader->field_end[reader->fields++] = reader->text.bytes;
	return 0;
}

/* 1, 0 at the end, -1 with the fault. Empty lines are passed over. */
static int
read_record(struct row_reader *reader)
{
	int byte;

	buffer_truncate(&reader->text, 0);
	reader->fields = 0;
	do {
		reader->line = ++reader->lines;
		byte = getc_unlocked(reader->stream);
		if (byte == '\r') {
			byte = getc_unlocked(reader->stream);
			if (byte != '\n' && byte != EOF)
				return row_fault(reader,
				                 "a carriage return that is neither quoted nor at the end of the line");
		}
	} while (byte == '\n');
	if (byte == EOF)
		return row_stream_end(reader);
	for (;;) {
		int ended = read_field(reader, byte);

		if (ended < 0 || field_keep(reader) < 0)
			return -1;
		if (ended != CSV_FIELD)
			return 1;
		byte = getc_unlocked(reader->stream);
	}
}

static const char *
field_at(const struct row_reader *reader, size_t index, size_t *ret_bytes)
{
	size_t begin = index > 0 ? reader->field_end[index - 1] : 0;

	*ret_bytes = reader->field_end[index] - begin;
	return *ret_bytes > 0 ? reader->text.data + begin : "";
}

/* Spreadsheets put a byte order mark before the first name. */
static const char *
without_mark(const char *name, size_t *bytes)
{
	if (*bytes < 3 || memcmp(name, "\xef\xbb\xbf", 3) != 0)
		return name;
	*bytes -= 3;
	return name + 3;
}

static int
read_columns(struct row_reader *reader)
{
	char shown[ROW_SHOWN_MAX + 4];
	unsigned seen = 0;
	int r = read_record(reader);

	if (r <= 0)
		return r;
	for (size_t i = 0; i < reader->fields; i++) {
		size_t bytes;
		const char *name = field_at(reader, i, &bytes);

		if (i == 0)
			name = without_mark(name, &bytes);
		enum row_field field = row_field_find(name, bytes);

		row_show(name, bytes, shown);
		if (field == FIELD_NONE)
			return row_fault(
			    reader,
			    "the first line must name the columns, of tree, key, day, count and total, not \"%s\"",
			    shown);
		if ((seen >> field & 1) != 0)
			return row_fault(reader, "the column %s is there twice", shown);
		seen |= 1U << field;
		reader->column_field[i] = (int)field;
	}
	reader->columns = reader->fields;
	return 1;
}

int
row_read_csv(struct row_reader *reader, struct row *ret, struct row_fields *fields)
{
	int r = reader->columns == 0 ? read_columns(reader) : 1;

	if (r > 0)
		r = read_record(reader);
	if (r <= 0)
		return r;
	if (reader->fields != reader->columns)
		return row_fault(reader, "there must be %zu fields as in the first line, not %zu", reader->columns,
		                 reader->fields);
	for (size_t i = 0; i < reader->fields; i++) {
		enum row_field field = (enum row_field)reader->column_field[i];
		size_t bytes;
		const char *text = field_at(reader, i, &bytes);

		if ((bytes > 0 || field == FIELD_TREE) && row_set(reader, ret, fields, field, text, bytes) < 0)
			return -1;
	}
	return 1;
}
