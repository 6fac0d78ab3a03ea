#include "parsing.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct config config;
struct config_fault fault;
static char *no_environment[] = { NULL };

int
parse_with(const char *arguments, char **environment)
{
	static char text[4096];
	char *argv[ARGUMENTS_MAX] = { (char[]){ "karma" } };
	int argc = 1;

	(void)snprintf(text, sizeof(text), "%s", arguments);
	for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
		if (argc < ARGUMENTS_MAX - 1)
			argv[argc++] = word;
		else
			fail_msg("more than %d arguments", ARGUMENTS_MAX);
	return config_parse(argc, argv, environment, &config, &fault);
}

int
parse(const char *arguments)
{
	return parse_with(arguments, no_environment);
}

void
assert_fault(const char *arguments, const char *text)
{
	if (parse(arguments) != -1)
		fail_msg("accepted: %s", arguments);
	assert_string_equal(fault.text, text);
}
