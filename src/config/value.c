#include "config/value.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/timezone.h"
#include "config/config.h"
#include "config/cpus.h"
#include "log/log.h"

static const struct size_unit {
	const char *name;
	unsigned shift;
} size_units[] = { { "GiB", 30 }, { "MiB", 20 }, { "KiB", 10 }, { "", 0 } };

enum { SIZE_UNITS = sizeof(size_units) / sizeof(size_units[0]) };

/* The names of values, in the order of their enums; and for people. */
static const struct value_names {
	const char *expected;
	const char *names[6];
} value_names[] = {
	[VALUE_LEVEL] = { "none, error, warn, info or debug", { "none", "error", "warn", "info", "debug" } },
	[VALUE_FORMAT] = { "text or json", { "text", "json" } },
	[VALUE_ROLE] = { "master (Replication is not configured)", { "master" } },
	[VALUE_SYNC] = { "true, everysec or false", { "false", "true", "everysec" } },
};
static_assert(sizeof(enum log_level) == sizeof(unsigned) && sizeof(enum log_format) == sizeof(unsigned) &&
                  sizeof(enum config_fsync) == sizeof(unsigned),
              "names_parse() writes all of them");

/* Digits from text on; returns what follows them, or NULL when there are none or they say more than 64 bits. */
static const char *
digits_parse(const char *text, unsigned base, uint64_t *ret_value)
{
	uint64_t value = 0;
	const char *at = text;

	for (; *at >= '0' && *at < (char)('0' + base); at++) {
		unsigned digit = (unsigned)(*at - '0');

		if (__builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, digit, &value))
			return NULL;
	}
	*ret_value = value;
	return at > text ? at : NULL;
}

static bool
number_parse(const struct value_range *range, unsigned base, const char *text, uint64_t *ret_value)
{
	uint64_t value;
	const char *end = digits_parse(text, base, &value);

	if (end == NULL || *end != '\0' || value < range->min || value > range->max)
		return false;
	*ret_value = value;
	return true;
}

static bool
u32_parse(const struct value_range *range, unsigned base, const char *text, uint32_t *target)
{
	uint64_t value;

	if (!number_parse(range, base, text, &value))
		return false;
	*target = (uint32_t)value; /* the table's ranges keep to it */
	return true;
}

static bool
size_parse(const struct value_range *range, const char *text, uint64_t *target)
{
	uint64_t value;
	const char *end = digits_parse(text, 10, &value);

	for (size_t i = 0; end != NULL && i < SIZE_UNITS; i++) {
		if (strcmp(end, size_units[i].name) != 0)
			continue;
		if (value > UINT64_MAX >> size_units[i].shift)
			return false;
		value <<= size_units[i].shift;
		if (value < range->min || value > range->max)
			return false;
		*target = value;
		return true;
	}
	return false;
}

static bool
name_parse(enum value_kind kind, const char *text, unsigned *target)
{
	const char *const *names = value_names[kind].names;

	for (unsigned i = 0; names[i] != NULL; i++) {
		if (strcmp(names[i], text) == 0) {
			*target = i;
			return true;
		}
	}
	return false;
}

static bool
bool_parse(const char *text, bool *target)
{
	bool value = strcmp(text, "true") == 0;

	if (!value && strcmp(text, "false") != 0)
		return false;
	*target = value;
	return true;
}

static bool
text_is_allowed(enum value_kind kind, const char *text)
{
	int cpus[WORKERS_MAX];
	size_t count;

	switch (kind) {
	case VALUE_TEXT:
		return text[0] != '\0';
	case VALUE_ZONE:
		return timezone_check(text) == 0;
	case VALUE_ABSENT:
		return text[0] == '\0';
	case VALUE_CPUS:
		return text[0] == '\0' || cpus_parse(text, cpus, &count);
	default:
		return true;
	}
}

bool
value_parse(enum value_kind kind, const struct value_range *range, const char *text, void *target)
{
	switch (kind) {
	case VALUE_FLAG:
		if (text[0] == '\0')
			*(bool *)target = true;
		return text[0] == '\0';
	case VALUE_BOOL:
		return bool_parse(text, target);
	case VALUE_U32:
		return u32_parse(range, 10, text, target);
	case VALUE_MODE:
		return u32_parse(range, 8, text, target);
	case VALUE_SIZE:
		return size_parse(range, text, target);
	case VALUE_LEVEL:
	case VALUE_FORMAT:
	case VALUE_SYNC:
	case VALUE_ROLE:
		return name_parse(kind, text, target);
	case VALUE_TEXT:
	case VALUE_OPTIONAL:
	case VALUE_SECRET:
	case VALUE_ZONE:
	case VALUE_CPUS:
	case VALUE_ABSENT:
		if (!text_is_allowed(kind, text))
			return false;
		*(const char **)target = text[0] != '\0' ? text : NULL;
		return true;
	}
	return false;
}

