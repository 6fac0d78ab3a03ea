/* Only what is known to be this machine is taken for it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/address.h"

static void
local_addresses_are_told(void **state)
{
	static const char *const local[] = { "127.0.0.1", "127.1.2.3",       "127.255.255.255",
		                             "::1",       "0:0:0:0:0:0:0:1", "localhost" };
	static const char *const others[] = { "0.0.0.0",
		                              "::",
		                              "128.0.0.1",
		                              "126.255.255.255",
		                              "::2",
		                              "127.evil.com",
		                              "127.0.0.1.example.com",
		                              "localhost.example.com",
		                              "db",
		                              "" };

	(void)state;
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
		if (!address_is_local(local[i]))
			fail_msg("not local: %s", local[i]);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (address_is_local(others[i]))
			fail_msg("local: %s", others[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(local_addresses_are_told) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
