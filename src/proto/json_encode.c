#include "proto/json_encode.h"

#include <assert.h>

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

/* Runs that stand for themselves are copied whole. */
void
json_encode_inside(struct buffer *out, const char *text, size_t bytes)
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
json_encode_string(struct buffer *out, const char *text, size_t bytes)
{
	buffer_append_byte(out, '"');
	json_encode_inside(out, text, bytes);
	buffer_append_byte(out, '"');
}
