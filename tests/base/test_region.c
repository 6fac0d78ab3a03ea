/* Blocks of regions do not overlap, are used again, and what was given back by all goes back to the system. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "base/region.h"

enum { KIB = 1024, MIB = 1024 * 1024, MANY = 1000, THREADS = 4, ROUNDS = 200, AT_ONCE = 100 };

static bool maps_fail;

/* What mmap() is called with 64-bit file offsets. */

void *__real_mmap64(void *address, size_t bytes, int protection, int flags, int file, off_t offset); /* NOLINT */
void *__wrap_mmap64(void *address, size_t bytes, int protection, int flags, int file, off_t offset); /* NOLINT */

void *
__wrap_mmap64(void *address, size_t bytes, int protection, int flags, int file, off_t offset) /* NOLINT */
{
	return maps_fail ? MAP_FAILED : __real_mmap64(address, bytes, protection, flags, file, offset);
}

static size_t
virtual_bytes(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu", &pages), 1); /* NOLINT(cert-err34-c) */
	(void)fclose(file);
	return pages * 4096;
}

/* Its first and last words tell of it, so that who writes over it is noticed. */
static void *
block_make(size_t bytes, uint64_t mark)
{
	char *block = region_alloc(bytes);

	assert_non_null(block);
	assert_int_equal((uintptr_t)block % 64, 0);
	memcpy(block, &mark, sizeof(mark));
	memcpy(block + bytes - sizeof(mark), &mark, sizeof(mark));
	return block;
}

static void
block_check(const void *block, size_t bytes, uint64_t mark)
{
	assert_memory_equal(block, &mark, sizeof(mark));
	assert_memory_equal((const char *)block + bytes - sizeof(mark), &mark, sizeof(mark));
}

static void
test_many(size_t bytes)
{
	static void *blocks[MANY];

	for (size_t i = 0; i < MANY; i++)
		blocks[i] = block_make(bytes, i);
	size_t full = virtual_bytes();

	for (size_t i = 0; i < MANY; i += 2) {
		block_check(blocks[i], bytes, i);
		region_free(blocks[i], bytes);
	}
	for (size_t i = 0; i < MANY; i += 2)
		blocks[i] = block_make(bytes, i);
	assert_true(virtual_bytes() < full + MIB); /* they went where the others had been */
	for (size_t i = 0; i < MANY; i++)
		block_check(blocks[i], bytes, i);
	for (size_t i = 0; i < MANY; i++)
		region_free(blocks[i], bytes);
	assert_true(virtual_bytes() < full - MANY * bytes);
}

static void
test_sizes(void **state)
{
	(void)state;
	test_many(REGION_BLOCK_MIN);
	test_many(8 * KIB + 256);
	test_many(8 * KIB + 257);
	test_many(64 * KIB + 200);
	test_many(256 * KIB + 200);
	test_many(300 * KIB);
}

static void
test_bounds(void **state)
{
	(void)state;
	assert_false(region_fits(REGION_BLOCK_MIN - 1));
	assert_true(region_fits(REGION_BLOCK_MIN));
	assert_true(region_fits(REGION_BLOCK_MAX));
	assert_false(region_fits((size_t)REGION_BLOCK_MAX + 1));
	for (size_t bytes = REGION_BLOCK_MIN; bytes <= REGION_BLOCK_MAX; bytes = bytes * 3 / 2) {
		void *one = block_make(bytes, 1), *two = block_make(bytes, 2);

		block_check(one, bytes, 1);
		block_check(two, bytes, 2);
		region_free(one, bytes);
		region_free(two, bytes);
	}
	region_free(block_make(REGION_BLOCK_MAX, 3), REGION_BLOCK_MAX);
}

static void
test_no_memory(void **state)
{
	(void)state;
	maps_fail = true;
	assert_null(region_alloc(32 * KIB));
	maps_fail = false;
	region_free(block_make(32 * KIB, 1), 32 * KIB);
}

/* Blocks of one thread are given back by the next. */
static void *_Atomic handed[THREADS][AT_ONCE];

static void *
churn(void *argument)
{
	size_t self = (size_t)(uintptr_t)argument, bytes = 40 * KIB;

	for (uint64_t round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < AT_ONCE; i++) {
			void *before = atomic_exchange(&handed[(self + round) % THREADS][i], block_make(bytes, i));

			if (before == NULL)
				continue;
			block_check(before, bytes, i);
			region_free(before, bytes);
		}
	}
	return NULL;
}

static void
test_threads(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, churn, (void *)(uintptr_t)i), 0);
	for (size_t i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	for (size_t i = 0; i < THREADS; i++) {
		for (size_t k = 0; k < AT_ONCE; k++) {
			block_check(handed[i][k], 40 * KIB, k);
			region_free(handed[i][k], 40 * KIB);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
