/*
 * rows_json.c - a row from one line of JSON
 */
#include "rows_internal.h"

#include <assert.h>

#include "proto/json_scan.h"

static int
fail(struct row_reader *reader, const struct json_scan *scan)
{
	char problem[128];

	if (scan->problem == NULL && scan->at == scan->end)
		return row_fault(reader, "the line ends inside a JSON object");
	json_scan_describe(scan, problem, sizeof(problem));
	return row_fault(reader, "%s", problem);
}

/* The text of a string, escapes resolved behind those before: reader->resolved has room for as much as a line holds. */
static const char *
resolve(struct row_reader *reader, struct json_text text, size_t *ret_bytes)
{
	struct buffer *out = &reader->resolved;

	*ret_bytes = text.bytes;
	if (!text.escaped)
		return text.data;
	assert(out->capacity - out->bytes >= text.bytes);
	char *resolved = out->data + out->bytes;

	*ret_bytes = json_text_resolve(text, resolved);
	out->bytes += *ret_bytes;
	return resolved;
}

/* Names of members need no escapes; one that has them is unknown. */
static enum row_field
read_name(struct json_scan *scan, struct json_text *ret)
{
	if (json_scan_peek(scan) != '"') {
		(void)json_scan_fail(scan, NULL);
		return FIELD_NONE;
	}
	if (!json_scan_string(scan, ret) || !json_scan_expect(scan, ':'))
		return FIELD_NONE;
	return row_field_find(ret->data, ret->bytes);
}

static int
read_string(struct row_reader *reader, struct json_scan *scan, struct row *row, struct row_fields *fields,
            enum row_field field)
{
	struct json_text text;
	size_t bytes;

	if (!json_scan_string(scan, &text))
		return fail(reader, scan);
	const char *resolved = resolve(reader, text, &bytes);

	return row_set(reader, row, fields, field, resolved, bytes);
}

static int
read_value(struct row_reader *reader, struct json_scan *scan, struct row *row, struct row_fields *fields,
           enum row_field field)
{
	int first = json_scan_peek(scan);
	const char *begin = scan->at;

	if (first == '"')
		return read_string(reader, scan, row, fields, field);
	if (first == 'n')
		return json_scan_literal(scan, "null") ? 0 : fail(reader, scan);
	if (!json_scan_skip(scan, 1))
		return fail(reader, scan);
	if (field == FIELD_TREE)
		return row_fault(reader, "tree must be a string");
	return row_set(reader, row, fields, field, begin, (size_t)(scan->at - begin));
}

static int
read_member(struct row_reader *reader, struct json_scan *scan, struct row *row, struct row_fields *fields)
{
	char shown[ROW_SHOWN_MAX + 4];
	struct json_text name = { .data = NULL };
	enum row_field field = read_name(scan, &name);

	if (field != FIELD_NONE)
		return read_value(reader, scan, row, fields, field);
	if (name.data == NULL || scan->at == scan->end || scan->at[-1] != ':')
		return fail(reader, scan);
	row_show(name.data, name.bytes, shown);
	return row_fault(reader, "the members are tree, key, day, count and total, not \"%s\"", shown);
}

static int
read_object(struct row_reader *reader, struct json_scan *scan, struct row *row, struct row_fields *fields)
{
	if (!json_scan_expect(scan, '{'))
		return fail(reader, scan);
	if (json_scan_peek(scan) != '}') {
		for (;;) {
			if (read_member(reader, scan, row, fields) < 0)
				return -1;
			if (json_scan_peek(scan) != ',')
				break;
			scan->at++;
		}
	}
	if (!json_scan_expect(scan, '}'))
		return fail(reader, scan);
	if (json_scan_peek(scan) >= 0) {
		(void)json_scan_fail(scan, NULL);
		return fail(reader, scan);
	}
	return 1;
}

int
row_read_json(struct row_reader *reader, struct row *ret, struct row_fields *fields)
{
	for (;;) {
		int r = row_read_line(reader);

		if (r <= 0)
			return r;
		if (reader->text.bytes == 0)
			continue; /* an empty line, perhaps without memory */
		struct json_scan scan = json_scan_of(reader->text.data, reader->text.bytes);

		if (json_scan_peek(&scan) < 0)
			continue; /* blanks */
		buffer_truncate(&reader->resolved, 0);
		if (!buffer_reserve(&reader->resolved, reader->text.bytes))
			return row_fault(reader, "out of memory");
		return read_object(reader, &scan, ret, fields);
	}
}
