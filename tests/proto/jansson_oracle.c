#include "jansson_oracle.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

#define MARK "a number of the request: "

static regex_t number_pattern;

void
oracle_setup(void)
{
	if (regcomp(&number_pattern, "^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?$", REG_EXTENDED) != 0)
		abort();
}

void
oracle_teardown(void)
{
	regfree(&number_pattern);
}

static bool
is_number_byte(char byte)
{
	return (byte >= '0' && byte <= '9') || (byte != '\0' && strchr("+-.eE", byte) != NULL);
}

static bool
integer_fits(const char *token)
{
	errno = 0;
	if (*token == '-')
		(void)strtoll(token, NULL, 10);
	else
		(void)strtoull(token, NULL, 10);
	return errno == 0;
}

/* Appends the run of number bytes at `at`, marked if it is a number. Returns where it ends. */
static const char *
prepare_number(const char *at, const char *end, struct buffer *out, bool *integers_fit)
{
	char token[64];
	const char *run_end = at;

	while (run_end < end && is_number_byte(*run_end))
		run_end++;
	const size_t bytes = (size_t)(run_end - at);

	(void)snprintf(token, sizeof(token), "%.*s", (int)bytes, at);
	const bool valid = bytes < sizeof(token) && regexec(&number_pattern, token, 0, NULL, 0) == 0;

	if (valid && token[strspn(token, "-0123456789")] == '\0' && !integer_fits(token))
		*integers_fit = false;
	if (valid)
		buffer_append_literal(out, "[\"" MARK);
	buffer_append(out, at, bytes);
	if (valid)
		buffer_append_literal(out, "\"]");
	return run_end;
}

/* Returns the deepest nesting. Strings are told from the rest by quotes and backslashes alone. */
static int
prepare(const struct buffer *line, struct buffer *out, bool *integers_fit)
{
	const char *end = line->data + line->bytes;
	bool in_string = false;
	int depth = 0;
	int deepest = 0;

	for (const char *at = line->data; at < end;) {
		if (!in_string && (*at == '-' || (*at >= '0' && *at <= '9'))) {
			at = prepare_number(at, end, out, integers_fit);
			continue;
		}
		if (in_string && *at == '\\' && at + 1 < end)
			buffer_append_byte(out, *at++);
		else if (*at == '"')
			in_string = !in_string;
		else if (!in_string && (*at == '{' || *at == '['))
			deepest = ++depth > deepest ? depth : deepest;
		else if (!in_string && (*at == '}' || *at == ']'))
			depth--;
		buffer_append_byte(out, *at++);
	}
	return deepest;
}

enum oracle_verdict
oracle_judge(const struct buffer *line, struct oracle_judgement *ret)
{
	struct buffer prepared;
	json_error_t error;

	*ret = (struct oracle_judgement){ .integers_fit = true };
	if (memchr(line->data, '\0', line->bytes) != NULL)
		return ORACLE_REFUSED;
	buffer_init(&prepared, SIZE_MAX);
	buffer_append_byte(&prepared, ' '); /* never without memory */
	const int depth = prepare(line, &prepared, &ret->integers_fit);
	const size_t flags = JSON_ALLOW_NUL | JSON_DECODE_ANY;
	json_t *again = json_loadb(prepared.data, prepared.bytes, flags | JSON_REJECT_DUPLICATES, &error);

	ret->duplicates = again == NULL && json_error_code(&error) == json_error_duplicate_key;
	json_decref(again);
	ret->tree = json_loadb(prepared.data, prepared.bytes, flags, &error);
	buffer_deinit(&prepared);
	if (ret->tree == NULL)
		return json_error_code(&error) == json_error_null_byte_in_key ? ORACLE_LEFT_OUT : ORACLE_REFUSED;
	return depth <= JSON_DEPTH_MAX ? ORACLE_TAKEN : ORACLE_REFUSED;
}

const char *
oracle_number(const json_t *value)
{
	const char *text = json_string_value(json_array_get(value, 0));

	if (text == NULL || json_array_size(value) != 1 || strncmp(text, MARK, strlen(MARK)) != 0)
		return NULL;
	return text + strlen(MARK);
}
