/* A log of many batches is applied as a log of few records is: trees that go meanwhile, keys in every part, memory out. */
#include "store/kit.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { RECORD_BYTES = 64, KEYS = 9000, ROUNDS = 3, ADDS_PER_SYNC = 100, TREES = 3 };

static _Atomic int records_left = -1; /* -1: no end */

void *__real_mem_alloc_aligned(size_t alignment, size_t bytes); /* NOLINT(bugprone-reserved-identifier) */
void *__wrap_mem_alloc_aligned(size_t alignment, size_t bytes); /* NOLINT(bugprone-reserved-identifier) */

void *
__wrap_mem_alloc_aligned(size_t alignment, size_t bytes) /* NOLINT(bugprone-reserved-identifier) */
{
	/* Relaxed: it orders nothing. Negative: there is an end no more. */
	if (bytes == RECORD_BYTES && atomic_load_explicit(&records_left, memory_order_relaxed) >= 0 &&
	    atomic_fetch_sub_explicit(&records_left, 1, memory_order_relaxed) <= 0) {
		atomic_store_explicit(&records_left, 0, memory_order_relaxed);
		return NULL;
	}
	return __real_mem_alloc_aligned(alignment, bytes);
}

/* As kit_add(), but not durable when it returns. */
static void
add(struct kit *kit, const char *name, uint64_t key, uint64_t amount)
{
	struct tree *tree = NULL;

	effect_log_room(&kit->effects);
	engine_batch_begin(kit->worker);
	assert_true(tree_create(kit->worker, name, strlen(name), &tree) >= 0);
	assert_int_equal(tree_add(kit->worker, tree, key, KIT_TODAY - (uint32_t)(key % 5), amount), 0);
	(void)effect_log_append(&kit->effects);
	engine_batch_end(kit->worker);
	wal_writer_flush(kit->effects.writer);
}

static uint64_t
key_of(unsigned index)
{
	return index * UINT64_C(0x9e3779b97f4a7c15);
}

/* Each key of each tree in turn, so that a batch has several. */
static void
add_rounds(struct kit *kit, unsigned rounds)
{
	static const char *const names[TREES] = { "a", "b", "c" };

	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < KEYS; i++) {
			add(kit, names[i % TREES], key_of(i), i + 1);
			if (i % ADDS_PER_SYNC == 0)
				kit_sync(kit);
		}
	}
	kit_sync(kit);
}

static void
expect_rounds(struct kit *kit, const char *names, unsigned rounds)
{
	for (unsigned i = 0; i < KEYS; i++) {
		char name[2] = { "abc"[i % TREES], '\0' };

		if (strchr(names, name[0]) != NULL)
			assert_int_equal(kit_total(kit, name, key_of(i)), (uint64_t)rounds * (i + 1));
	}
}

static void
many_batches_of_several_trees(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	add_rounds(kit, ROUNDS);
	kit_crash_open(kit);
	expect_rounds(kit, "abc", ROUNDS);
}

/* Effects of a tree may be under way when the log says that it is gone. */
static void
a_tree_goes_while_its_effects_are_under_way(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	for (unsigned i = 0; i < 3; i++) {
		add_rounds(kit, 1);
		kit_drop(kit, "b");
		kit_reset(kit, "c");
	}
	add(kit, "b", 1, 1);
	add(kit, "c", 2, 2);
	kit_sync(kit);
	kit_crash_open(kit);
	expect_rounds(kit, "a", 3);
	assert_int_equal(kit_total(kit, "b", 1), 1);
	assert_int_equal(kit_total(kit, "b", key_of(1)), 0);
	assert_int_equal(kit_total(kit, "c", 2), 2);
	assert_int_equal(kit_total(kit, "c", key_of(2)), 0);
}

/* A key whose count goes down to nothing and up again, many batches between. */
static void
what_is_taken_is_taken_in_any_order(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	add_rounds(kit, 1);
	kit_reset_key(kit, "a", key_of(3));
	kit_subtract(kit, "b", 1, 0);
	kit_decrement(kit, "c", key_of(2));
	add_rounds(kit, 1);
	kit_crash_open(kit);
	assert_int_equal(kit_total(kit, "a", key_of(3)), 4);
	assert_int_equal(kit_total(kit, "c", key_of(2)), 5);
	assert_int_equal(kit_total(kit, "c", key_of(5)), 12);
}

/* The start ends with an error, and one with more memory finds everything. */
static void
memory_may_end_anywhere(void **state)
{
	static const int left[] = { 0, 1, 1500, KEYS - 1 };
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	add_rounds(kit, 1);
	kit_crash(kit);
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		atomic_store_explicit(&records_left, left[i], memory_order_relaxed);
		int r = kit_open(kit);

		atomic_store_explicit(&records_left, -1, memory_order_relaxed);
		assert_int_equal(r, -1);
		assert_non_null(strstr(kit->fault.text, "not enough memory"));
	}
	assert_int_equal(kit_open(kit), 0);
	expect_rounds(kit, "abc", 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(many_batches_of_several_trees, kit_setup_log, kit_teardown),
		cmocka_unit_test_setup_teardown(a_tree_goes_while_its_effects_are_under_way, kit_setup_log,
		                                kit_teardown),
		cmocka_unit_test_setup_teardown(what_is_taken_is_taken_in_any_order, kit_setup_log, kit_teardown),
		cmocka_unit_test_setup_teardown(memory_may_end_anywhere, kit_setup_log, kit_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
