/* Releases of kernels are compared as numbers, not as text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/kernel.h"

static void
compares_releases_as_numbers(void **state)
{
	(void)state;
	assert_true(kernel_is_supported("6.1.0-18-amd64"));
	assert_true(kernel_is_supported("6.1"));
	assert_true(kernel_is_supported("6.10.3"));
	assert_true(kernel_is_supported("10.0"));
	assert_false(kernel_is_supported("6.0.19"));
	assert_false(kernel_is_supported("5.15.0"));
	assert_false(kernel_is_supported("5.100"));
	assert_false(kernel_is_supported("6"));
	assert_false(kernel_is_supported(""));
	assert_false(kernel_is_supported("unknown"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares_releases_as_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
