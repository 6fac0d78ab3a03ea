#include "jansson_oracle.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"

#define MARK "a number of the request: "

static regex_t number_pattern;

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

/* ---- a test ---- */

static bool
run_case(const struct oracle_test *test, uint64_t seed, struct oracle_counts *counts)
{
	struct buffer line;
	const char *problem = "no memory", *fault = "";

	buffer_init(&line, SIZE_MAX);
	test->generate(seed, &line);
	/* The end of the block is the end of the line, so that AddressSanitizer sees a byte read too far. */
	const size_t scratch_bytes = test->scratch_bytes(line.bytes);
	char *exact = malloc(line.bytes + 1);
	char *scratch_memory = malloc(scratch_bytes + 1);

	if (exact != NULL && scratch_memory != NULL && !line.failed) {
		struct arena scratch = { .data = scratch_memory, .capacity = scratch_bytes };
		const struct buffer copy = { .data = exact + 1, .bytes = line.bytes };

		memcpy(copy.data, line.data, line.bytes);
		problem = test->compare(&copy, &scratch, counts, &fault);
	}
	if (problem != NULL)
		(void)fprintf(stderr, "%s: %.*s\n%s\nrepeat it with: %s %ju 1\n", problem, (int)line.bytes, line.data,
		              fault, test->name, (uintmax_t)seed);
	free(scratch_memory);
	free(exact);
	buffer_deinit(&line);
	return problem == NULL;
}

int
oracle_main(int argc, char **argv, const struct oracle_test *test)
{
	const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL) * 1000000007;
	const unsigned long cases = argc > 2 ? strtoul(argv[2], NULL, 10) : test->cases_default;
	struct oracle_counts counts = { 0 };

	if (regcomp(&number_pattern, "^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?$", REG_EXTENDED) != 0)
		abort();
	for (unsigned long i = 0; i < cases; i++) {
		if (!run_case(test, seed + i, &counts))
			return 1;
	}
	regfree(&number_pattern);
	printf("seed %ju: %lu cases taken, %lu refused, %lu left out\n", (uintmax_t)seed, counts.taken, counts.refused,
	       counts.left_out);
	/* A generator that makes only one kind of line would prove nothing. */
	if (cases >= test->cases_default &&
	    (counts.taken < cases / 5 || counts.refused < cases / 5 || counts.left_out > cases / 10)) {
		(void)fprintf(stderr, "the mix of cases is too one-sided\n");
		return 1;
	}
	return 0;
}
