/*
 * From defaults, command line and environment to a struct config, by the table in option.c.
 */
#include "config/config.h"

#include <assert.h>
#include <string.h>

#include "config/cpus.h"
#include "config/option.h"
#include "config/token.h"

enum {
	VALUE_SHOWN_MAX = 80,
	WAL_SEGMENT_BYTES_MIN = 64 << 10,
	WAL_SEGMENT_BYTES_PRESET = 64 << 20,
	RESPONSE_BYTES_LEAST = 128,
	RESPONSE_BYTES_MOST = 1 << 30,
};

/* The parser's state: where it stands in argv, and which options it has met. */
struct parser {
	struct config *config;
	struct config_fault *fault;
	char **argument;
	bool given[OPTION_COUNT];
};

static void *
option_target(const struct option *option, struct config *config)
{
	return (char *)config + option->target;
}

/* A value as a fault may show it: one line, not too long. */
static void
value_show(const char *value, char shown[static VALUE_SHOWN_MAX + 4])
{
	size_t bytes = 0;

	for (; value[bytes] != '\0' && bytes < VALUE_SHOWN_MAX; bytes++) {
		unsigned char byte = (unsigned char)value[bytes];

		shown[bytes] = byte < 0x20 || byte == 0x7f ? '?' : value[bytes];
	}
	(void)snprintf(shown + bytes, 4, "%s", value[bytes] != '\0' ? "..." : "");
}

/* The value of an option, from the place that the fault would name. */
static int
option_set(struct parser *parser, const struct option *option, const char *place, int place_bytes, const char *value)
{
	char expected[256];
	char shown[VALUE_SHOWN_MAX + 4] = "";
	const char *format = "%.*s must be %s, not \"%s\"";

	if (value != NULL && value_parse(option->kind, &option->range, value, option_target(option, parser->config))) {
		parser->given[option - option_table] = true;
		return 0;
	}
	value_describe(option->kind, &option->range, expected, sizeof(expected));
	if (value == NULL)
		format = "%.*s needs a value: %s";
	else if (option->kind == VALUE_ABSENT)
		format = "%.*s must be %s"; /* a token may be meant: not shown */
	else
		value_show(value, shown);
	(void)snprintf(parser->fault->text, sizeof(parser->fault->text), format, place_bytes, place, expected, shown);
	return -1;
}

static int
fault_unknown(struct parser *parser, const char *argument, size_t bytes)
{
	char shown[VALUE_SHOWN_MAX + 4];

	value_show(argument, shown);
	if (bytes < strlen(shown))
		shown[bytes] = '\0';
	(void)snprintf(parser->fault->text, sizeof(parser->fault->text), "%s is not a valid option.", shown);
	parser->fault->show_help = true;
	return -1;
}

/* The value in the next argument, NULL when there is none; a flag has none. */
static const char *
parse_value(struct parser *parser, const struct option *option)
{
	if (option->kind == VALUE_FLAG)
		return "";
	return parser->argument[1] != NULL ? *++parser->argument : NULL;
}

/* None is left out, so an empty one is a mistake, such as a variable that is not set: it would open the server to everyone. An
 * empty variable of the environment means none. */
static bool
is_empty_token(const struct option *option, const char *value)
{
	const bool token = option->kind == VALUE_SECRET || option->target == offsetof(struct config, auth_token_file);

	return token && value != NULL && value[0] == '\0';
}

/* --name=value, --name value, and --name of a flag. */
static int
parse_long(struct parser *parser)
{
	const char *argument = *parser->argument;
	size_t bytes = strcspn(argument, "=");
	const struct option *option = option_find(argument + 2, bytes - 2);

	if (option == NULL)
		return fault_unknown(parser, argument, bytes);
	const char *value = argument[bytes] == '=' ? argument + bytes + 1 : parse_value(parser, option);

	if (is_empty_token(option, value)) {
		(void)snprintf(parser->fault->text, sizeof(parser->fault->text),
		               "--%s must not be empty: leave it out to have none", option->name);
		return -1;
	}
	return option_set(parser, option, argument, (int)bytes, value);
}

/* -p1, -p 1, and -h. */
static int
parse_short(struct parser *parser)
{
	const char *argument = *parser->argument;
	const struct option *option = option_find_letter(argument[1]);

	if (option == NULL)
		return fault_unknown(parser, argument, strlen(argument));
	const char *value = argument[2] != '\0' ? argument + 2 : parse_value(parser, option);

	return option_set(parser, option, argument, 2, value);
}

static int
parse_arguments(struct parser *parser)
{
	char shown[VALUE_SHOWN_MAX + 4];

	for (; *parser->argument != NULL; parser->argument++) {
		const char *argument = *parser->argument;
		int r;

		if (strncmp(argument, "--", 2) == 0 && argument[2] != '\0')
			r = parse_long(parser);
		else if (argument[0] == '-' && argument[1] != '-' && argument[1] != '\0')
			r = parse_short(parser);
		else
			break;
		if (r < 0)
			return r;
	}
	if (*parser->argument == NULL)
		return 0;
	value_show(*parser->argument, shown);
	(void)snprintf(parser->fault->text, sizeof(parser->fault->text),
	               "Unexpected argument \"%s\": options begin with -", shown);
	return -1;
}

