/*
 * inspect_main.c - karma-inspect: the files of a dump directory, for people and tools
 *
 * Options as karma has them: --name=value or --name value, the last of repeated ones wins.
 */
#include "inspect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

enum { OPTION_FROM_EPOCH = 1, OPTION_TREE = 2, OPTION_FORMAT = 4 };

static const struct command {
	const char *name;
	const char *path; /* what it takes */
	unsigned options;
	enum status (*run)(const struct inspect *inspect);
	const char *help;
} commands[] = {
	{ "list", "DIR", 0, inspect_list, "What the files of a directory are" },
	{ "verify", "DIR", 0, inspect_verify, "Reads everything and says what is damaged" },
	{ "records", "DIR", OPTION_FROM_EPOCH | OPTION_TREE, inspect_records,
	  "The log's records that a start would replay, as JSON lines" },
	{ "export", "DIR|FILE", OPTION_TREE | OPTION_FORMAT, inspect_export,
	  "The counts that a start would restore, or those of one dump file" },
	{ "import", "DIR", OPTION_TREE | OPTION_FORMAT, inspect_import,
	  "Makes dump files of rows on standard input, for the command load or a first start" },
};

static const struct option {
	unsigned bit;
	const char *name;
	const char *help;
} options[] = {
	{ OPTION_FROM_EPOCH, "from-epoch", "=number      Records of this epoch and later ones" },
	{ OPTION_TREE, "tree", "=name              Only this tree (records: its name or id); import: the tree's name" },
	{ OPTION_FORMAT, "format", "=csv|jsonl       CSV or JSON lines (default: csv)" },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]), OPTIONS = sizeof(options) / sizeof(options[0]) };

static void
help_options(FILE *stream, unsigned bits)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if ((bits & options[i].bit) != 0)
			(void)fprintf(stream, " [--%s=…]", options[i].name);
	}
	(void)fputc('\n', stream);
}

static void
help(FILE *stream)
{
	(void)fputs("Usage: karma-inspect COMMAND [options] DIR\n\n", stream);
	for (size_t i = 0; i < COMMANDS; i++) {
		(void)fprintf(stream, "    %s %s", commands[i].name, commands[i].path);
		help_options(stream, commands[i].options);
		(void)fprintf(stream, "        %s\n", commands[i].help);
	}
	(void)fputs("\nOptions:\n", stream);
	for (size_t i = 0; i < OPTIONS; i++)
		(void)fprintf(stream, "    --%s%s\n", options[i].name, options[i].help);
	(void)fputs(
	    "    -h, --help                Show this help\n"
	    "    --version                 Show the version\n\n"
	    "DIR is a dump directory; a server may run on it. Exit status: 0 all is sound, 1 damage was found,\n"
	    "2 wrong usage, or input or output failed.\n",
	    stream);
}

/* ---- values ---- */

static enum status
set_epoch(struct inspect *inspect, const char *value)
{
	char *end;

	errno = 0;
	inspect->from_epoch = strtoull(value, &end, 10);
	if (value[0] >= '0' && value[0] <= '9' && *end == '\0' && errno == 0)
		return STATUS_SOUND;
	return failed("--from-epoch must be an integer from 0 to 18446744073709551615, not \"%s\"", value);
}

static enum status
set_format(struct inspect *inspect, const char *value)
{
	inspect->format = strcmp(value, "jsonl") == 0 ? ROW_JSONL : ROW_CSV;
	if (inspect->format == ROW_JSONL || strcmp(value, "csv") == 0)
		return STATUS_SOUND;
	return failed("--format must be csv or jsonl, not \"%s\"", value);
}

static enum status
set_tree(struct inspect *inspect, const char *value)
{
	inspect->tree = value;
	inspect->tree_bytes = strlen(value);
	if (inspect->tree_bytes <= TREE_NAME_BYTES_MAX && utf8_valid(value, inspect->tree_bytes))
		return STATUS_SOUND;
	return failed("--tree must be a tree's name: UTF-8, at most %d bytes", TREE_NAME_BYTES_MAX);
}

static enum status
set_option(struct inspect *inspect, unsigned bit, const char *value)
{
	switch (bit) {
	case OPTION_FROM_EPOCH:
		return set_epoch(inspect, value);
	case OPTION_TREE:
		return set_tree(inspect, value);
	default:
		return set_format(inspect, value);
	}
}

/* ---- arguments ---- */

static const struct command *
command_find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static const struct option *
option_find(const char *argument, size_t bytes)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if (strlen(options[i].name) + 2 == bytes && memcmp(options[i].name, argument + 2, bytes - 2) == 0)
			return &options[i];
	}
	return NULL;
}

/* --name=value or --name value; moves *at to the last argument used. */
static enum status
parse_option(const struct command *command, char ***at, struct inspect *inspect)
{
	const char *argument = **at;
	size_t bytes = strcspn(argument, "=");
	const struct option *option = bytes > 2 ? option_find(argument, bytes) : NULL;

	if (option == NULL)
		return failed("%.*s is not a valid option (see --help)", (int)bytes, argument);
	if ((command->options & option->bit) == 0)
		return failed("--%s is no option of %s (see --help)", option->name, command->name);
	const char *value = argument[bytes] == '=' ? argument + bytes + 1 : *++*at;

	if (value == NULL)
		return failed("--%s needs a value (see --help)", option->name);
	return set_option(inspect, option->bit, value);
}

static enum status
parse(const struct command *command, char **at, struct inspect *inspect)
{
	bool only_paths = false;

	for (; *at != NULL; at++) {
		if (!only_paths && strcmp(*at, "--") == 0) {
			only_paths = true;
		} else if (!only_paths && (*at)[0] == '-' && (*at)[1] != '\0') {
			if (parse_option(command, &at, inspect) != STATUS_SOUND)
				return STATUS_FAILED;
		} else if (inspect->path != NULL) {
			return failed("Unexpected argument \"%s\": %s takes one %s", *at, command->name, command->path);
		} else {
			inspect->path = *at;
		}
	}
	if (inspect->path == NULL || inspect->path[0] == '\0')
		return failed("%s needs a %s (see --help)", command->name, command->path);
	return STATUS_SOUND;
}

static bool
is_given(char **arguments, const char *letter, const char *name)
{
	for (; *arguments != NULL && strcmp(*arguments, "--") != 0; arguments++) {
		if (strcmp(*arguments, letter) == 0 || strcmp(*arguments, name) == 0)
			return true;
	}
	return false;
}

static enum status
run(char **arguments)
{
	struct inspect inspect = { .format = ROW_CSV };
	const struct command *command = command_find(arguments[0]);

	if (command == NULL)
		return failed("%s is no command: list, verify, records, export or import (see --help)", arguments[0]);
	enum status status = parse(command, arguments + 1, &inspect);

	return status == STATUS_SOUND ? command->run(&inspect) : status;
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		help(stderr);
		return STATUS_FAILED;
	}
	if (is_given(argv + 1, "-h", "--help"))
		help(stdout);
	else if (is_given(argv + 1, "--version", "--version"))
		(void)printf("karma-inspect %s\n", KARMA_VERSION);
	else
		return (int)run(argv + 1);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : STATUS_FAILED;
}
