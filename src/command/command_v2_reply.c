/*
 * command_v2_reply.c - outcomes of the engine, and of limits, as v2 replies
 */
#include "command/command_v2.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
v2_reply_error(struct buffer *out, enum v2_error code, const char *text)
{
	json_v2_reply_error(out, code, text, strlen(text));
}

void
v2_reply_forbidden(struct buffer *out, const char *internal)
{
	const struct text name = { .data = internal, .bytes = strlen(internal) };

	json_v2_reply_error_named(out, V2_FORBIDDEN, "Read-only token cannot execute command ", name, "");
}

void
v2_reply_not_found(struct buffer *out, struct text series)
{
	json_v2_reply_error_named(out, V2_NOT_FOUND, "Tree \"", series, "\" not found");
}

void
v2_reply_overflow(struct buffer *out, const char *before, uint64_t key, uint32_t bucket)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "%s key=%" PRIu64 " bucket=%" PRIu32, before, key, bucket);
	v2_reply_error(out, V2_VALIDATION_ERROR, text);
}

enum command_status
v2_reply_failure(struct buffer *out, int result)
{
	if (result == -EAGAIN)
		return COMMAND_LATER;
	if (result == ENGINE_TREES_FULL) {
		v2_reply_error(out, V2_INTERNAL_ERROR, "The limit of trees is reached (--max-trees), nothing changed");
	} else {
		assert(result == -ENOMEM);
		v2_reply_error(out, V2_INTERNAL_ERROR, "Out of memory, nothing changed");
	}
	return COMMAND_DONE;
}

enum command_status
v2_reply_ok(struct buffer *out, int result)
{
	if (result != 0)
		return v2_reply_failure(out, result);
	json_v2_reply_text(out, "OK", 2);
	return COMMAND_DONE;
}
