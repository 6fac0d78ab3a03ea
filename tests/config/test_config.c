/* Options are read as the original read them; whatever is wrong is told in one line naming option, value and range. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/cpus.h"
#include "config/option.h"

enum { ARGUMENTS_MAX = OPTION_COUNT + 8 };

static struct config config;
static struct config_fault fault;
static char *no_environment[] = { NULL };

/* Parses arguments divided by blanks. */
static int
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

static int
parse(const char *arguments)
{
	return parse_with(arguments, no_environment);
}

static void
assert_fault(const char *arguments, const char *text)
{
	if (parse(arguments) != -1)
		fail_msg("accepted: %s", arguments);
	assert_string_equal(fault.text, text);
}

static void
defaults_are_the_documented_ones(void **state)
{
	(void)state;
	assert_int_equal(parse(""), 0);
	assert_string_equal(config.bind, "0.0.0.0");
	assert_int_equal(config.port, 8080);
	assert_string_equal(config.directory, ".");
	assert_true(config.restore);
	assert_true(config.nodelay);
	assert_int_equal(config.workers, cpus_usable());
	assert_null(config.cpus);
	assert_int_equal(config.cpu_count, 0);
	assert_null(config.unix_socket);
	assert_int_equal(config.unix_socket_mode, 0660);
	assert_string_equal(config.timezone, "UTC");
	assert_int_equal(config.max_request_bytes, 65536);
	assert_int_equal(config.max_response_bytes, 67108864);
	assert_int_equal(config.max_clients, 10000);
	assert_int_equal(config.max_trees, 100000);
	assert_int_equal(config.idle_timeout_s, 0);
	assert_int_equal(config.write_timeout_s, 60);
	assert_int_equal(config.query_timeout_ms, 1000);
	assert_int_equal(config.shutdown_timeout_s, 5);
	assert_int_equal(config.dump_retention_per_tree, 5);
	assert_false(config.restore_skip_damaged);
	assert_true(config.wal);
	assert_int_equal(config.wal_fsync, CONFIG_FSYNC_TRUE);
	assert_int_equal(config.wal_segment_bytes, 67108864);
	assert_int_equal(config.wal_max_bytes, 1073741824);
	assert_int_equal(config.wal_batch_wait_us, 0);
	assert_false(config.wal_truncate_at_damage);
	assert_int_equal(config.log_level, LOG_INFO);
	assert_int_equal(config.log_format, LOG_TEXT);
	assert_false(config.help || config.version);
}

static void
every_form_of_the_original_works(void **state)
{
	static const char *const forms[] = { "-p 7", "-p7", "--port=7", "--port 7", "-p 1 --port=2 -p7" };

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		assert_int_equal(parse(forms[i]), 0);
		assert_int_equal(config.port, 7);
	}
	assert_int_equal(parse("-b ::1 -d /tmp -r false -nfalse"), 0);
	assert_string_equal(config.bind, "::1");
	assert_string_equal(config.directory, "/tmp");
	assert_false(config.restore || config.nodelay);
	assert_int_equal(parse("-h"), 0);
	assert_true(config.help);
	assert_int_equal(parse("--version"), 0);
	assert_true(config.version);
}

static void
every_option_of_ours_is_read(void **state)
{
	(void)state;
	assert_int_equal(parse("--workers=3 --unix-socket=/s --unix-socket-mode=600 --timezone=local --max-clients=7"),
	                 0);
	assert_int_equal(config.workers, 3);
	assert_string_equal(config.unix_socket, "/s");
	assert_int_equal(config.unix_socket_mode, 0600);
	assert_string_equal(config.timezone, "local");
	assert_int_equal(config.max_clients, 7);
	assert_int_equal(parse("--max-trees=1 --idle-timeout=2 --write-timeout=3 --shutdown-timeout=4"), 0);
	assert_int_equal(config.max_trees, 1);
	assert_int_equal(config.idle_timeout_s, 2);
	assert_int_equal(config.write_timeout_s, 3);
	assert_int_equal(config.shutdown_timeout_s, 4);
	assert_int_equal(parse("--query-timeout-ms=0"), 0);
	assert_int_equal(config.query_timeout_ms, 0);
	assert_int_equal(parse("--read-timeout 9 --dump-retention-per-tree=0 --restore-skip-damaged=true"), 0);
	assert_int_equal(config.idle_timeout_s, 9);
	assert_int_equal(config.dump_retention_per_tree, 0);
	assert_true(config.restore_skip_damaged);
	assert_int_equal(parse("--log-level=debug --log-format json"), 0);
	assert_int_equal(config.log_level, LOG_DEBUG);
	assert_int_equal(config.log_format, LOG_JSON);
	assert_int_equal(parse("-w false --wal-fsync=everysec --wal-segment-bytes=64KiB --wal-max-bytes=2GiB"), 0);
	assert_false(config.wal);
	assert_int_equal(config.wal_fsync, CONFIG_FSYNC_EVERYSEC);
	assert_int_equal(config.wal_segment_bytes, 65536);
	assert_int_equal(config.wal_max_bytes, 2147483648);
	assert_int_equal(parse("--wal=true --wal-fsync=false --wal-batch-wait-us=7 --wal-truncate-at-damage=true"), 0);
	assert_true(config.wal && config.wal_truncate_at_damage);
	assert_int_equal(config.wal_fsync, CONFIG_FSYNC_FALSE);
	assert_int_equal(config.wal_batch_wait_us, 7);
}

