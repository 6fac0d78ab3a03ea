/*
 * json_v2_encode.c - replies to bytes, in upstream's envelope
 */
#include "proto/json_v2.h"

#include <assert.h>
#include <string.h>

#include "proto/json_encode.h"

#define BEGIN   "{\"protocol_version\":2,\"success\":"
#define SUCCESS BEGIN "true,\"response\":"
#define FAILURE BEGIN "false,\"response\":"
#define END     ",\"error_code\":null}\r\n"

static const char *const error_names[] = {
#define V2_ERROR_NAME(id, name) [id] = (name),
	V2_ERRORS(V2_ERROR_NAME)
#undef V2_ERROR_NAME
};

void
json_v2_reply_begin(struct buffer *out)
{
	buffer_append_literal(out, SUCCESS);
}

void
json_v2_reply_end(struct buffer *out)
{
	buffer_append_literal(out, END);
}

void
json_v2_reply_number(struct buffer *out, uint64_t value)
{
	json_encode_number(out, SUCCESS, sizeof(SUCCESS) - 1, value, END, sizeof(END) - 1);
}

void
json_v2_reply_text(struct buffer *out, const char *text, size_t bytes)
{
	json_v2_reply_begin(out);
	json_encode_string(out, text, bytes);
	json_v2_reply_end(out);
}

void
json_v2_reply_true(struct buffer *out)
{
	buffer_append_literal(out, SUCCESS "true" END);
}

static void
error_end(struct buffer *out, enum v2_error code)
{
	buffer_append_literal(out, "\",\"error_code\":\"");
	buffer_append(out, error_names[code], strlen(error_names[code]));
	buffer_append_literal(out, "\"}\r\n");
}

void
json_v2_reply_error(struct buffer *out, enum v2_error code, const char *text, size_t bytes)
{
	buffer_append_literal(out, FAILURE "\"");
	json_encode_inside(out, text, bytes);
	error_end(out, code);
}

void
json_v2_reply_error_named(struct buffer *out, enum v2_error code, const char *before, struct text name,
                          const char *after)
{
	buffer_append_literal(out, FAILURE "\"");
	json_encode_inside(out, before, strlen(before));
	json_encode_inside(out, name.data, name.bytes);
	json_encode_inside(out, after, strlen(after));
	error_end(out, code);
}

void
json_v2_reply_idempotent(struct buffer *out, struct text response, bool repeated)
{
	buffer_append_literal(out, SUCCESS);
	buffer_append(out, response.data, response.bytes);
	if (repeated)
		buffer_append_literal(out, ",\"idempotent\":true" END);
	else
		buffer_append_literal(out, ",\"idempotent\":false" END);
}

bool
json_v2_reply_response(const char *reply, size_t bytes, struct text *ret)
{
	const size_t begin = sizeof(SUCCESS) - 1, around = begin + sizeof(END) - 1;

	if (bytes <= around || memcmp(reply, SUCCESS, begin) != 0)
		return false;
	assert(memcmp(reply + bytes - (sizeof(END) - 1), END, sizeof(END) - 1) == 0);
	*ret = (struct text){ .data = reply + begin, .bytes = bytes - around };
	return true;
}

bool
json_v2_is_reply(const char *reply, size_t bytes)
{
	return bytes >= sizeof(BEGIN) - 1 && memcmp(reply, BEGIN, sizeof(BEGIN) - 1) == 0;
}
