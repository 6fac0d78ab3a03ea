/* A key set knows which keys were added, 0 included, also over many growths and for keys that lie close together. */
#include "tools/key_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void
test_add(void **state)
{
	static const uint64_t steps[] = { 1, 64, 4096, UINT64_C(1) << 32, UINT64_C(0x9e3779b97f4a7c15) };
	struct key_set set = { 0 };

	(void)state;
	for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
		for (uint64_t i = 0; i < 10000; i++)
			assert_int_equal(key_set_add(&set, i * steps[s]), 0);
		for (uint64_t i = 0; i < 10000; i++)
			assert_int_equal(key_set_add(&set, i * steps[s]), 1);
		assert_int_equal(key_set_add(&set, UINT64_MAX), 0);
		key_set_deinit(&set);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_add) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
