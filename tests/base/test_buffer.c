/* The buffer keeps to its bound, and after a failed append adds nothing until it is truncated. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buffer.h"

static void
keeps_to_its_bound(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 1000);
	for (int i = 0; i < 100; i++)
		buffer_append_literal(&buffer, "0123456789");
	assert_false(buffer.failed);
	assert_int_equal(buffer.bytes, 1000);
	buffer_append_byte(&buffer, 'x');
	assert_true(buffer.failed && buffer.full);
	assert_int_equal(buffer.bytes, 1000);
	buffer_deinit(&buffer);
}

static void
a_failed_append_sticks(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 4);
	buffer_append_literal(&buffer, "ab");
	buffer_append_literal(&buffer, "cde");
	buffer_append_literal(&buffer, "f");
	assert_true(buffer.failed);
	assert_int_equal(buffer.bytes, 2);
	buffer_truncate(&buffer, 1);
	assert_false(buffer.full);
	buffer_append_literal(&buffer, "xyz");
	assert_false(buffer.failed);
	assert_memory_equal(buffer.data, "axyz", 4);
	buffer_deinit(&buffer);
}

static void
writes_numbers_in_decimal(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, SIZE_MAX);
	buffer_append_u64(&buffer, 0);
	buffer_append_byte(&buffer, ' ');
	buffer_append_u64(&buffer, UINT64_MAX);
	assert_int_equal(buffer.bytes, 22);
	assert_memory_equal(buffer.data, "0 18446744073709551615", 22);
	buffer_deinit(&buffer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_to_its_bound),
		cmocka_unit_test(a_failed_append_sticks),
		cmocka_unit_test(writes_numbers_in_decimal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