static const char *
environment_find(char **environment, const char *name)
{
	size_t bytes = strlen(name);

	for (; *environment != NULL; environment++)
		if (strncmp(*environment, name, bytes) == 0 && (*environment)[bytes] == '=')
			return *environment + bytes + 1;
	return NULL;
}

static int
parse_environment(struct parser *parser, char **environment)
{
	OPTION_EACH (option) {
		const char *name = option->environment;

		if (name == NULL || parser->given[option - option_table])
			continue;
		const char *value = environment_find(environment, name);

		if (value != NULL && option_set(parser, option, name, (int)strlen(name), value) < 0)
			return -1;
	}
	return 0;
}

/* The token and its file are two ways to give one thing: with either on the command line the environment has no say. */
static void
command_line_wins_tokens(struct parser *parser)
{
	const size_t token = (size_t)(option_find("auth-token", strlen("auth-token")) - option_table);
	const size_t file = (size_t)(option_find("auth-token-file", strlen("auth-token-file")) - option_table);

	parser->given[token] = parser->given[file] = parser->given[token] || parser->given[file];
}

static int
check_token(struct parser *parser, const char *option, const char *token)
{
	const char *problem = token == NULL ? NULL : token_problem(token, strlen(token));

	if (problem == NULL)
		return 0;
	(void)snprintf(parser->fault->text, sizeof(parser->fault->text), "No request can hold the token of %s: %s",
	               option, problem);
	return -1;
}

static int
check_tokens(struct parser *parser)
{
	const struct config *config = parser->config;

	if (config->auth_token != NULL && config->auth_token_file != NULL) {
		(void)snprintf(parser->fault->text, sizeof(parser->fault->text),
		               "--auth-token and --auth-token-file exclude each other");
		return -1;
	}
	if (check_token(parser, "--auth-token", config->auth_token) < 0)
		return -1;
	return check_token(parser, "--read-auth-token", config->read_auth_token);
}

/* Workers and CPUs depend on each other, and on the machine: afterwards there is a CPU for each worker, or no list. */
static void
settle_workers(struct config *config)
{
	if (config->cpus != NULL)
		(void)cpus_parse(config->cpus, config->cpu_list, &config->cpu_count); /* it was parsed before */
	if (config->workers == 0)
		config->workers = config->cpu_count > 0 ? (uint32_t)config->cpu_count : cpus_usable();
	if (config->cpu_count == 0)
		return;
	for (size_t worker = config->cpu_count; worker < config->workers; worker++)
		config->cpu_list[worker] = config->cpu_list[worker - config->cpu_count];
	config->cpu_count = config->workers;
}

/* Upstream's start scripts work as they are; what ours does otherwise is told. */
static void
settle_upstream(struct config *config)
{
	if (config->wal_batch_size > 0)
		config->warnings[config->warning_count++] =
		    "wal-batch-size has no effect: a commit takes all that waits";
	if (config->wal_segment_bytes < WAL_SEGMENT_BYTES_MIN) {
		config->warnings[config->warning_count++] =
		    config->wal_segment_bytes == 0 ? "wal-segment-bytes is 64MiB: the log is always in segments"
		                                   : "wal-segment-bytes is 64KiB: smaller segments are not made";
		config->wal_segment_bytes =
		    config->wal_segment_bytes == 0 ? WAL_SEGMENT_BYTES_PRESET : WAL_SEGMENT_BYTES_MIN;
	}
	if (config->max_response_bytes == 0) {
		config->max_response_bytes = RESPONSE_BYTES_MOST;
	} else if (config->max_response_bytes < RESPONSE_BYTES_LEAST) {
		config->warnings[config->warning_count++] = "max-response-bytes is 128: an error has to fit";
		config->max_response_bytes = RESPONSE_BYTES_LEAST;
	}
	if (!config->log)
		config->log_level = LOG_NONE;
}

int
config_parse(int argc, char **argv, char **environment, struct config *ret, struct config_fault *ret_fault)
{
	struct parser parser = { .config = ret, .fault = ret_fault, .argument = argv + (argc > 0) };

	*ret = (struct config){ 0 };
	*ret_fault = (struct config_fault){ 0 };
	OPTION_EACH (option) {
		bool right = option->preset == NULL ||
		             value_parse(option->kind, &option->range, option->preset, option_target(option, ret));

		assert(right);
		(void)right;
	}
	if (parse_arguments(&parser) < 0)
		return -1;
	if (ret->help || ret->version)
		return 0; /* they answer whatever the environment says */
	command_line_wins_tokens(&parser);
	if (parse_environment(&parser, environment) < 0 || check_tokens(&parser) < 0)
		return -1;
	settle_workers(ret);
	settle_upstream(ret);
	return 0;
}

void
config_each(const struct config *config, void (*visit)(void *context, const char *name, const char *value),
            void *context)
{
	char value[4096];

	OPTION_EACH (option) {
		if (option->kind == VALUE_FLAG)
			continue;
		value_format(option->kind, (const char *)config + option->target, value, sizeof(value));
		visit(context, option->name, value);
	}
}
