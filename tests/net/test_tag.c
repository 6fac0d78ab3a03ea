/* Operation, slot and generation come back as they went in, at all their bounds. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/tag.h"

static void
comes_back_as_it_went_in(void **state)
{
	const uint32_t slots[] = { 0, 1, 4711, TAG_SLOTS - 1 };
	const uint32_t generations[] = { 0, 1, 0x80000000u, UINT32_MAX };

	(void)state;
	for (int operation = OPERATION_ACCEPT; operation <= OPERATION_TIMER; operation++) {
		for (size_t i = 0; i < 4; i++) {
			for (size_t j = 0; j < 4; j++) {
				struct tag tag =
				    tag_unpack(tag_pack((enum operation)operation, slots[i], generations[j]));

				assert_int_equal(tag.operation, operation);
				assert_int_equal(tag.slot, slots[i]);
				assert_int_equal(tag.generation, generations[j]);
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_as_it_went_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