static void
size_format(uint64_t value, char *text, size_t bytes)
{
	const struct size_unit *unit = size_units;

	while (value == 0 ? unit->shift > 0 : (value & ((UINT64_C(1) << unit->shift) - 1)) != 0)
		unit++;
	(void)snprintf(text, bytes, "%" PRIu64 "%s", value >> unit->shift, unit->name);
}

static void
zone_describe(char *text, size_t bytes)
{
	bool database = timezone_check("") != TIMEZONE_NO_DATABASE;

	(void)snprintf(text, bytes,
	               database ? "UTC, local or the name of a zone in %s"
	                        : "UTC or local, since there is no zone database in %s (package tzdata)",
	               timezone_directory());
}

static void
cpus_describe(char *text, size_t bytes)
{
	char allowed[128];

	cpus_describe_allowed(allowed, sizeof(allowed));
	(void)snprintf(text, bytes, "a list such as 0,2-5 out of the CPUs %s, each once and %d at most", allowed,
	               WORKERS_MAX);
}

void
value_describe(enum value_kind kind, const struct value_range *range, char *text, size_t bytes)
{
	char min[32];
	char max[32];

	switch (kind) {
	case VALUE_FLAG:
		(void)snprintf(text, bytes, "given without a value");
		break;
	case VALUE_TEXT:
	case VALUE_OPTIONAL:
	case VALUE_SECRET:
		(void)snprintf(text, bytes, "a text that is not empty");
		break;
	case VALUE_BOOL:
		(void)snprintf(text, bytes, "true or false");
		break;
	case VALUE_U32:
		(void)snprintf(text, bytes, "an integer from %" PRIu64 " to %" PRIu64, range->min, range->max);
		break;
	case VALUE_MODE:
		(void)snprintf(text, bytes, "an octal mode from %" PRIo64 " to 0%" PRIo64, range->min, range->max);
		break;
	case VALUE_SIZE:
		size_format(range->min, min, sizeof(min));
		size_format(range->max, max, sizeof(max));
		(void)snprintf(text, bytes, "a size from %s to %s, in bytes, KiB, MiB or GiB", min, max);
		break;
	case VALUE_LEVEL:
	case VALUE_FORMAT:
	case VALUE_SYNC:
	case VALUE_ROLE:
		(void)snprintf(text, bytes, "%s", value_names[kind].expected);
		break;
	case VALUE_ZONE:
		zone_describe(text, bytes);
		break;
	case VALUE_CPUS:
		cpus_describe(text, bytes);
		break;
	case VALUE_ABSENT:
		(void)snprintf(text, bytes, "left out or empty (Replication is not configured)");
		break;
	}
}

void
value_format(enum value_kind kind, const void *value, char *text, size_t bytes)
{
	const char *string;

	switch (kind) {
	case VALUE_FLAG:
	case VALUE_BOOL:
		(void)snprintf(text, bytes, "%s", *(const bool *)value ? "true" : "false");
		break;
	case VALUE_U32:
		(void)snprintf(text, bytes, "%" PRIu32, *(const uint32_t *)value);
		break;
	case VALUE_MODE:
		(void)snprintf(text, bytes, "0%" PRIo32, *(const uint32_t *)value);
		break;
	case VALUE_SIZE:
		size_format(*(const uint64_t *)value, text, bytes);
		break;
	case VALUE_LEVEL:
	case VALUE_FORMAT:
	case VALUE_SYNC:
	case VALUE_ROLE:
		(void)snprintf(text, bytes, "%s", value_names[kind].names[*(const unsigned *)value]);
		break;
	case VALUE_SECRET:
		(void)snprintf(text, bytes, "%s", *(const char *const *)value != NULL ? "(set)" : "");
		break;
	case VALUE_TEXT:
	case VALUE_OPTIONAL:
	case VALUE_ZONE:
	case VALUE_CPUS:
	case VALUE_ABSENT:
		string = *(const char *const *)value;
		(void)snprintf(text, bytes, "%s", string != NULL ? string : "");
		break;
	}
}
