/* The guess about ck_hs's private layout is right on this build's Concurrency Kit, so batches do prefetch. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/prefetch.h"

static void
layout_is_as_we_think(void **state)
{
	(void)state;
	assert_true(prefetch_check());
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(layout_is_as_we_think) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
