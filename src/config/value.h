/*
 * value.h - the types of options: from text to value and back
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_kind {
	VALUE_FLAG,     /* bool, true when given; its value is empty */
	VALUE_TEXT,     /* const char *, not empty */
	VALUE_OPTIONAL, /* const char *, NULL when empty */
	VALUE_SECRET,   /* the same, never shown */
	VALUE_BOOL,     /* bool */
	VALUE_U32,      /* uint32_t */
	VALUE_SIZE,     /* uint64_t, bytes */
	VALUE_MODE,     /* uint32_t, octal */
	VALUE_LEVEL,    /* enum log_level */
	VALUE_FORMAT,   /* enum log_format */
	VALUE_SYNC,     /* enum config_fsync */
	VALUE_ZONE,     /* const char * */
	VALUE_CPUS,     /* const char *, NULL when empty */
	VALUE_ROLE,     /* unsigned, 0: nothing but master yet */
	VALUE_ABSENT,   /* const char *, NULL: it may only be empty yet */
};

/* What a kind of number may be; no meaning for the others. */
struct value_range {
	uint64_t min;
	uint64_t max;
};

/* Writes *target, which may borrow text. False, and nothing written, when text is none of that kind or out of range. */
bool value_parse(enum value_kind kind, const struct value_range *range, const char *text, void *target);

/* "an integer from 0 to 65535", for "… must be %s" */
void value_describe(enum value_kind kind, const struct value_range *range, char *text, size_t bytes);

/* The value as value_parse() would read it; "" for none. */
void value_format(enum value_kind kind, const void *value, char *text, size_t bytes);
