/*
 * command_reply.c - outcomes of the engine, and of limits, as v1 replies
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

void
v1_reply_too_large(struct buffer *out, size_t response_bytes_max)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "Response exceeds %zu bytes", response_bytes_max);
	v1_reply_error(out, text);
}

void
v1_reply_read_only(struct buffer *out)
{
	v1_reply_error(out, "The log has failed, the server is read-only until restarted");
}

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
command_reply_too_large(const struct command_worker *worker, struct buffer *out)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "Request exceeds %zu bytes", worker->options.request_bytes_max);
	v1_reply_error(out, text);
}

void
command_reply_too_many_clients(struct buffer *out)
{
	v1_reply_error(out, "Too many clients");
}
