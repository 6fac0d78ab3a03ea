/* Every day has exactly one slot, however many threads claim it at once, and slots are found again in every block. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "engine/key_record.h"

enum { DAYS = 700, THREADS = 4, ROUNDS = 40 };

static struct key_record record;
static _Atomic uint64_t *claimed[THREADS][DAYS];
static pthread_barrier_t start;

static void
claims_in_canonical_order(void **state)
{
	(void)state;
	key_record_init(&record, 7, 1, 0);
	for (uint32_t day = 0; day < DAYS; day++) {
		_Atomic uint64_t *word = slot_get(&record, day, 1);

		assert_non_null(word);
		assert_int_equal(atomic_load(word), WORD_PARITY | WORD_ABSENT);
		atomic_store(word, day + 1);
	}
	assert_int_equal(key_record_slot_count(&record), 3 + 12 + 28 + 60 + 124 + 252 + 252);
	for (uint32_t day = 0; day < DAYS; day++)
		assert_int_equal(atomic_load(slot_find(&record, day)), day + 1);
	assert_null(slot_find(&record, DAYS));
	key_record_free_blocks(&record);
}

static void
claims_a_dead_day_anew(void **state)
{
	(void)state;
	key_record_init(&record, 7, 1, 0);
	_Atomic uint64_t *first = slot_get(&record, 5, 1);

	atomic_fetch_or(first, WORD_DEAD);
	assert_null(slot_find(&record, 5));
	_Atomic uint64_t *second = slot_get(&record, 5, 1);

	assert_ptr_not_equal(first, second);
	assert_ptr_equal(slot_find(&record, 5), second);
	key_record_free_blocks(&record);
}

static void *
claim_all(void *argument)
{
	uintptr_t self = (uintptr_t)argument;

	(void)pthread_barrier_wait(&start);
	for (uint32_t i = 0; i < DAYS; i++) {
		/* Half of the threads come from the other side, so that they meet on the way. */
		uint32_t day = self % 2 == 0 ? i : DAYS - 1 - i;

		claimed[self][day] = slot_get(&record, day, 1);
	}
	return NULL;
}

static void
threads_agree_on_every_slot(void **state)
{
	(void)state;
	assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
	for (int round = 0; round < ROUNDS; round++) {
		pthread_t thread[THREADS];

		key_record_init(&record, 7, 1, 0);
		for (uintptr_t i = 0; i < THREADS; i++)
			assert_int_equal(pthread_create(&thread[i], NULL, claim_all, (void *)i), 0);
		for (int i = 0; i < THREADS; i++)
			assert_int_equal(pthread_join(thread[i], NULL), 0);
		for (uint32_t day = 0; day < DAYS; day++) {
			assert_non_null(claimed[0][day]);
			for (int i = 1; i < THREADS; i++)
				assert_ptr_equal(claimed[i][day], claimed[0][day]);
			assert_ptr_equal(slot_find(&record, day), claimed[0][day]);
		}
		key_record_free_blocks(&record);
	}
	assert_int_equal(pthread_barrier_destroy(&start), 0);
}

static void
shows_total_with_its_difference(void **state)
{
	(void)state;
	key_record_init(&record, 7, 0, 0);
	atomic_store(&record.total, 10);
	assert_int_equal(key_record_total(&record), 10);
	atomic_fetch_add(slot_get(&record, DAY_ABOVE, 0), 5);
	assert_int_equal(key_record_total(&record), 10); /* not told yet */
	atomic_fetch_or(&record.state, RECORD_DIFFERS);
	assert_int_equal(key_record_total(&record), 15);
	atomic_fetch_add(slot_get(&record, DAY_BELOW, 0), 20);
	assert_int_equal(key_record_total(&record), 0);
	key_record_free_blocks(&record);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims_in_canonical_order),
		cmocka_unit_test(claims_a_dead_day_anew),
		cmocka_unit_test(threads_agree_on_every_slot),
		cmocka_unit_test(shows_total_with_its_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
