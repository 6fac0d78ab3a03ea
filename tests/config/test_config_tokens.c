/* Tokens are never shown, and one that could not be sent is refused. */
#include "parsing.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_not_shown),
		cmocka_unit_test(empty_tokens_are_refused),
		cmocka_unit_test(tokens_of_the_command_line_win),
		cmocka_unit_test(tokens_that_no_request_can_hold_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
