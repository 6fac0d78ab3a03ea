/* The engine's main job on one thread: count, read, take, decide, cut. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "karma/engine.h"

enum { TODAY = 20261123 };

struct fixture {
	struct engine *engine;
	struct engine_worker *worker;
	struct tree *tree;
};

static struct fixture f;

static int
setup(void **state)
{
	(void)state;
	assert_int_equal(engine_create(100, TODAY, &f.engine), 0);
	assert_int_equal(engine_worker_create(f.engine, &f.worker), 0);
	engine_batch_begin(f.worker);
	assert_int_equal(tree_create(f.worker, "articles", 8, &f.tree), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	engine_batch_end(f.worker);
	engine_destroy(f.engine);
	return 0;
}

static void
adds_and_sums(void **state)
{
	(void)state;
	for (uint64_t key = 0; key < 100000; key++)
		assert_int_equal(tree_add(f.worker, f.tree, key, TODAY - (uint32_t)(key % 3), 1 + key % 7), 0);
	for (uint64_t key = 0; key < 100000; key++) {
		assert_int_equal(tree_total(f.tree, key), 1 + key % 7);
		assert_int_equal(tree_sum_range(f.tree, key, TODAY, UINT64_MAX), key % 3 == 0 ? 1 + key % 7 : 0);
	}
	assert_int_equal(tree_total(f.tree, 100000), 0);
}

static void
keeps_the_difference_between_total_and_days(void **state)
{
	(void)state;
	assert_int_equal(tree_add(f.worker, f.tree, 1, TODAY - 1, 5), 0);
	assert_int_equal(tree_decrement(f.worker, f.tree, 1), 0);
	assert_int_equal(tree_total(f.tree, 1), 4);
	assert_int_equal(tree_sum_range(f.tree, 1, 0, UINT64_MAX), 5);
	assert_int_equal(tree_delete_range(f.worker, f.tree, 1, 0, UINT64_MAX), 0);
	assert_int_equal(tree_total(f.tree, 1), 0);
	assert_int_equal(tree_add(f.worker, f.tree, 1, TODAY, 1), 0);
	assert_int_equal(tree_total(f.tree, 1), 1);
}

static void
refuses_above_the_limit(void **state)
{
	size_t refused = 9;
	struct acquire_item items[2] = {
		{ .tree = f.tree, .key = 1, .amount = 3, .limit = 5, .from = TODAY, .to = TODAY },
		{ .tree = f.tree, .key = 2, .amount = 1, .limit = 5, .from = TODAY, .to = TODAY },
	};

	(void)state;
	assert_int_equal(tree_acquire(f.worker, items, 2, &refused), 0);
	assert_int_equal(tree_acquire(f.worker, items, 2, &refused), ENGINE_REFUSED);
	assert_int_equal(refused, 0);
	assert_int_equal(tree_total(f.tree, 1), 3);
	assert_int_equal(tree_total(f.tree, 2), 1);
}

struct seen {
	uint64_t keys, totals, days;
};

static int
count_key(void *context, const struct cut_key *key)
{
	struct seen *seen = context;

	seen->keys++;
	seen->totals += key->total;
	seen->days += key->day_count;
	return 0;
}

static void
cuts_everything_once(void **state)
{
	struct cut_summary summary;

	(void)state;
	for (uint64_t key = 0; key < 1000; key++) {
		for (uint32_t day = 0; day < key % 100; day++)
			assert_int_equal(tree_add(f.worker, f.tree, key, 20260000 + day, 2), 0);
	}
	engine_batch_end(f.worker);
	for (int round = 0; round < 3; round++) {
		struct seen seen = { 0 };

		assert_int_equal(tree_cut(f.engine, f.tree, count_key, &seen, &summary), 0);
		assert_int_equal(summary.generation, 1 + round);
		assert_int_equal(seen.keys, 990);
		assert_int_equal(seen.days, 49500);
		assert_int_equal(seen.totals, 99000);
	}
	engine_batch_begin(f.worker);
}

static void
gives_the_memory_of_deleted_days_back(void **state)
{
	size_t retired = 0;

	(void)state;
	for (uint32_t day = 0; day < 200; day++)
		assert_int_equal(tree_add(f.worker, f.tree, 7, day, 1), 0);
	assert_int_equal(tree_delete_range(f.worker, f.tree, 7, 0, 99), 0);
	engine_batch_end(f.worker);
	/* Behind 3 days of its own the key has blocks of 12, 28, 60 and 124: two of them are empty, one nearly. */
	for (int call = 1; call <= 4; call++) {
		tree_compact_days(f.worker, f.tree);
		if (call <= 2)
			assert_true(engine_retired_bytes(f.engine) > retired);
		else
			assert_int_equal(engine_retired_bytes(f.engine), retired);
		retired = engine_retired_bytes(f.engine);
	}
	engine_reclaim(f.engine);
	assert_int_equal(engine_retired_bytes(f.engine), 0);
	engine_batch_begin(f.worker);
	assert_int_equal(tree_sum_range(f.tree, 7, 0, UINT64_MAX), 100);
	for (uint32_t day = 0; day < 100; day++)
		assert_int_equal(tree_add(f.worker, f.tree, 7, day, 2), 0);
	assert_int_equal(tree_sum_range(f.tree, 7, 0, 99), 200);
	assert_int_equal(tree_total(f.tree, 7), 300);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(adds_and_sums, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_the_difference_between_total_and_days, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_above_the_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(cuts_everything_once, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_the_memory_of_deleted_days_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
