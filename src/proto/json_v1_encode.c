/*
 * json_v1_encode.c - replies to bytes, member for member as the original writes them
 *
 * A reply of a running server is nearly always `1` or a sum, so numbers are put together on the stack and appended at
 * once. Room is not looked at here: the buffer remembers a failed append and the caller asks once, at the end.
 */
#include "proto/json_v1.h"

#include <assert.h>
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
	char reply[sizeof(SUCCESS) + JSON_DIGITS_MAX + sizeof(END)];
	char *first = reply + sizeof(reply) - (sizeof(END) - 1);

	memcpy(first, END, sizeof(END) - 1);
	first = json_encode_digits(first, value);
	first -= sizeof(SUCCESS) - 1;
	assert(first >= reply);
	memcpy(first, SUCCESS, sizeof(SUCCESS) - 1);
	buffer_append(out, first, (size_t)(reply + sizeof(reply) - first));
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
