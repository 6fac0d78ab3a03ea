/*
 * rows_write.c - rows to text
 */
#include "rows_internal.h"

#include <assert.h>
#include <string.h>

#include "proto/json_encode.h"

void
rows_begin(enum row_format format, struct buffer *out)
{
	if (format == ROW_CSV)
		buffer_append_literal(out, "tree,key,day,count,total\n");
}

/* Blanks at the ends, since some readers take them away; the empty name, so that it is seen. */
static bool
needs_quotes(const char *text, size_t bytes)
{
	if (bytes == 0 || text[0] == ' ' || text[0] == '\t' || text[bytes - 1] == ' ' || text[bytes - 1] == '\t')
		return true;
	for (size_t i = 0; i < bytes; i++) {
		if (text[i] == '"' || text[i] == ',' || text[i] == '\n' || text[i] == '\r')
			return true;
	}
	return false;
}

static void
append_csv_text(struct buffer *out, const char *text, size_t bytes)
{
	if (!needs_quotes(text, bytes)) {
		buffer_append(out, text, bytes);
		return;
	}
	buffer_append_byte(out, '"');
	for (size_t i = 0; i < bytes; i++) {
		if (text[i] == '"')
			buffer_append_byte(out, '"');
		buffer_append_byte(out, text[i]);
	}
	buffer_append_byte(out, '"');
}

static void
append_csv_number(struct buffer *out, bool there, uint64_t value)
{
	buffer_append_byte(out, ',');
	if (there)
		buffer_append_u64(out, value);
}

static void
append_csv(const struct row *row, struct buffer *out)
{
	append_csv_text(out, row->tree, row->tree_bytes);
	append_csv_number(out, row->has_key, row->key);
	append_csv_number(out, row->has_day, row->day);
	append_csv_number(out, row->has_day, row->count);
	append_csv_number(out, row->has_total, row->total);
	buffer_append_byte(out, '\n');
}

static void
append_json_number(struct buffer *out, bool there, enum row_field field, uint64_t value)
{
	if (!there)
		return;
	buffer_append_literal(out, ",\"");
	buffer_append(out, row_field_names[field], strlen(row_field_names[field]));
	buffer_append_literal(out, "\":");
	buffer_append_u64(out, value);
}

static void
append_json(const struct row *row, struct buffer *out)
{
	buffer_append_literal(out, "{\"tree\":");
	json_encode_string(out, row->tree, row->tree_bytes);
	append_json_number(out, row->has_key, FIELD_KEY, row->key);
	append_json_number(out, row->has_day, FIELD_DAY, row->day);
	append_json_number(out, row->has_day, FIELD_COUNT, row->count);
	append_json_number(out, row->has_total, FIELD_TOTAL, row->total);
	buffer_append_literal(out, "}\n");
}

void
row_append(enum row_format format, const struct row *row, struct buffer *out)
{
	assert(row->has_tree);
	if (format == ROW_CSV)
		append_csv(row, out);
	else
		append_json(row, out);
}
