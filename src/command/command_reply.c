/*
 * command_reply.c - replies that more than one file gives: of v1, and in the envelope of either protocol
 */
#include "command/command_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

void
v1_reply_error(struct buffer *out, const char *text)
{
	json_v1_reply_error(out, text, strlen(text));
}

const char command_read_only_text[] = "The log has failed, the server is read-only until restarted";

void
v1_reply_read_only(struct buffer *out)
{
	v1_reply_error(out, command_read_only_text);
}

/* ---- in either envelope ---- */

enum command_protocol
command_guess(const char *line, size_t bytes)
{
	const bool v2 = memmem(line, bytes, "\"v\"", 3) != NULL || memmem(line, bytes, "\"op\"", 4) != NULL;

	return v2 ? PROTOCOL_V2 : PROTOCOL_V1;
}

enum command_protocol
command_envelope(const struct command_client *client, enum command_protocol guess)
{
	return client->protocol != PROTOCOL_NONE ? client->protocol : guess;
}

void
command_reply_error(enum command_protocol protocol, struct buffer *out, enum v2_error code, const char *text)
{
	assert(protocol != PROTOCOL_NONE);
	if (protocol == PROTOCOL_V2)
		json_v2_reply_error(out, code, text, strlen(text));
	else
		v1_reply_error(out, text);
}

void
command_reply_begin(enum command_protocol protocol, struct buffer *out)
{
	if (protocol == PROTOCOL_V2)
		json_v2_reply_begin(out);
	else
		json_v1_reply_begin(out);
}

void
command_reply_end(enum command_protocol protocol, struct buffer *out)
{
	if (protocol == PROTOCOL_V2)
		json_v2_reply_end(out);
	else
		json_v1_reply_end(out);
}

void
command_reply_response_too_large(enum command_protocol protocol, struct buffer *out, size_t response_bytes_max)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "Response exceeds %zu bytes", response_bytes_max);
	command_reply_error(protocol, out, V2_RESPONSE_TOO_LARGE, text);
}

/* ---- v1 ---- */

void
v1_append_day(void *context, uint32_t day, uint64_t count)
{
	struct v1_day_list *list = context;

	if (list->more)
		buffer_append_literal(list->out, ",\"");
	else
		buffer_append_literal(list->out, "\"");
	list->more = true;
	buffer_append_u64(list->out, day);
	buffer_append_literal(list->out, "\":");
	buffer_append_u64(list->out, count);
}

void
v1_reply_failure(struct buffer *out, int result)
{
	switch (result) {
	case ENGINE_OVERFLOW:
		v1_reply_error(out, "Arithmetic overflow");
		return;
	case ENGINE_TREES_FULL:
		v1_reply_error(out, "The limit of trees is reached (--max-trees), nothing changed");
		return;
	default:
		assert(result == -ENOMEM);
		v1_reply_error(out, "Out of memory, nothing changed");
	}
}

void
command_reply_too_large(const struct command_worker *worker, const struct command_client *client,
                        enum command_protocol guess, struct buffer *out)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "Request exceeds %zu bytes", worker->options.request_bytes_max);
	command_reply_error(command_envelope(client, guess), out, V2_REQUEST_TOO_LARGE, text);
}

void
command_reply_too_many_clients(struct buffer *out)
{
	v1_reply_error(out, "Too many clients");
}
