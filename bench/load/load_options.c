#include "load/load_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "load/load_option_table.h"
#include "load/load_parse.h"
#include "load/load_slices.h"

struct entry {
	struct load_option option; /* what its parser gets */
	char letter;
	const char *value; /* NULL: takes none */
	bool (*parse)(const struct load_option *option, char *text, struct load_options *ret);
	const char *help;
};

#define ENTRY(name, letter, value, parse, min, max, field, help) \
	{ { name, min, max, offsetof(struct load_options, field) }, letter, value, parse, help },

static const struct entry entries[] = { LOAD_OPTION_TABLE(ENTRY) };

enum {
	ENTRY_COUNT = sizeof(entries) / sizeof(entries[0]),
	ID_FIRST = 256, /* of an option for getopt_long(): this and its index, letters being below */
	HELP_COLUMN = 28,
};

static void
print_help(void)
{
	(void)printf("Usage: karma-load [options]\n"
	             "Loads a server of counters and measures it. Exit status 1 when a reply was wrong or missing,\n"
	             "2 for a bad option.\n\n");
	for (unsigned i = 0; i < ENTRY_COUNT; i++) {
		const struct entry *entry = &entries[i];
		int column = 0;

		if (entry->letter != 0)
			column += printf("  -%c, ", entry->letter);
		else
			column += printf("      ");
		column += printf("--%s%s%s", entry->option.name, entry->value != NULL ? "=" : "",
		                 entry->value != NULL ? entry->value : "");
		for (const char *line = entry->help; *line != '\0';) {
			const size_t bytes = strcspn(line, "\n");

			(void)printf("%*s%.*s\n", HELP_COLUMN > column ? HELP_COLUMN - column : 1, "", (int)bytes,
			             line);
			line += bytes + (line[bytes] == '\n' ? 1 : 0);
			column = 0;
		}
	}
}

static void
make_getopt_tables(struct option long_options[ENTRY_COUNT + 1], char letters[2 * ENTRY_COUNT + 1])
{
	char *at = letters;

	for (int i = 0; i < ENTRY_COUNT; i++) {
		const struct entry *entry = &entries[i];
		const bool takes_value = entry->value != NULL;

		long_options[i] = (struct option){ .name = entry->option.name,
			                           .has_arg = takes_value ? required_argument : no_argument,
			                           .val = ID_FIRST + i };
		if (entry->letter != 0) {
			*at++ = entry->letter;
			if (takes_value)
				*at++ = ':';
		}
	}
	long_options[ENTRY_COUNT] = (struct option){ 0 };
	*at = '\0';
}

static const struct entry *
find_entry(int id)
{
	for (int i = 0; i < ENTRY_COUNT; i++) {
		if (id == ID_FIRST + i || (entries[i].letter != 0 && id == entries[i].letter))
			return &entries[i];
	}
	return NULL;
}

static bool
complain(const char *what)
{
	(void)fprintf(stderr, "karma-load: %s\n", what);
	return false;
}

static bool
finish(struct load_options *options)
{
	options->language = load_language_find(options->protocol_name, options->command_name);
	if (options->language == NULL)
		return complain("no such --protocol, or it has no such --command; see --help");
	if (options->threads > options->connections)
		return complain("more --threads than --connections");
	if (options->key_choice == LOAD_ZIPF && options->keys > LOAD_ZIPF_KEYS_MAX)
		return complain("--distribution=zipf: more than 2^53 --keys");
	if (options->slice_s == 0)
		options->slice_s = options->duration_s > LOAD_SLICES_MAX ? options->duration_s / LOAD_SLICES_MAX : 1;
	if (options->requests == 0 && options->duration_s / options->slice_s > LOAD_SLICES_MAX)
		return complain("--slice: more than 1000 slices in the --duration");
	return true;
}

bool
load_options_parse(int argc, char **argv, struct load_options *ret, int *ret_status)
{
	struct option long_options[ENTRY_COUNT + 1];
	char letters[2 * ENTRY_COUNT + 1];
	int id;

	*ret = (struct load_options){ .host = "127.0.0.1",
		                      .port = "8080",
		                      .protocol_name = "v1",
		                      .connections = 50,
		                      .depth = 16,
		                      .threads = 1,
		                      .percent = { [LOAD_ADD] = 100 },
		                      .keys = 100000,
		                      .distribution = "uniform",
		                      .seed = 1,
		                      .tree = "load",
		                      .duration_s = 10,
		                      .warmup_s = 1 };
	make_getopt_tables(long_options, letters);
	*ret_status = 2;
	/* No other thread runs yet. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	while ((id = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		const struct entry *entry = find_entry(id);

		if (entry == NULL)
			return false; /* getopt_long() has said why */
		if (entry->parse == NULL) {
			print_help();
			*ret_status = 0;
			return false;
		}
		if (!entry->parse(&entry->option, optarg, ret))
			return false;
	}
	if (optind < argc) {
		(void)fprintf(stderr, "karma-load: %s: not an option; see --help\n", argv[optind]);
		return false;
	}
	return finish(ret);
}
