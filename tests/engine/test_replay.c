/* Effects add up to the tree they came from, in any order; what cannot have been is refused at the end. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "karma/engine.h"
#include "base/limits.h"

enum { TODAY = 20261123, ID = 7, GENERATION = 12 };

static struct {
	struct engine *engine;
	struct engine_worker *worker;
	struct tree *tree; /* under construction */
	uint64_t bad_key;
} f;

static int
setup(void **state)
{
	(void)state;
	f.bad_key = 0;
	assert_int_equal(engine_create(100, TODAY, &f.engine), 0);
	assert_int_equal(engine_worker_create(f.engine, &f.worker), 0);
	assert_int_equal(tree_load_begin(f.engine, ID, 3, &f.tree), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	tree_load_discard(f.tree);
	engine_destroy(f.engine);
	return 0;
}

static int
apply(uint32_t kind, uint64_t key, uint32_t day, uint64_t delta)
{
	return tree_load_effect(
	    f.tree,
	    &(struct effect){ .tree_id = ID, .generation = 5, .key = key, .day = day, .delta = delta, .kind = kind });
}

static void
day(uint64_t key, uint32_t number, uint64_t delta)
{
	assert_int_equal(apply(EFFECT_DAY, key, number, delta), 0);
}

static void
total(uint64_t key, uint64_t delta)
{
	assert_int_equal(apply(EFFECT_TOTAL, key, 0, delta), 0);
}

static void
listed(uint64_t key, uint64_t sequence)
{
	assert_int_equal(apply(EFFECT_LISTED, key, 0, sequence), 0);
}

static void
unlisted(uint64_t key, uint64_t sequence)
{
	assert_int_equal(apply(EFFECT_UNLISTED, key, 0, sequence), 0);
}

static void
publish(void)
{
	assert_int_equal(tree_load_finish(f.tree, GENERATION, &f.bad_key), 0);
	assert_int_equal(tree_load_restore(f.worker, f.tree, "t", 1, 40), 0);
	f.tree = NULL;
}

/* After publish(). */
static struct tree *
found(void)
{
	return engine_pin_tree(f.engine, "t", 1);
}

static int
count_key(void *context, uint64_t key, struct key_record *record)
{
	(void)record;
	*(uint64_t *)context |= UINT64_C(1) << key;
	return 0;
}

/* One bit for each. */
static uint64_t
keys(void)
{
	uint64_t bits = 0;

	assert_int_equal(tree_scan_keys(found(), count_key, &bits), 0);
	return bits;
}

static int
count_cut_key(void *context, const struct cut_key *key)
{
	uint64_t *sums = context;

	sums[0]++;
	sums[1] += key->total;
	sums[2] += key->day_count;
	return 0;
}

static void
adds_up_in_any_order(void **state)
{
	uint64_t sums[3] = { 0 };
	struct cut_summary summary;

	(void)state;
	/* 10 on a day, of which 4 were taken; a day emptied; one counted down to 0 that stays. */
	day(1, TODAY, -UINT64_C(4));
	day(1, TODAY - 1, (UINT64_C(1) << 61) - 3);
	total(1, -UINT64_C(8));
	day(1, TODAY - 2, -UINT64_C(1) - (UINT64_C(1) << 61));
	listed(1, 1);
	total(1, 14);
	day(1, TODAY, 10);
	day(1, TODAY - 1, 3 - (UINT64_C(1) << 61));
	day(1, TODAY - 2, 1);
	for (uint32_t i = 0; i < 60; i++) {
		day(2, TODAY - i, 2);
		total(2, 2);
	}
	publish();
	assert_int_equal(tree_total(found(), 1), 6);
	assert_int_equal(tree_sum_range(found(), 1, TODAY, TODAY), 6);
	assert_int_equal(tree_sum_range(found(), 2, TODAY - 59, TODAY), 120);
	/* A walk finds every word in the tree's generation, with two days of the first key. */
	for (int i = 0; i < 2; i++) {
		memset(sums, 0, sizeof(sums));
		assert_int_equal(tree_cut(f.engine, found(), count_cut_key, sums, &summary), 0);
		assert_int_equal(summary.generation, GENERATION + i);
		assert_int_equal(summary.keys_set_aside, 0);
		assert_int_equal(sums[0], 2);
		assert_int_equal(sums[1], 126);
		assert_int_equal(sums[2], 62);
	}
}

static void
adds_to_what_a_dump_held(void **state)
{
	struct cut_day days[2] = { { .day = TODAY, .count = 5 }, { .day = TODAY - 1, .count = 1 } };

	(void)state;
	assert_int_equal(tree_load_key(f.tree, 1, 10, days, 2), 0); /* 4 above its days */
	assert_int_equal(tree_load_key(f.tree, 2, 0, NULL, 0), 0);
	assert_int_equal(tree_load_key(f.tree, 3, 0, NULL, 0), 0);
	day(1, TODAY, -UINT64_C(2));
	total(1, -UINT64_C(2));
	day(1, DAY_ABOVE, -UINT64_C(1));
	unlisted(3, 9);
	publish();
	assert_int_equal(tree_total(found(), 1), 7);
	assert_int_equal(tree_sum_range(found(), 1, 0, UINT64_MAX), 4);
	assert_int_equal(keys(), 1 << 1 | 1 << 2);
}

static void
knows_the_slots_of_differences(void **state)
{
	(void)state;
	total(1, 5);
	day(1, TODAY, 5);
	day(1, DAY_BELOW, 2);
	day(2, DAY_ABOVE, 3);
	listed(2, 1);
	publish();
	assert_int_equal(tree_total(found(), 1), 3);
	assert_int_equal(tree_total(found(), 2), 3);
	assert_int_equal(tree_sum_range(found(), 2, 0, UINT64_MAX), 0);
}

static void
lists_what_the_last_record_says(void **state)
{
	(void)state;
	listed(1, 1); /* and stays so */
	listed(2, 2);
	total(2, 1);
	day(2, TODAY, 1);
	total(2, -UINT64_C(1)); /* the day follows in a later epoch, behind the removal */
	unlisted(2, 3);
	day(2, TODAY, -UINT64_C(1));
	listed(3, 4);
	unlisted(3, 5);
	listed(3, 6);
	total(4, 2); /* a count shows without being listed */
	day(4, TODAY, 2);
	unlisted(5, 7); /* never met */
	listed(6, 8);
	unlisted(6, 9);
	total(6, 3);
	day(6, TODAY, 3);
	total(7, 1); /* came and went before the record that lists it */
	day(7, TODAY, 1);
	total(7, -UINT64_C(1));
	day(7, TODAY, -UINT64_C(1));
	publish();
	assert_int_equal(keys(), 1 << 1 | 1 << 3 | 1 << 4 | 1 << 6);
}

static void
goes_on_above_every_sequence(void **state)
{
	struct effect effects[8];
	struct effect_buffer buffer = { .effects = effects, .capacity = 8 };
	uint64_t above = 1000;

	(void)state;
	listed(1, 5);
	unlisted(1, 1000);
	publish();
	engine_worker_effects(f.worker, &buffer);
	engine_batch_begin(f.worker);
	assert_int_equal(tree_add(f.worker, found(), 1, TODAY, 1), 0);
	assert_int_equal(tree_add(f.worker, found(), 2, TODAY, 1), 0);
	for (uint32_t i = 0; i < buffer.count; i++) {
		assert_int_equal(effects[i].generation, GENERATION);
		if (effects[i].kind == EFFECT_LISTED) {
			assert_true(effects[i].delta > above);
			above = effects[i].delta;
		}
	}
	assert_int_equal(buffer.count, 6);
	engine_batch_end(f.worker);
	engine_worker_effects(f.worker, NULL);
}

static void
keeps_hidden_what_the_log_will_be_added_to(void **state)
{
	struct effect effects[8];
	struct effect_buffer buffer = { .effects = effects, .capacity = 8 };

	(void)state;
	/* Counted up and, by a decrement, down to a day that is there with 0; the record that lists it was cut off. */
	total(1, 1);
	day(1, TODAY, 1);
	total(1, -UINT64_C(1));
	day(1, TODAY, -UINT64_C(1) - (UINT64_C(1) << 61));
	publish();
	assert_int_equal(keys(), 0);
	engine_worker_effects(f.worker, &buffer);
	engine_batch_begin(f.worker);
	assert_false(tree_days(found(), 1, 0, UINT64_MAX, NULL, NULL));
	assert_int_equal(tree_add(f.worker, found(), 1, TODAY, 1), 0);
	assert_int_equal(buffer.count, 3); /* listed anew */
	engine_batch_end(f.worker);
	engine_worker_effects(f.worker, NULL);
	assert_int_equal(keys(), 1 << 1);
}

static void
refuse(uint64_t key)
{
	assert_int_equal(tree_load_finish(f.tree, GENERATION, &f.bad_key), ENGINE_INVALID);
	assert_int_equal(f.bad_key, key);
}

static void
good_keys(void)
{
	for (uint64_t key = 0; key < 10; key++) {
		total(key, key);
		day(key, TODAY, key);
	}
}

static void
refuses_a_negative_day(void **state)
{
	(void)state;
	good_keys();
	day(20, TODAY, -UINT64_C(1));
	total(20, -UINT64_C(1));
	refuse(20);
}

static void
refuses_a_negative_difference(void **state)
{
	(void)state;
	good_keys();
	day(20, DAY_BELOW, -UINT64_C(1));
	refuse(20);
}

static void
refuses_a_total_that_is_not_the_sum(void **state)
{
	(void)state;
	good_keys();
	total(21, 3);
	day(21, TODAY, 1);
	day(21, TODAY - 1, 1);
	refuse(21);
}

static void
refuses_too_large_a_count(void **state)
{
	(void)state;
	good_keys();
	total(22, COUNT_MAX + 1);
	day(22, TODAY, COUNT_MAX);
	day(22, TODAY - 1, 1);
	refuse(22);
}

static void
refuses_days_that_only_sum_up_by_wrapping(void **state)
{
	(void)state;
	good_keys();
	for (uint32_t i = 0; i < 16; i++)
		day(23, TODAY - i, UINT64_C(1) << 60);
	refuse(23);
}

static void
refuses_what_it_is_not_for(void **state)
{
	(void)state;
	assert_int_equal(apply(EFFECT_DAY, 1, DAY_BELOW + 1, 1), ENGINE_INVALID);
	assert_int_equal(apply(EFFECT_CREATE, 1, 0, 0), ENGINE_INVALID);
	assert_int_equal(apply(EFFECT_DROP, 1, 0, 0), ENGINE_INVALID);
	publish();
	assert_int_equal(keys(), 0);
}

/* ---- names ------------------------------------------------------------------------------------------------------------- */

static int
append_name(void *context, struct tree *tree, const char *name, size_t bytes)
{
	(void)tree;
	(void)strncat(context, name, bytes);
	return 0;
}

static void
restores_the_order_of_names(void **state)
{
	static const char *const names[] = { "c", "a", "d", "b" };
	static const uint64_t orders[] = { 30, 5, 200, 7 };
	struct effect effects[2];
	struct effect_buffer buffer = { .effects = effects, .capacity = 2 };
	char seen[16] = "";
	struct tree *tree;

	(void)state;
	engine_worker_effects(f.worker, &buffer);
	for (uint64_t i = 0; i < 4; i++) {
		assert_int_equal(tree_load_begin(f.engine, 100 + i, 1, &tree), 0);
		assert_int_equal(tree_load_finish(tree, 9, &f.bad_key), 0);
		assert_int_equal(tree_load_restore(f.worker, tree, names[i], 1, orders[i]), 0);
		assert_int_equal(tree_order(engine_pin_tree(f.engine, names[i], 1)), orders[i]);
	}
	assert_int_equal(buffer.count, 0); /* nothing that the log does not say already */
	engine_batch_begin(f.worker);
	assert_int_equal(tree_create(f.worker, "0", 1, &tree), 0);
	assert_int_equal(tree_id(tree), 104);
	assert_int_equal(tree_order(tree), 201);
	engine_batch_end(f.worker);
	assert_int_equal(engine_names(f.engine, append_name, seen), 0);
	assert_string_equal(seen, "abcd0");
	engine_worker_effects(f.worker, NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(adds_up_in_any_order),
		CASE(adds_to_what_a_dump_held),
		CASE(knows_the_slots_of_differences),
		CASE(lists_what_the_last_record_says),
		CASE(goes_on_above_every_sequence),
		CASE(keeps_hidden_what_the_log_will_be_added_to),
		CASE(refuses_a_negative_day),
		CASE(refuses_a_negative_difference),
		CASE(refuses_a_total_that_is_not_the_sum),
		CASE(refuses_too_large_a_count),
		CASE(refuses_days_that_only_sum_up_by_wrapping),
		CASE(refuses_what_it_is_not_for),
		CASE(restores_the_order_of_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
