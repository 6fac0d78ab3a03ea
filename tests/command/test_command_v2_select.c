/* What is selected is what sorting all and taking the first gives, whatever comes in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "command/command_v2_select.h"

enum { PICKS = 300 };

static uint64_t
next_random(uint64_t *random)
{
	*random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *random >> 33;
}

static int
by_key(const void *left, const void *right)
{
	const struct v2_pick *a = left, *b = right;

	return a->key < b->key ? -1 : a->key > b->key;
}

static int
by_value(const void *left, const void *right)
{
	const struct v2_pick *a = left, *b = right;

	return a->value > b->value ? -1 : a->value < b->value ? 1 : by_key(left, right);
}

static void
compare_with_sorting(enum v2_order order, size_t count, size_t limit, uint64_t *random)
{
	struct v2_pick all[PICKS];
	struct v2_select select;

	assert_int_equal(v2_select_init(&select, order, limit), 0);
	for (size_t i = 0; i < count; i++) {
		all[i] = (struct v2_pick){ .key = i * 7 + 3, .value = next_random(random) % 50 };
		if (next_random(random) % 64 == 0)
			all[i].key = UINT64_MAX - i;
	}
	for (size_t i = count; i > 1; i--) { /* in any order */
		const size_t other = next_random(random) % i;
		const struct v2_pick kept = all[i - 1];

		all[i - 1] = all[other];
		all[other] = kept;
	}
	for (size_t i = 0; i < count; i++) {
		if (order == ORDER_VALUE || !v2_select_passes(&select, all[i].key))
			v2_select_add(&select, all[i].key, all[i].value);
	}
	v2_select_finish(&select);
	qsort(all, count, sizeof(all[0]), order == ORDER_KEY ? by_key : by_value);
	assert_int_equal(select.count, count < limit ? count : limit);
	assert_int_equal(select.more, count > limit);
	if (select.count > 0)
		assert_memory_equal(select.at, all, select.count * sizeof(all[0]));
	v2_select_deinit(&select);
}

static void
the_first_of_random_ones(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		const size_t count = 1 + next_random(&random) % (PICKS - 1), near = count + next_random(&random) % 2;
		const size_t limit = round % 3 == 0 ? near : 1 + next_random(&random) % PICKS; /* all of them, or any */

		compare_with_sorting(round % 2 == 0 ? ORDER_KEY : ORDER_VALUE, count, limit, &random);
	}
}

static void
a_key_that_comes_twice_is_one(void **state)
{
	struct v2_select select;

	(void)state;
	for (int order = ORDER_KEY; order <= ORDER_VALUE; order++) {
		assert_int_equal(v2_select_init(&select, (enum v2_order)order, 5), 0);
		v2_select_add(&select, 2, 5);
		v2_select_add(&select, 1, 9);
		v2_select_add(&select, 3, 7);
		v2_select_add(&select, 1, 6);
		v2_select_finish(&select);
		assert_int_equal(select.count, 3);
		for (size_t i = 0; i < 3; i++) {
			for (size_t k = 0; k < i; k++)
				assert_int_not_equal(select.at[i].key, select.at[k].key);
		}
		v2_select_deinit(&select);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_of_random_ones),
		cmocka_unit_test(a_key_that_comes_twice_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
