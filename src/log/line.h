/*
 * line.h - one log event as one line of bytes
 */
#pragma once

#include <stddef.h>
#include <time.h>

#include "log/log.h"

enum { LOG_LINE_BYTES_MAX = 4096 };

struct log_line {
	size_t bytes;
	char data[LOG_LINE_BYTES_MAX];
};

/* Always ends in a newline and holds no other; what does not fit is cut off at a whole character, with a mark. */
void log_line_format(struct log_line *line, enum log_format format, enum log_level level, struct timespec now,
                     const char *event, const struct log_field *fields, size_t count);
