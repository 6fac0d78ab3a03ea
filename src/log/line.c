/*
 * Whatever a client or a file name brings in stays inside its quotes: controls, also those above ASCII, and bytes that
 * are not UTF-8 are written as escapes, so a line can neither be forged nor move a terminal's cursor. Names of events
 * and fields are constants of ours and go out as they are.
 */
#include "log/line.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/day.h"
#include "base/utf8.h"

enum { TAIL_BYTES = 16 /* kept free for the closing quote, the mark of a cut, the brace and the newline */ };

static const char *const level_names[] = { "none", "error", "warn", "info", "debug" };

static bool
line_append(struct log_line *line, const void *data, size_t bytes)
{
	if (line->bytes + bytes > LOG_LINE_BYTES_MAX - TAIL_BYTES)
		return false;
	memcpy(line->data + line->bytes, data, bytes);
	line->bytes += bytes;
	return true;
}

static bool
line_append_string(struct log_line *line, const char *string)
{
	return line_append(line, string, strlen(string));
}

/* Goes into the bytes kept free. */
static void
line_append_tail(struct log_line *line, const char *string)
{
	size_t bytes = strlen(string);

	assert(bytes <= LOG_LINE_BYTES_MAX - line->bytes);
	memcpy(line->data + line->bytes, string, bytes);
	line->bytes += bytes;
}

/* Appends the character of `length` bytes at data (0: one byte that is none), escaped where it must be. */
static bool
line_append_character(struct log_line *line, enum log_format format, const unsigned char *data, size_t length)
{
	char escape[16];
	bool control = data[0] < 0x20 || data[0] == 0x7f || (length == 2 && data[0] == 0xc2 && data[1] < 0xa0);

	if (length > 0 && !control) {
		if (data[0] != '"' && data[0] != '\\')
			return line_append(line, data, length);
		(void)snprintf(escape, sizeof(escape), "\\%c", data[0]);
	} else if (format == LOG_JSON) {
		unsigned point = length == 0 ? 0xfffd : data[length - 1];

		(void)snprintf(escape, sizeof(escape), "\\u%04x", point);
	} else if (length == 2) {
		(void)snprintf(escape, sizeof(escape), "\\x%02x\\x%02x", data[0], data[1]);
	} else {
		(void)snprintf(escape, sizeof(escape), "\\x%02x", data[0]);
	}
	return line_append_string(line, escape);
}

/* The closing quote is always written. False if the string was cut. */
static bool
line_append_quoted(struct log_line *line, enum log_format format, const char *string, size_t bytes)
{
	const char *end = string + bytes;
	bool whole = true;

	while (string < end && whole) {
		size_t length = utf8_sequence(string, end);

		whole = line_append_character(line, format, (const unsigned char *)string, length);
		string += length > 0 ? length : 1;
	}
	line_append_tail(line, "\"");
	return whole;
}

/* False if the field was cut or, when not even its name found room, left out. */
static bool
line_append_field(struct log_line *line, enum log_format format, const struct log_field *field)
{
	char number[24] = "\"";
	size_t before = line->bytes;

	if (field->kind == LOG_FIELD_U64)
		(void)snprintf(number, sizeof(number), "%" PRIu64, field->u64);
	else if (field->kind == LOG_FIELD_I64)
		(void)snprintf(number, sizeof(number), "%" PRId64, field->i64);
	if (!line_append_string(line, format == LOG_JSON ? ",\"" : " ") || !line_append_string(line, field->name) ||
	    !line_append_string(line, format == LOG_JSON ? "\":" : "=") || !line_append_string(line, number)) {
		line->bytes = before;
		return false;
	}
	return field->kind != LOG_FIELD_STRING || line_append_quoted(line, format, field->string, field->bytes);
}

static void
line_append_head(struct log_line *line, enum log_format format, enum log_level level, struct timespec now,
                 const char *event)
{
	char head[256];
	uint32_t day = day_from_unix(now.tv_sec);
	unsigned second = (unsigned)(((now.tv_sec % 86400) + 86400) % 86400);
	const char *shape = format == LOG_JSON
	                        ? "{\"time\":\"%04u-%02u-%02uT%02u:%02u:%02u.%03uZ\",\"level\":\"%s\",\"event\":\"%s\""
	                        : "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ %-5s %s";

	(void)snprintf(head, sizeof(head), shape, day / 10000, day / 100 % 100, day % 100, second / 3600,
	               second / 60 % 60, second % 60, (unsigned)(now.tv_nsec / 1000000), level_names[level], event);
	(void)line_append_string(line, head);
}

void
log_line_format(struct log_line *line, enum log_format format, enum log_level level, struct timespec now,
                const char *event, const struct log_field *fields, size_t count)
{
	bool whole = true;

	line->bytes = 0;
	line_append_head(line, format, level, now, event);
	for (size_t i = 0; i < count && whole; i++)
		whole = line_append_field(line, format, &fields[i]);
	if (!whole)
		line_append_tail(line, format == LOG_JSON ? ",\"cut\":true" : " cut=true");
	line_append_tail(line, format == LOG_JSON ? "}\n" : "\n");
}