static void
sizes_take_units(void **state)
{
	(void)state;
	assert_int_equal(parse("--max-request-bytes=128 --max-response-bytes=1GiB"), 0);
	assert_int_equal(config.max_request_bytes, 128);
	assert_int_equal(config.max_response_bytes, 1073741824);
	assert_int_equal(parse("--max-request-bytes=3KiB --max-response-bytes=2MiB"), 0);
	assert_int_equal(config.max_request_bytes, 3072);
	assert_int_equal(config.max_response_bytes, 2097152);
}

static void
bad_values_are_named_with_their_range(void **state)
{
	(void)state;
	assert_fault("--port=99999", "--port must be an integer from 0 to 65535, not \"99999\"");
	assert_fault("-p 65536", "-p must be an integer from 0 to 65535, not \"65536\"");
	assert_fault("-p", "-p needs a value: an integer from 0 to 65535");
	assert_fault("--port", "--port needs a value: an integer from 0 to 65535");
	assert_fault("--port=", "--port must be an integer from 0 to 65535, not \"\"");
	assert_fault("--port=-1", "--port must be an integer from 0 to 65535, not \"-1\"");
	assert_fault("--port=+1", "--port must be an integer from 0 to 65535, not \"+1\"");
	assert_fault("--port=0x1", "--port must be an integer from 0 to 65535, not \"0x1\"");
	assert_fault("--port=18446744073709551617",
	             "--port must be an integer from 0 to 65535, not \"18446744073709551617\"");
	assert_fault("--workers=0", "--workers must be an integer from 1 to 256, not \"0\"");
	assert_fault("--workers=257", "--workers must be an integer from 1 to 256, not \"257\"");
	assert_fault("--restore=yes", "--restore must be true or false, not \"yes\"");
	assert_fault("-nTRUE", "-n must be true or false, not \"TRUE\"");
	assert_fault("--bind=", "--bind must be a text that is not empty, not \"\"");
	assert_fault("--unix-socket-mode=0778",
	             "--unix-socket-mode must be an octal mode from 0 to 0777, not \"0778\"");
	assert_fault("--unix-socket-mode=1000",
	             "--unix-socket-mode must be an octal mode from 0 to 0777, not \"1000\"");
	assert_fault("--max-request-bytes=127",
	             "--max-request-bytes must be a size from 128 to 1GiB, in bytes, KiB, MiB or GiB, not \"127\"");
	assert_fault("--max-request-bytes=1025MiB",
	             "--max-request-bytes must be a size from 128 to 1GiB, in bytes, KiB, MiB or GiB, not \"1025MiB\"");
	assert_fault("--max-request-bytes=64kb",
	             "--max-request-bytes must be a size from 128 to 1GiB, in bytes, KiB, MiB or GiB, not \"64kb\"");
	/* 2^54 KiB is 2^64 bytes */
	assert_fault("--max-request-bytes=18014398509481985KiB",
	             "--max-request-bytes must be a size from 128 to 1GiB, in bytes, "
	             "KiB, MiB or GiB, not \"18014398509481985KiB\"");
	assert_fault("--log-level=loud", "--log-level must be none, error, warn, info or debug, not \"loud\"");
	assert_fault("--wal-fsync=no", "--wal-fsync must be true, everysec or false, not \"no\"");
	assert_fault("--wal-segment-bytes=17GiB",
	             "--wal-segment-bytes must be a size from 0 to 16GiB, in bytes, KiB, MiB or GiB, not \"17GiB\"");
	assert_fault("--log-format=xml", "--log-format must be text or json, not \"xml\"");
	assert_fault("--read-timeout=x", "--read-timeout must be an integer from 0 to 31536000, not \"x\"");
	assert_fault("--help=1", "--help must be given without a value, not \"1\"");
	assert_fault("--port=\x1b[2J", "--port must be an integer from 0 to 65535, not \"?[2J\"");
	assert_false(fault.show_help);
}

