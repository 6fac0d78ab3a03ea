/*
 * json_v1_encode.c - replies to bytes, member for member as the original writes them
 *
 * Room is not looked at here: the buffer remembers a failed append and the caller asks once, at the end.
 */
#include "proto/json_v1.h"

#include <string.h>

#include "proto/json_encode.h"

#define SUCCESS "{\"success\":true,\"response\":"
#define FAILURE "{\"success\":false,\"response\":"
#define END     "}\r\n"

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
	json_encode_number(out, SUCCESS, sizeof(SUCCESS) - 1, value, END, sizeof(END) - 1);
}

void
json_v1_reply_text(struct buffer *out, const char *text, size_t bytes)
{
	json_v1_reply_begin(out);
	json_encode_string(out, text, bytes);
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
	json_encode_string(out, text, bytes);
	json_v1_reply_end(out);
}

void
json_v1_reply_named(struct buffer *out, bool success, const char *before, struct text name, const char *after)
{
	if (success)
		json_v1_reply_begin(out);
	else
		reply_failure_begin(out);
	buffer_append_byte(out, '"');
	json_encode_inside(out, before, strlen(before));
	buffer_append_literal(out, "\\\"");
	json_encode_inside(out, name.data, name.bytes);
	buffer_append_literal(out, "\\\"");
	json_encode_inside(out, after, strlen(after));
	buffer_append_literal(out, "\"");
	json_v1_reply_end(out);
}
