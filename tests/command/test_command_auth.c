/* Who may do what, by the token sent. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "command/command_auth.h"

static enum command_right
right(const struct command_auth *auth, const char *token)
{
	return command_auth_right(auth, (struct text){ .data = token, .bytes = strlen(token) });
}

static void
without_tokens_all_is_allowed(void **state)
{
	const struct command_auth none = command_auth_of(NULL, NULL), empty = command_auth_of("", "");

	(void)state;
	assert_false(command_auth_is_needed(&none));
	assert_false(command_auth_is_needed(&empty));
	assert_int_equal(right(&none, ""), RIGHT_ALL);
	assert_int_equal(right(&empty, "x"), RIGHT_ALL);
}

static void
one_token_alone_is_enough(void **state)
{
	const struct command_auth all = command_auth_of("secret", NULL), read = command_auth_of(NULL, "reader");

	(void)state;
	assert_true(command_auth_is_needed(&all));
	assert_int_equal(right(&all, "secret"), RIGHT_ALL);
	assert_int_equal(right(&all, ""), RIGHT_NONE);
	assert_true(command_auth_is_needed(&read));
	assert_int_equal(right(&read, "reader"), RIGHT_READ);
	assert_int_equal(right(&read, "secret"), RIGHT_NONE);
}

/* Every byte counts, and so does the length. */
static void
tokens_are_compared_whole(void **state)
{
	static const char secret[] = "secret";
	const struct command_auth auth = command_auth_of(secret, "reader");
	char token[sizeof(secret)];

	(void)state;
	assert_int_equal(right(&auth, "secret"), RIGHT_ALL);
	assert_int_equal(right(&auth, "reader"), RIGHT_READ);
	assert_int_equal(right(&auth, "secre"), RIGHT_NONE);
	assert_int_equal(right(&auth, "secrets"), RIGHT_NONE);
	assert_int_equal(right(&auth, "secretsecret"), RIGHT_NONE);
	for (size_t i = 0; i < sizeof(secret) - 1; i++) {
		memcpy(token, secret, sizeof(secret));
		token[i] ^= 1;
		assert_int_equal(right(&auth, token), RIGHT_NONE);
	}
}

static void
one_text_for_both_allows_all(void **state)
{
	const struct command_auth auth = command_auth_of("same", "same");

	(void)state;
	assert_int_equal(right(&auth, "same"), RIGHT_ALL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_tokens_all_is_allowed),
		cmocka_unit_test(one_token_alone_is_enough),
		cmocka_unit_test(tokens_are_compared_whole),
		cmocka_unit_test(one_text_for_both_allows_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
