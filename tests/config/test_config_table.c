/* What the table of options says is what help, environment and log say. */
#include "parsing.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/cpus.h"

/* Upstream's names where it has the option; and each name works. */
static void
every_option_has_its_environment_name(void **state)
{
	static const char *const expected[][2] = {
		{ "bind", "KARMA_HOST" },
		{ "port", "KARMA_PORT" },
		{ "directory", "KARMA_DUMP_DIR" },
		{ "restore", "KARMA_RESTORE" },
		{ "nodelay", "KARMA_TCP_NODELAY" },
		{ "max-request-bytes", "KARMA_MAX_REQUEST_BYTES" },
		{ "max-response-bytes", "KARMA_MAX_RESPONSE_BYTES" },
		{ "idle-timeout", "KARMA_READ_TIMEOUT_SECONDS" },
		{ "write-timeout", "KARMA_WRITE_TIMEOUT_SECONDS" },
		{ "query-timeout-ms", "KARMA_QUERY_TIMEOUT_MS" },
		{ "shutdown-timeout", "KARMA_SHUTDOWN_TIMEOUT_SECONDS" },
		{ "dump-retention-per-tree", "KARMA_DUMP_RETENTION_PER_TREE" },
		{ "idempotency-max-records", "KARMA_IDEMPOTENCY_MAX_RECORDS" },
		{ "idempotency-max-age-seconds", "KARMA_IDEMPOTENCY_MAX_AGE_SECONDS" },
		{ "auth-token", "KARMA_AUTH_TOKEN" },
		{ "read-auth-token", "KARMA_READ_AUTH_TOKEN" },
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_string_equal(option_find(expected[i][0], strlen(expected[i][0]))->environment, expected[i][1]);
	OPTION_EACH (option) {
		char *environment[] = { text, NULL };

		if (option->kind == VALUE_FLAG)
			continue;
		(void)snprintf(text, sizeof(text), "%s=\x01", option->environment);
		int r = parse_with("", environment);

		if (option->kind == VALUE_TEXT || option->kind == VALUE_OPTIONAL)
			assert_int_equal(r, 0);
		else if (option->kind == VALUE_SECRET)
			assert_non_null(strstr(fault.text, "holds control characters"));
		else if (r != -1 || strncmp(fault.text, option->environment, strlen(option->environment)) != 0)
			fail_msg("%s is not read", option->environment);
	}
}

static void
help_begins_as_the_original_did(void **state)
{
	static const char original[] =
	    "Usage: karma [arguments]\n"
	    "    -b host, --bind=host             Host to bind (default: 0.0.0.0)\n"
	    "    -p port, --port=port             Port to listen for connection (default: 8080)\n"
	    "    -d path, --directory=path        Directory for storing and loading dumps (default: .)\n"
	    "    -r flag, --restore=flag          Load last state from dumps (default: true)\n"
	    "    -n flag, --nodelay=flag          Disable Nagle's algorithm (default: true)\n"
	    "    -h, --help                       Show this help\n";
	char *text = NULL;
	size_t bytes = 0;
	FILE *stream = open_memstream(&text, &bytes);

	(void)state;
	assert_non_null(stream);
	config_help(stream);
	assert_int_equal(fclose(stream), 0);
	assert_memory_equal(text, original, sizeof(original) - 1);
	OPTION_EACH (option) {
		char name[64];

		(void)snprintf(name, sizeof(name), "--%s", option->name);
		assert_non_null(strstr(text, name));
		assert_true(option->environment == NULL || strstr(text, option->environment) != NULL);
	}
	free(text);
}

static void
append_option(void *context, const char *name, const char *value)
{
	char *text = context;

	if (strstr(name, "auth-token") != NULL)
		return; /* not shown, and an empty one is refused */
	(void)snprintf(text + strlen(text), 4096 - strlen(text), "--%s=%s ", name, value);
}

/* What the log shows can be given back as arguments, but for tokens, and means the same. */
static void
options_in_force_read_back(void **state)
{
	char text[4096] = "";
	char again[4096] = "";
	char arguments[256];
	char cpus[64];

	(void)state;
	cpus_describe_allowed(cpus, sizeof(cpus));
	(void)snprintf(arguments, sizeof(arguments),
	               "-p0 --cpus=%s --workers=2 --max-request-bytes=1000 --unix-socket-mode=600", cpus);
	assert_int_equal(parse(arguments), 0);
	config_each(&config, append_option, text);
	assert_non_null(strstr(text, "--max-request-bytes=1000 --max-response-bytes=64MiB "));
	assert_non_null(strstr(text, "--unix-socket-mode=0600 "));
	assert_int_equal(parse(text), 0);
	config_each(&config, append_option, again);
	assert_string_equal(text, again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_has_its_environment_name),
		cmocka_unit_test(help_begins_as_the_original_did),
		cmocka_unit_test(options_in_force_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
