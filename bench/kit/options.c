#include "kit/options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX 86400.0

enum { HELP = 'h', JSON = 'j', FIRST = 256, BAD_OPTION = 2 };

struct option_numbers
option_numbers_doubling(uint64_t most)
{
	struct option_numbers numbers = { 0 };

	for (uint64_t n = 1; numbers.count < OPTIONS_NUMBERS_MAX - 1 && n < most; n *= 2)
		numbers.value[numbers.count++] = n;
	numbers.value[numbers.count++] = most;
	return numbers;
}

/* ---- reading values ---- */

static bool
is_in_bounds(const struct program_option *option, uint64_t value)
{
	return value >= option->min && value <= option->max;
}

/* A number up to `stop` (a comma, or the end). */
static bool
read_number(const struct program_option *option, const char *text, const char *stop, uint64_t *ret)
{
	char *end;

	errno = 0;
	uint64_t value = strtoull(text, &end, 10);
	uint64_t unit = *end == 'k' ? 1000 : *end == 'M' ? 1000000 : 1;

	end += unit > 1;
	if (*text < '0' || *text > '9' || errno != 0 || end != stop || value > UINT64_MAX / unit)
		return false;
	*ret = value * unit;
	return is_in_bounds(option, *ret);
}

static bool
read_numbers(const struct program_option *option, const char *text)
{
	struct option_numbers *numbers = option->numbers;

	numbers->count = 0;
	for (;;) {
		const char *stop = text + strcspn(text, ",");

		if (numbers->count == OPTIONS_NUMBERS_MAX ||
		    !read_number(option, text, stop, &numbers->value[numbers->count]))
			return false;
		numbers->count++;
		if (*stop == '\0')
			return true;
		text = stop + 1;
	}
}

static bool
read_seconds(const char *text, double *ret)
{
	char *end;

	*ret = strtod(text, &end);
	return end != text && *end == '\0' && isfinite(*ret) && *ret > 0 && *ret <= SECONDS_MAX;
}

static bool
read_names(const struct program_option *option, const char *text)
{
	*option->chosen = 0;
	for (;;) {
		size_t bytes = strcspn(text, ",");
		unsigned i = 0;

		while (option->names[i] != NULL &&
		       (strlen(option->names[i]) != bytes || memcmp(option->names[i], text, bytes) != 0))
			i++;
		if (option->names[i] == NULL)
			return false;
		*option->chosen |= UINT32_C(1) << i;
		if (text[bytes] == '\0')
			return true;
		text += bytes + 1;
	}
}

static bool
read_value(const struct program_option *option, const char *text)
{
	switch (option->kind) {
	case OPTION_NUMBER:
		return read_number(option, text, text + strlen(text), option->number);
	case OPTION_NUMBERS:
		return read_numbers(option, text);
	case OPTION_SECONDS:
		return read_seconds(text, option->seconds);
	case OPTION_NAMES:
		return read_names(option, text);
	case OPTION_TEXT:
		*option->text = text;
		return *text != '\0';
	}
	return false;
}

/* ---- saying what is wanted ---- */

static void
print_names(FILE *out, const struct program_option *option, uint32_t chosen)
{
	const char *comma = "";

	for (unsigned i = 0; option->names[i] != NULL; i++) {
		if ((chosen >> i & 1) == 0)
			continue;
		(void)fprintf(out, "%s%s", comma, option->names[i]);
		comma = ",";
	}
}

static void
print_wanted(FILE *out, const struct program_option *option)
{
	switch (option->kind) {
	case OPTION_NUMBER:
		(void)fprintf(out, "a number from %" PRIu64 " to %" PRIu64, option->min, option->max);
		break;
	case OPTION_NUMBERS:
		(void)fprintf(out, "up to %d numbers from %" PRIu64 " to %" PRIu64 " with commas between",
		              OPTIONS_NUMBERS_MAX, option->min, option->max);
		break;
	case OPTION_SECONDS:
		(void)fprintf(out, "seconds above 0, up to %.0f", SECONDS_MAX);
		break;
	case OPTION_NAMES:
		(void)fprintf(out, "some of ");
		print_names(out, option, UINT32_MAX);
		break;
	case OPTION_TEXT:
		(void)fprintf(out, "a value");
		break;
	}
}

static void
print_default(const struct program_option *option)
{
	switch (option->kind) {
	case OPTION_NUMBER:
		if (is_in_bounds(option, *option->number))
			(void)printf("%" PRIu64, *option->number);
		else
			(void)printf("none");
		break;
	case OPTION_NUMBERS:
		for (unsigned i = 0; i < option->numbers->count; i++)
			(void)printf("%s%" PRIu64, i > 0 ? "," : "", option->numbers->value[i]);
		break;
	case OPTION_SECONDS:
		(void)printf("%g", *option->seconds);
		break;
	case OPTION_NAMES:
		print_names(stdout, option, *option->chosen);
		break;
	case OPTION_TEXT:
		(void)printf("%s", *option->text == NULL ? "none" : *option->text);
		break;
	}
}

_Noreturn static void
help(const struct program *program)
{
	(void)printf("Usage: %s [options]\n%s\n\n", program->name, program->summary);
	for (size_t i = 0; i < program->option_count; i++) {
		const struct program_option *option = &program->options[i];

		(void)printf("  --%s=VALUE\n        %s\n        ", option->name, option->help);
		print_wanted(stdout, option);
		(void)printf(" (default ");
		print_default(option);
		(void)printf(")\n");
	}
	if (!program->no_figures)
		(void)printf("  --json=FILE\n        write the figures as JSON too; - for standard output instead of "
		             "the table\n");
	(void)printf("  --help\n        show this\n");
	exit(0); /* NOLINT(concurrency-mt-unsafe) */
}

static void
take(const struct program *program, size_t index, const char *text)
{
	const struct program_option *option = &program->options[index];

	if (read_value(option, text))
		return;
	(void)fprintf(stderr, "%s: --%s=%s: ", program->name, option->name, text);
	print_wanted(stderr, option);
	(void)fprintf(stderr, " is needed\n");
	_Exit(BAD_OPTION);
}

const char *
options_parse(const struct program *program, int argc, char **argv)
{
	struct option options[OPTIONS_MAX + 3] = { { "help", no_argument, NULL, HELP } };
	const char *json = NULL;
	int id;

	assert(program->option_count <= OPTIONS_MAX);
	for (size_t i = 0; i < program->option_count; i++)
		options[i + 1] = (struct option){ program->options[i].name, required_argument, NULL, FIRST + (int)i };
	if (!program->no_figures)
		options[program->option_count + 1] = (struct option){ "json", required_argument, NULL, JSON };
	while ((id = getopt_long(argc, argv, "h", options, NULL)) != -1) { /* NOLINT(concurrency-mt-unsafe) */
		if (id == HELP)
			help(program);
		if (id == '?')
			_Exit(BAD_OPTION); /* getopt_long() has said why */
		if (id == JSON)
			json = optarg;
		else
			take(program, (size_t)(id - FIRST), optarg);
	}
	if (optind < argc) {
		(void)fprintf(stderr, "%s: %s: not an option; see --help\n", program->name, argv[optind]);
		_Exit(BAD_OPTION);
	}
	return json;
}