static void
options_of_upstream_are_accepted_or_told(void **state)
{
	(void)state;
	assert_int_equal(parse("--role=master --replication-token= --wal-batch-size=1024"), 0);
	assert_int_equal(config.warning_count, 1);
	assert_non_null(strstr(config.warnings[0], "wal-batch-size has no effect"));
	assert_int_equal(parse("--wal-segment-bytes=0 --max-response-bytes=0"), 0);
	assert_int_equal(config.wal_segment_bytes, 64 << 20);
	assert_int_equal(config.max_response_bytes, 1 << 30);
	assert_int_equal(config.warning_count, 1);
	assert_int_equal(parse("--max-response-bytes=127"), 0);
	assert_int_equal(config.max_response_bytes, 128);
	assert_int_equal(config.warning_count, 1);
	assert_int_equal(parse("--wal-segment-bytes=65535"), 0);
	assert_int_equal(config.wal_segment_bytes, 65536);
	assert_int_equal(config.warning_count, 1);
	assert_int_equal(parse("--wal-segment-bytes=64KiB --log=true"), 0);
	assert_int_equal(config.warning_count, 0);
	assert_int_equal(config.log_level, LOG_INFO);
	assert_int_equal(parse("--log-level=debug --log=false"), 0);
	assert_int_equal(config.log_level, LOG_NONE);
	assert_int_equal(parse("--log-level=none"), 0);
	assert_int_equal(config.log_level, LOG_NONE);
	assert_fault("--role=slave", "--role must be master (Replication is not configured), not \"slave\"");
	assert_fault("--replication-token=secret",
	             "--replication-token must be left out or empty (Replication is not configured)");
	assert_fault("--wal-batch-size=x", "--wal-batch-size must be an integer from 0 to 4294967295, not \"x\"");
}

static void
find_secret(void *context, const char *name, const char *value)
{
	bool *found = context;

	(void)name;
	*found |= strstr(value, "secret") != NULL;
}

/* Tokens are kept, and shown nowhere. */
static void
tokens_are_not_shown(void **state)
{
	char *empty[] = { (char[]){ "KARMA_AUTH_TOKEN=" }, NULL };
	bool found = false;

	(void)state;
	assert_int_equal(parse("--auth-token=secret1 --read-auth-token=secret2"), 0);
	assert_string_equal(config.auth_token, "secret1");
	assert_string_equal(config.read_auth_token, "secret2");
	config_each(&config, find_secret, &found);
	assert_false(found);
	assert_int_equal(parse("--auth-token-file=/f"), 0);
	assert_string_equal(config.auth_token_file, "/f");
	assert_null(config.auth_token);
	assert_int_equal(parse_with("", empty), 0);
	assert_null(config.auth_token);
	assert_fault("--auth-token=secret --auth-token-file=/f",
	             "--auth-token and --auth-token-file exclude each other");
}

/* Whoever meant to give one has none. */
static void
empty_tokens_are_refused(void **state)
{
	char *empty[] = { (char[]){ "KARMA_AUTH_TOKEN=" }, (char[]){ "KARMA_READ_AUTH_TOKEN=" },
		          (char[]){ "KARMA_AUTH_TOKEN_FILE=" }, NULL };

	(void)state;
	assert_fault("--auth-token=", "--auth-token must not be empty: leave it out to have none");
	assert_fault("--read-auth-token=", "--read-auth-token must not be empty: leave it out to have none");
	assert_fault("--auth-token-file=", "--auth-token-file must not be empty: leave it out to have none");
	assert_int_equal(parse_with("", empty), 0);
	assert_null(config.auth_token);
	assert_null(config.read_auth_token);
	assert_null(config.auth_token_file);
}

static void
tokens_of_the_command_line_win(void **state)
{
	char *token[] = { (char[]){ "KARMA_AUTH_TOKEN=secret" }, NULL };
	char *file[] = { (char[]){ "KARMA_AUTH_TOKEN_FILE=/f" }, NULL };
	char *both[] = { token[0], file[0], NULL };

	(void)state;
	assert_int_equal(parse_with("--auth-token-file=/g", token), 0);
	assert_null(config.auth_token);
	assert_string_equal(config.auth_token_file, "/g");
	assert_int_equal(parse_with("--auth-token=mine", file), 0);
	assert_string_equal(config.auth_token, "mine");
	assert_null(config.auth_token_file);
	assert_int_equal(parse_with("", both), -1);
	assert_string_equal(fault.text, "--auth-token and --auth-token-file exclude each other");
	assert_int_equal(parse_with("--auth-token=mine", both), 0);
}

