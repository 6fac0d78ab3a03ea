/* Batches are worked off in order, all of them, by one thread at a time, until one fails. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/belt.h"

enum { ITEMS = 100, BATCHES_MANY = 3000 };

/* Plain fields: ThreadSanitizer says whether the belt orders them. */
struct seen {
	uint64_t next;
	uint64_t batches;
	uint64_t fails_at; /* batch that fails, from 1 */
	bool slow;
	bool wrong;
};

static bool threads_fail;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument); /* NOLINT */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument); /* NOLINT */

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                      void *argument) /* NOLINT */
{
	return threads_fail ? EAGAIN : __real_pthread_create(thread, attributes, run, argument);
}

static int
see(void *context, void *batch, size_t count)
{
	struct seen *seen = context;
	const uint64_t *items = batch;

	if (seen->slow)
		(void)usleep(1000);
	if (++seen->batches == seen->fails_at)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (items[i] != seen->next++)
			seen->wrong = true;
	}
	return 0;
}

/* Fills and pushes `batches` full batches. Returns what the last push said. */
static int
run(struct belt *belt, unsigned batches, uint64_t *next)
{
	int r = 0;

	for (unsigned i = 0; i < batches; i++) {
		uint64_t *items = belt_batch(belt);

		assert_ptr_equal(items, belt_batch(belt));
		for (size_t k = 0; k < ITEMS; k++)
			items[k] = (*next)++;
		r = belt_push(belt, ITEMS);
	}
	return r;
}

static void
all_in_order(bool slow, unsigned batches)
{
	struct seen seen = { .slow = slow };
	struct belt *belt;
	uint64_t next = 0;

	assert_int_equal(belt_create(ITEMS * sizeof(uint64_t), see, &seen, "test", &belt), 0);
	for (unsigned round = 0; round < 3; round++) {
		assert_int_equal(run(belt, batches, &next), 0);
		*(uint64_t *)belt_batch(belt) = next;
		assert_int_equal(belt_settle(belt, 1), 0);
		next++;
		assert_true(seen.next == next);
		assert_int_equal(belt_settle(belt, 0), 0);
	}
	assert_false(seen.wrong);
	assert_int_equal(seen.batches, 3 * (batches + 1));
	belt_destroy(belt);
}

static void
whoever_is_quicker(void **state)
{
	(void)state;
	all_in_order(false, BATCHES_MANY);
	all_in_order(true, 30);
	all_in_order(false, 0); /* no thread at all */
}

static void
without_threads(void **state)
{
	(void)state;
	threads_fail = true;
	all_in_order(false, 10);
	threads_fail = false;
}

static void
the_end_waits_for_the_work(void **state)
{
	struct seen seen = { .slow = true };
	struct belt *belt;
	uint64_t next = 0;

	(void)state;
	assert_int_equal(belt_create(ITEMS * sizeof(uint64_t), see, &seen, "test", &belt), 0);
	assert_int_equal(run(belt, 4, &next), 0);
	belt_destroy(belt);
	assert_int_equal(seen.batches, 4);
	belt_destroy(NULL);
}

static void
what_comes_behind_a_failure_is_passed_over(void **state)
{
	(void)state;
	for (int without = 0; without < 2; without++) {
		for (uint64_t fails_at = 1; fails_at < 8; fails_at++) {
			struct seen seen = { .fails_at = fails_at };
			struct belt *belt;
			uint64_t next = 0;

			threads_fail = without == 1;
			assert_int_equal(belt_create(ITEMS * sizeof(uint64_t), see, &seen, "test", &belt), 0);
			(void)run(belt, 20, &next);
			(void)belt_batch(belt);
			assert_int_equal(belt_settle(belt, 1), -ENOMEM);
			assert_int_equal(belt_settle(belt, 0), -ENOMEM);
			(void)belt_batch(belt);
			assert_int_equal(belt_push(belt, 1), -ENOMEM);
			assert_int_equal(seen.batches, fails_at);
			assert_true(seen.next == (fails_at - 1) * ITEMS);
			belt_destroy(belt);
		}
	}
	threads_fail = false;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_is_quicker),
		cmocka_unit_test(without_threads),
		cmocka_unit_test(the_end_waits_for_the_work),
		cmocka_unit_test(what_comes_behind_a_failure_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
