/* The pool hands out what it got back, keeps neither large blocks nor more than its bound. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "net/pool.h"

static void
hands_out_what_came_back(void **state)
{
	struct pool pool = { 0 };
	struct buffer first;
	struct buffer second;

	(void)state;
	buffer_init(&first, SIZE_MAX);
	buffer_init(&second, SIZE_MAX);
	assert_true(pool_get(&pool, &first));
	assert_true(first.capacity >= POOL_BLOCK_BYTES);
	const char *data = first.data;

	buffer_append_literal(&first, "something");
	pool_put(&pool, &first);
	assert_null(first.data);
	assert_int_equal(first.bytes, 0);
	assert_true(pool_get(&pool, &second));
	assert_ptr_equal(second.data, data);
	assert_int_equal(second.bytes, 0);
	pool_put(&pool, &second);
	pool_put(&pool, &second); /* a buffer without memory is fine */
	pool_deinit(&pool);
}

static void
keeps_grown_blocks_but_no_large_ones(void **state)
{
	struct pool pool = { 0 };
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, SIZE_MAX);
	assert_true(pool_get(&pool, &buffer));
	assert_true(buffer_reserve(&buffer, POOL_BLOCK_BYTES_MAX));
	pool_put(&pool, &buffer);
	assert_int_equal(pool.bytes, POOL_BLOCK_BYTES_MAX);
	assert_true(pool_get(&pool, &buffer));
	assert_int_equal(buffer.capacity, POOL_BLOCK_BYTES_MAX);
	assert_true(buffer_reserve(&buffer, POOL_BLOCK_BYTES_MAX + 1));
	pool_put(&pool, &buffer);
	assert_int_equal(pool.bytes, 0);
	pool_deinit(&pool);
}

static void
keeps_no_more_than_its_bound(void **state)
{
	enum { COUNT = POOL_BYTES_MAX / POOL_BLOCK_BYTES + 10 };
	static struct buffer buffers[COUNT];
	struct pool pool = { 0 };

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		buffer_init(&buffers[i], SIZE_MAX);
		assert_true(pool_get(&pool, &buffers[i]));
	}
	for (int i = 0; i < COUNT; i++)
		pool_put(&pool, &buffers[i]);
	assert_int_equal(pool.bytes, POOL_BYTES_MAX);
	pool_deinit(&pool);
	assert_int_equal(pool.bytes, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hands_out_what_came_back),
		cmocka_unit_test(keeps_grown_blocks_but_no_large_ones),
		cmocka_unit_test(keeps_no_more_than_its_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
