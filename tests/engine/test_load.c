/* Many keys loaded at once are the keys loaded one by one: the later of two wins, whatever was expected, memory out or not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "karma/engine.h"

enum { TODAY = 20261123, KEYS = 20000, DISTINCT = 15000, DAYS = 70 };

static struct engine *engine;
static int allocations_left = -1; /* -1: no end */

void *__real_mem_alloc_aligned(size_t alignment, size_t bytes); /* NOLINT(bugprone-reserved-identifier) */
void *__wrap_mem_alloc_aligned(size_t alignment, size_t bytes); /* NOLINT(bugprone-reserved-identifier) */

/* Records come from here. */
void *
__wrap_mem_alloc_aligned(size_t alignment, size_t bytes) /* NOLINT(bugprone-reserved-identifier) */
{
	if (allocations_left == 0)
		return NULL;
	if (allocations_left > 0)
		allocations_left--;
	return __real_mem_alloc_aligned(alignment, bytes);
}

static int
setup(void **state)
{
	(void)state;
	return engine_create(100, TODAY, &engine);
}

static int
teardown(void **state)
{
	(void)state;
	engine_destroy(engine);
	return 0;
}

/* Key number i of a file in which the last quarter stands a second time; its days are told by where it stands. */
static struct load_key
key_make(size_t i, struct cut_day *days)
{
	struct load_key key = { .key = (i % DISTINCT) * UINT64_C(0x9e3779b97f4a7c15), .days = days };

	key.day_count = i % 100 == 0 ? DAYS : i % 6;
	for (size_t d = 0; d < key.day_count; d++) {
		size_t at = i % 7 == 0 ? key.day_count - 1 - d : d; /* any order will do */

		days[d] = (struct cut_day){ .day = (uint32_t)(20000101 + at), .count = i + at };
		key.total += days[d].count;
	}
	key.total += i % 3; /* it differs from its days */
	return key;
}

static void
sum_days(void *context, uint32_t day, uint64_t count)
{
	uint64_t *sum = context;

	*sum = *sum * 31 + (day ^ count * UINT64_C(0x2545f4914f6cdd1d));
}

static int
sum_key(void *context, uint64_t key, struct key_record *record)
{
	uint64_t days[DAYS + 1] = { 0 }, *sum = context;

	tree_key_days(record, 0, DAY_MAX, sum_days, days);
	sum[0]++;
	sum[1] += (days[0] + 1) * (key | 1);
	return 0;
}

/* What a published tree shows. */
static void
tree_sums(struct tree *tree, const char *name, uint64_t ret[3])
{
	struct engine_worker *worker;

	memset(ret, 0, 3 * sizeof(*ret));
	assert_int_equal(engine_worker_create(engine, &worker), 0);
	engine_batch_begin(worker);
	assert_int_equal(tree_load_publish(worker, tree, name, strlen(name)), 0);
	engine_batch_end(worker);
	engine_worker_destroy(worker);
	engine_scan_begin(engine);
	assert_int_equal(tree_scan_keys(tree, sum_key, ret), 0);
	for (size_t i = 0; i < DISTINCT; i++)
		ret[2] = ret[2] * 31 + tree_total(tree, i * UINT64_C(0x9e3779b97f4a7c15));
	engine_scan_end(engine);
}

static int
load_many(struct tree *tree)
{
	struct load_key *keys = calloc(KEYS, sizeof(*keys));
	struct cut_day *days = calloc((size_t)KEYS * DAYS, sizeof(*days));

	assert_non_null(keys);
	assert_non_null(days);
	for (size_t i = 0; i < KEYS; i++)
		keys[i] = key_make(i, days + i * DAYS);
	int r = tree_load_keys(tree, keys, KEYS);

	free(keys);
	free(days);
	return r;
}

static void
many_are_as_one_by_one(void **state)
{
	static const uint64_t expected[] = { 0, 100, DISTINCT, 40 * KEYS };
	uint64_t wanted[3], seen[3];
	struct tree *tree;

	(void)state;
	assert_int_equal(tree_load_begin(engine, 0, 1, &tree), 0);
	for (size_t i = 0; i < KEYS; i++) {
		struct cut_day days[DAYS];
		struct load_key key = key_make(i, days);

		assert_int_equal(tree_load_key(tree, key.key, key.total, key.days, key.day_count), 0);
	}
	tree_sums(tree, "one by one", wanted);
	assert_int_equal(wanted[0], DISTINCT);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_int_equal(tree_load_begin(engine, 0, 1, &tree), 0);
		tree_load_expect(tree, expected[i]);
		assert_int_equal(load_many(tree), 0);
		tree_sums(tree, "many", seen);
		assert_memory_equal(seen, wanted, sizeof(wanted));
	}
}

/* It ends where it fails: what came before is loaded, what comes behind is not. */
static void
an_invalid_key_ends_it(void **state)
{
	const struct cut_day good = { .day = 20240101, .count = 3 }, bad = { .day = DAY_MAX + 1, .count = 3 };
	const struct load_key keys[] = { { 1, 3, &good, 1 }, { 2, 3, &bad, 1 }, { 3, 3, &good, 1 } };
	uint64_t sums[3];
	struct tree *tree;

	(void)state;
	assert_int_equal(tree_load_begin(engine, 0, 1, &tree), 0);
	assert_true(tree_load_accepts(3, &good, 1));
	assert_false(tree_load_accepts(3, &bad, 1));
	assert_int_equal(tree_load_keys(tree, keys, 3), ENGINE_INVALID);
	tree_sums(tree, "bad", sums);
	assert_int_equal(sums[0], 1);
}

static void
what_is_accepted(void **state)
{
	const struct cut_day days[] = { { .day = 1, .count = COUNT_MAX - 5 },
		                        { .day = 2, .count = 5 },
		                        { .day = 3, .count = 1 } };

	(void)state;
	assert_true(tree_load_accepts(COUNT_MAX, days, 0));
	assert_false(tree_load_accepts(COUNT_MAX + 1, days, 0));
	assert_true(tree_load_accepts(0, days, 2));
	assert_false(tree_load_accepts(0, days, 3));
}

/* AddressSanitizer says whether something was lost. */
static void
memory_may_end_anywhere(void **state)
{
	static const int left[] = { 0, 1, 2, 3, 700, 5000, DISTINCT };

	(void)state;
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		struct tree *tree;

		assert_int_equal(tree_load_begin(engine, 0, 1, &tree), 0);
		allocations_left = left[i];
		int r = load_many(tree);

		allocations_left = -1;
		assert_int_equal(r, -ENOMEM);
		tree_load_discard(tree);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(many_are_as_one_by_one, setup, teardown),
		cmocka_unit_test_setup_teardown(an_invalid_key_ends_it, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_accepted, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_may_end_anywhere, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
