/*
 * log.h - levelled log, one line per event, on stderr
 *
 * An event is a short constant text ("dump written") and named fields. Lines are formatted by the caller, handed over
 * a bounded queue and written by a thread of the log, so no caller ever waits for a slow terminal or pipe; lines that
 * find the queue full are counted, and the count is logged when there is room again. Not for the per-request path.
 *
 * Text:  2026-11-23T21:12:30.123Z info  dump written tree="articles" keys=10 bytes=1234 ms=5
 * JSON:  {"time":"2026-11-23T21:12:30.123Z","level":"info","event":"dump written","tree":"articles","keys":10,…}
 *
 * With LOG_NONE nothing is written. Every function may be called by any thread after log_setup(). Before it (and in tests that never call it) events of
 * level error and warn go straight to stderr, others nowhere.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum log_level { LOG_NONE, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

struct log_field {
	const char *name;
	enum { LOG_FIELD_U64, LOG_FIELD_I64, LOG_FIELD_STRING } kind;
	union {
		uint64_t u64;
		int64_t i64;
		const char *string; /* borrowed for the call; any bytes, escaped in the line */
	};
	size_t bytes; /* of string */
};

/* Returns 0 or a negative errno (the thread could not be started). */
int log_setup(enum log_level level_max, enum log_format format);

/* Writes what is queued and ends the thread. */
void log_teardown(void);

/* Logs one event. Fields of a line beyond 4 KiB are cut off. */
void log_event(enum log_level level, const char *event, const struct log_field *fields, size_t count);

static inline struct log_field
log_u64(const char *name, uint64_t value)
{
	return (struct log_field){ .name = name, .kind = LOG_FIELD_U64, .u64 = value };
}

static inline struct log_field
log_i64(const char *name, int64_t value)
{
	return (struct log_field){ .name = name, .kind = LOG_FIELD_I64, .i64 = value };
}

static inline struct log_field
log_bytes(const char *name, const char *data, size_t bytes)
{
	return (struct log_field){ .name = name, .kind = LOG_FIELD_STRING, .string = data, .bytes = bytes };
}

static inline struct log_field
log_string(const char *name, const char *string)
{
	return log_bytes(name, string, strlen(string));
}

/* log_info("dump written", log_string("tree", name), log_u64("keys", n)); at least one field. */
#define LOG_EVENT(level, event, ...)                                       \
	log_event(level, event, (const struct log_field[]){ __VA_ARGS__ }, \
	          sizeof((const struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field))
#define log_error(event, ...) LOG_EVENT(LOG_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...)  LOG_EVENT(LOG_WARN, event, __VA_ARGS__)
#define log_info(event, ...)  LOG_EVENT(LOG_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) LOG_EVENT(LOG_DEBUG, event, __VA_ARGS__)
