/* Options are read as the original read them; whatever is wrong is told in one line naming option, value and range. */
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
