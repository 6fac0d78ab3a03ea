/*
 * command_v2_system.c - operations about the server itself
 */
#include "command/command_v2.h"

enum command_status
v2_ping(struct command_worker *worker, const struct command_entry *entry, struct buffer *out)
{
	(void)worker;
	(void)entry;
	json_v2_reply_text(out, "pong", 4);
	return COMMAND_DONE;
}
