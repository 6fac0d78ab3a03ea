/*
 * json_v1_encode.c - replies to bytes, member for member and escape for escape as the original writes them
 *
 * A reply of a running server is nearly always `1` or a sum, so numbers are put together on the stack and appended at
 * once. Room is not looked at here: the buffer remembers a failed append and the caller asks once, at the end.
 */
#include "proto/json_v1.h"

#include <assert.h>
#include <string.h>

#define SUCCESS "{\"success\":true,\"response\":"
#define FAILURE "{\"success\":false,\"response\":"
#define END     "}\r\n"

/* The letter of the two-byte escape, or 0 when there is none. */
static char
escape_letter(char byte)
{
	switch (byte) {
	case '"':
	case '\\':
		return byte;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return 0;
	}
}

static void
append_escape(struct buffer *out, char byte)
{
	static const char hex[] = "0123456789abcdef";
	const char letter = escape_letter(byte);

	if (letter != 0) {
		buffer_append(out, (const char[]){ '\\', letter }, 2);
		return;
	}
	assert((unsigned char)byte < ' ');
	buffer_append(out, (const char[]){ '\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15] }, 6);
}

/* Text without its quotes: runs that stand for themselves are copied whole. */
static void
append_escaped(struct buffer *out, const char *text, size_t bytes)
{
	const char *end = text + bytes;
	const char *run = text;

	for (const char *at = text; at < end; at++) {
		if ((unsigned char)*at >= ' ' && *at != '"' && *at != '\\')
			continue;
		buffer_append(out, run, (size_t)(at - run));
		append_escape(out, *at);
		run = at + 1;
	}
	buffer_append(out, run, (size_t)(end - run));
}

void
json_v1_string(struct buffer *out, const char *text, size_t bytes)
{
	buffer_append_byte(out, '"');
	append_escaped(out, text, bytes);
	buffer_append_byte(out, '"');
}

void
json_v1_reply_begin(struct buffer *out)
{
	buffer_append_literal(out, SUCCESS);
}

void
json_v1_reply_end(struct buffer *out)
{
	buffer_append_literal(out, END);
}

void
json_v1_reply_number(struct buffer *out, uint64_t value)
{
	char reply[sizeof(SUCCESS) + 20 + sizeof(END)];
	char *first = reply + sizeof(reply) - (sizeof(END) - 1);

	/* From the end, since the digits come last first. */
	memcpy(first, END, sizeof(END) - 1);
	do {
		*--first = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	first -= sizeof(SUCCESS) - 1;
	assert(first >= reply);
	memcpy(first, SUCCESS, sizeof(SUCCESS) - 1);
	buffer_append(out, first, (size_t)(reply + sizeof(reply) - first));
}

void
json_v1_reply_text(struct buffer *out, const char *text, size_t bytes)
{
	json_v1_reply_begin(out);
	json_v1_string(out, text, bytes);
	json_v1_reply_end(out);
}

void
json_v1_reply_true(struct buffer *out)
{
	buffer_append_literal(out, SUCCESS "true" END);
}

static void
reply_failure_begin(struct buffer *out)
{
	buffer_append_literal(out, FAILURE);
}

void
json_v1_reply_error(struct buffer *out, const char *text, size_t bytes)
{
	reply_failure_begin(out);
	json_v1_string(out, text, bytes);
	json_v1_reply_end(out);
}

void
json_v1_reply_named(struct buffer *out, bool success, const char *before, struct v1_text name, const char *after)
{
	if (success)
		json_v1_reply_begin(out);
	else
		reply_failure_begin(out);
	buffer_append_byte(out, '"');
	append_escaped(out, before, strlen(before));
	buffer_append_literal(out, "\\\"");
	append_escaped(out, name.data, name.bytes);
	buffer_append_literal(out, "\\\"");
	append_escaped(out, after, strlen(after));
	buffer_append_literal(out, "\"");
	json_v1_reply_end(out);
}
