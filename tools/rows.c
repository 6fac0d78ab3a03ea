/*
 * rows.c - what both formats share: what a row may say, and how a fault names its line
 */
#include "rows_internal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

const char *const row_field_names[ROW_FIELDS] = { "tree", "key", "day", "count", "total" };

enum row_field
row_field_find(const char *name, size_t bytes)
{
	int field = 0;

	while (field < FIELD_NONE &&
	       (strlen(row_field_names[field]) != bytes || memcmp(row_field_names[field], name, bytes) != 0))
		field++;
	return (enum row_field)field;
}

void
row_reader_init(struct row_reader *reader, FILE *stream, enum row_format format, struct row_fault *fault)
{
	*reader = (struct row_reader){ .stream = stream, .format = format, .fault = fault };
	buffer_init(&reader->text, ROW_BYTES_MAX);
	buffer_init(&reader->resolved, ROW_BYTES_MAX);
}

void
row_reader_deinit(struct row_reader *reader)
{
	buffer_deinit(&reader->text);
	buffer_deinit(&reader->resolved);
}

/* ---- faults ---- */

int
row_fault(const struct row_reader *reader, const char *format, ...)
{
	char *text = reader->fault->text;
	int used = snprintf(text, sizeof(reader->fault->text), "line %" PRIu64 ": ", reader->line);
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text + used, sizeof(reader->fault->text) - (size_t)used, format, arguments);
	va_end(arguments);
	return -1;
}

void
row_show(const char *text, size_t bytes, char shown[static ROW_SHOWN_MAX + 4])
{
	size_t used = 0;

	for (; used < bytes && used < ROW_SHOWN_MAX; used++)
		shown[used] = text[used] < ' ' || text[used] > '~' ? '?' : text[used];
	(void)snprintf(shown + used, 4, "%s", used < bytes ? "..." : "");
}

/* ---- values ---- */

static bool
parse_u64(const char *text, size_t bytes, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(text[i] - '0');

		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return bytes > 0 && value <= max;
}

static int
set_number(struct row_reader *reader, enum row_field field, const char *text, size_t bytes, uint64_t max, uint64_t *ret)
{
	char shown[ROW_SHOWN_MAX + 4];

	if (parse_u64(text, bytes, max, ret))
		return 0;
	row_show(text, bytes, shown);
	return row_fault(reader, "%s must be an integer from 0 to %" PRIu64 ", not \"%s\"", row_field_names[field], max,
	                 shown);
}

static int
set_tree(struct row_reader *reader, struct row *row, const char *text, size_t bytes)
{
	if (bytes > TREE_NAME_BYTES_MAX)
		return row_fault(reader, "tree must have at most %d bytes, not %zu", TREE_NAME_BYTES_MAX, bytes);
	if (!utf8_valid(text, bytes))
		return row_fault(reader, "tree must be UTF-8");
	row->has_tree = true;
	row->tree = text;
	row->tree_bytes = bytes;
	return 0;
}

int
row_set(struct row_reader *reader, struct row *row, struct row_fields *fields, enum row_field field, const char *text,
        size_t bytes)
{
	uint64_t day = 0;
	int r;

	if ((fields->seen >> field & 1) != 0)
		return row_fault(reader, "%s is there twice", row_field_names[field]);
	fields->seen |= 1U << field;
	switch (field) {
	case FIELD_TREE:
		return set_tree(reader, row, text, bytes);
	case FIELD_KEY:
		row->has_key = true;
		return set_number(reader, field, text, bytes, UINT64_MAX, &row->key);
	case FIELD_DAY:
		row->has_day = true;
		r = set_number(reader, field, text, bytes, DAY_MAX, &day);
		row->day = (uint32_t)day;
		return r;
	case FIELD_COUNT:
		return set_number(reader, field, text, bytes, COUNT_MAX, &row->count);
	case FIELD_TOTAL:
		row->has_total = true;
		return set_number(reader, field, text, bytes, COUNT_MAX, &row->total);
	default:
		assert(false);
		return -1;
	}
}

/* ---- rows ---- */

int
row_stream_end(struct row_reader *reader)
{
	if (!ferror(reader->stream))
		return 0;
	reader->line = reader->lines;
	return row_fault(reader, "reading failed: %s", errno != 0 ? strerrordesc_np(errno) : "input error");
}

int
row_read_line(struct row_reader *reader)
{
	int byte;

	buffer_truncate(&reader->text, 0);
	reader->line = ++reader->lines;
	while ((byte = getc_unlocked(reader->stream)) != EOF && byte != '\n') {
		buffer_append_byte(&reader->text, (char)byte);
		if (reader->text.failed)
			return row_fault(reader, reader->text.full ? "longer than %d bytes" : "out of memory",
			                 ROW_BYTES_MAX);
	}
	if (byte == EOF && (row_stream_end(reader) < 0 || reader->text.bytes == 0))
		return ferror(reader->stream) ? -1 : 0;
	return 1;
}

static int
row_check(const struct row_reader *reader, const struct row *row, const struct row_fields *fields)
{
	bool has_count = (fields->seen >> FIELD_COUNT & 1) != 0;

	if (row->has_day != has_count)
		return row_fault(reader, "%s is missing: day and count go together", has_count ? "day" : "count");
	if (!row->has_key && (row->has_day || row->has_total))
		return row_fault(reader, "key is missing");
	if (row->has_key && !row->has_day && !row->has_total)
		return row_fault(reader, "a key needs day and count, or total");
	return 1;
}

int
row_read(struct row_reader *reader, struct row *ret)
{
	struct row_fields fields = { 0 };

	errno = 0;
	*ret = (struct row){ 0 };
	int r = reader->format == ROW_CSV ? row_read_csv(reader, ret, &fields) : row_read_json(reader, ret, &fields);

	return r > 0 ? row_check(reader, ret, &fields) : r;
}
