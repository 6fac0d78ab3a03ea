#include "fake_log.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "log/log.h"

enum { LINES_MAX = 4096, LINE_BYTES = 160 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char lines[LINES_MAX][LINE_BYTES];
static uint32_t line_count;

void
log_event(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
	(void)level;
	pthread_mutex_lock(&lock);
	if (line_count < LINES_MAX) {
		char *line = lines[line_count++];
		size_t bytes = (size_t)snprintf(line, LINE_BYTES, "%s:", event);

		for (size_t i = 0; i < count && bytes < LINE_BYTES; i++) {
			if (fields[i].kind == LOG_FIELD_STRING)
				bytes += (size_t)snprintf(line + bytes, LINE_BYTES - bytes, " %.*s",
				                          (int)fields[i].bytes, fields[i].string);
		}
	}
	pthread_mutex_unlock(&lock);
}

uint32_t
fake_log_count(const char *event, const char *text)
{
	uint32_t count = 0;

	pthread_mutex_lock(&lock);
	for (uint32_t i = 0; i < line_count; i++) {
		if (strncmp(lines[i], event, strlen(event)) == 0 && (text == NULL || strstr(lines[i], text) != NULL))
			count++;
	}
	pthread_mutex_unlock(&lock);
	return count;
}

void
fake_log_clear(void)
{
	pthread_mutex_lock(&lock);
	line_count = 0;
	pthread_mutex_unlock(&lock);
}