static void
tokens_that_no_request_can_hold_are_refused(void **state)
{
	char *environment[] = { (char[]){ "KARMA_AUTH_TOKEN=a\tb" }, NULL };

	(void)state;
	assert_fault("--auth-token=a\xff", "No request can hold the token of --auth-token: it is not valid UTF-8");
	assert_fault("--read-auth-token=a\x7f",
	             "No request can hold the token of --read-auth-token: it holds control characters");
	assert_int_equal(parse_with("", environment), -1);
	assert_string_equal(fault.text, "No request can hold the token of --auth-token: it holds control characters");
	assert_int_equal(parse("--auth-token=\xc3\xa9"), 0);
}

static void
zones_are_looked_up(void **state)
{
	(void)state;
	assert_int_equal(parse("--timezone=Europe/Berlni"), -1);
	assert_non_null(strstr(fault.text, "--timezone must be UTC, local or "));
	assert_non_null(strstr(fault.text, ", not \"Europe/Berlni\""));
	assert_int_equal(setenv("TZDIR", "/nonexistent", 1), 0);
	assert_fault("--timezone=Europe/Berlin",
	             "--timezone must be UTC or local, since there is no zone database in /nonexistent "
	             "(package tzdata), not \"Europe/Berlin\"");
	assert_int_equal(unsetenv("TZDIR"), 0);
}

static void
what_is_no_option_is_told(void **state)
{
	(void)state;
	assert_fault("--x", "--x is not a valid option.");
	assert_true(fault.show_help);
	assert_fault("--secret=word", "--secret is not a valid option.");
	assert_fault("-x", "-x is not a valid option.");
	assert_fault("--por=1", "--por is not a valid option.");
	assert_fault("--ports=1", "--ports is not a valid option.");
	assert_true(fault.show_help);
	assert_fault("stray", "Unexpected argument \"stray\": options begin with -");
	assert_false(fault.show_help);
	assert_fault("-p 1 -", "Unexpected argument \"-\": options begin with -");
	assert_fault("--", "Unexpected argument \"--\": options begin with -");
}

static void
long_values_are_cut_in_faults(void **state)
{
	char arguments[2048] = "--port=";

	(void)state;
	memset(arguments + 7, 'x', 2000);
	assert_int_equal(parse(arguments), -1);
	assert_true(strlen(fault.text) < 200);
	assert_non_null(strstr(fault.text, "x...\""));
	memset(arguments + 2, 'x', 2000);
	assert_int_equal(parse(arguments), -1);
	assert_true(strlen(fault.text) < 200);
}

static void
the_environment_counts_where_the_command_line_is_silent(void **state)
{
	char *environment[] = { (char[]){ "KARMA_PORT=7" }, (char[]){ "KARMA_HOST=::1" },
		                (char[]){ "KARMA_UNIX_SOCKET=" }, (char[]){ "KARMA_PORTS=x" }, NULL };
	char *wrong[] = { (char[]){ "KARMA_PORT=99999" }, NULL };

	(void)state;
	assert_int_equal(parse_with("", environment), 0);
	assert_int_equal(config.port, 7);
	assert_string_equal(config.bind, "::1");
	assert_null(config.unix_socket);
	assert_int_equal(parse_with("-p 9", environment), 0);
	assert_int_equal(config.port, 9);
	assert_string_equal(config.bind, "::1");
	assert_int_equal(parse_with("", wrong), -1);
	assert_string_equal(fault.text, "KARMA_PORT must be an integer from 0 to 65535, not \"99999\"");
	assert_int_equal(parse_with("-p 9", wrong), 0);
	assert_int_equal(parse_with("--help", wrong), 0);
}

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
		cmocka_unit_test(defaults_are_the_documented_ones),
		cmocka_unit_test(every_form_of_the_original_works),
		cmocka_unit_test(every_option_of_ours_is_read),
		cmocka_unit_test(sizes_take_units),
		cmocka_unit_test(bad_values_are_named_with_their_range),
		cmocka_unit_test(options_of_upstream_are_accepted_or_told),
		cmocka_unit_test(zones_are_looked_up),
		cmocka_unit_test(what_is_no_option_is_told),
		cmocka_unit_test(long_values_are_cut_in_faults),
		cmocka_unit_test(the_environment_counts_where_the_command_line_is_silent),
		cmocka_unit_test(tokens_are_not_shown),
		cmocka_unit_test(empty_tokens_are_refused),
		cmocka_unit_test(tokens_of_the_command_line_win),
		cmocka_unit_test(tokens_that_no_request_can_hold_are_refused),
		cmocka_unit_test(every_option_has_its_environment_name),
		cmocka_unit_test(help_begins_as_the_original_did),
		cmocka_unit_test(options_in_force_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
