/*
 * inspect_list.c - what the files of a directory are, one line each
 *
 * Only heads and ends of files are read, and the log's segments along their chains; whether everything is sound says verify.
 */
#include "look.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "list_segment.h"
#include "proto/json_v1.h"
#include "store/files.h"

struct list {
	struct look look;
	struct buffer out;
	struct buffer name; /* of a tree, quoted */
	enum status status;
};

/* ---- lines ---- */

/* kind, bytes, file, and what there is to say of it. */
__attribute__((format(printf, 5, 6))) static void
line(struct list *list, const char *kind, uint64_t bytes, const char *file, const char *format, ...)
{
	char text[2048];
	char head[64];
	va_list arguments;

	(void)snprintf(head, sizeof(head), "%-9s %12" PRIu64 "  ", kind, bytes);
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	buffer_append(&list->out, head, strlen(head));
	for (const char *at = file; *at != '\0'; at++)
		buffer_append_byte(&list->out, (unsigned char)*at < ' ' || *at == 0x7f ? '?' : *at);
	buffer_append_literal(&list->out, "  ");
	buffer_append(&list->out, text, strlen(text));
	buffer_append_byte(&list->out, '\n');
	(void)output_passed(&list->out);
}

static const char *
quoted(struct list *list, const char *name, size_t bytes)
{
	buffer_truncate(&list->name, 0);
	json_v1_string(&list->name, name, bytes);
	buffer_append_byte(&list->name, '\0');
	return list->name.failed ? "?" : list->name.data;
}
