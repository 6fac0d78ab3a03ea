/* A file of many batches becomes the tree that it holds, or fails with the words of who reads it key by key. */
#include "snapshot/kit.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { TODAY = 20261123, KEYS = 30000, LARGE_DAYS = 10000 };

struct fixture {
	struct kit_directory directory;
	struct engine *engine;
	struct engine_worker *worker;
	struct kit_tree tree;
};

static struct fixture f;
static _Atomic int allocations_left = -1; /* -1: no end */

void *__real_mem_alloc_aligned(size_t alignment, size_t bytes); /* NOLINT(bugprone-reserved-identifier) */
void *__wrap_mem_alloc_aligned(size_t alignment, size_t bytes); /* NOLINT(bugprone-reserved-identifier) */

/* Records come from here, on whichever thread. */
void *
__wrap_mem_alloc_aligned(size_t alignment, size_t bytes) /* NOLINT(bugprone-reserved-identifier) */
{
	int left =
	    atomic_load_explicit(&allocations_left, memory_order_relaxed); /* orders nothing; one thread at a time */

	if (left == 0)
		return NULL;
	if (left > 0)
		atomic_store_explicit(&allocations_left, left - 1, memory_order_relaxed);
	return __real_mem_alloc_aligned(alignment, bytes);
}

static int
setup(void **state)
{
	(void)state;
	kit_directory_open(&f.directory);
	assert_int_equal(engine_create(100, TODAY, &f.engine), 0);
	assert_int_equal(engine_worker_create(f.engine, &f.worker), 0);
	f.tree = (struct kit_tree){ 0 };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	kit_tree_deinit(&f.tree);
	engine_worker_destroy(f.worker);
	engine_destroy(f.engine);
	kit_directory_close(&f.directory);
	return 0;
}

/* ---- files ---- */

/* Also what a tree would hold once: keys stand in the file as they were added. */
static struct kit_key *
add_key(uint64_t key, size_t day_count, uint64_t count)
{
	if (f.tree.count == f.tree.capacity) {
		f.tree.capacity = 2 * f.tree.capacity + 16;
		f.tree.keys = realloc(f.tree.keys, f.tree.capacity * sizeof(*f.tree.keys));
		assert_non_null(f.tree.keys);
	}
	struct kit_key *added = &f.tree.keys[f.tree.count++];

	*added = (struct kit_key){ .key = key, .total = count * day_count, .day_count = day_count };
	added->days = calloc(day_count + 1, sizeof(*added->days));
	assert_non_null(added->days);
	for (size_t i = 0; i < day_count; i++)
		added->days[i] = (struct cut_day){ .day = (uint32_t)(20000000 + i), .count = count };
	return added;
}

static void
add_many(uint64_t first, size_t count)
{
	for (uint64_t i = first; i < first + count; i++)
		(void)add_key(i * UINT64_C(0x9e3779b97f4a7c15), i % 4, i + 1);
}

static void
write_file(void)
{
	struct dump_info info;

	kit_tree_write(f.directory.fd, "1_t.tree", &f.tree, &info);
}

static int
pass(void *context, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count)
{
	(void)context;
	(void)key;
	(void)total;
	(void)days;
	(void)day_count;
	return 0;
}

static int
load(struct tree **ret_tree, struct dump_fault *ret_fault)
{
	struct dump_info info;

	memset(ret_fault, 0, sizeof(*ret_fault));
	return dump_load(f.engine, f.directory.fd, "1_t.tree", DUMP_ID_NEW, ret_tree, &info, ret_fault);
}

static int
cut_collect(void *context, const struct cut_key *key)
{
	return kit_tree_visit(context, key->key, key->total, key->days, key->day_count);
}

/* ---- what comes of them ---- */

/* The file's keys, the later of two: the last `count` of what was added. */
static void
expect_last(size_t count)
{
	struct kit_tree wanted = { .keys = f.tree.keys + (f.tree.count - count), .count = count };
	struct kit_tree seen = { 0 };
	struct cut_summary summary;
	struct dump_fault fault;
	struct tree *tree;

	write_file();
	if (load(&tree, &fault) != DUMP_OK)
		fail_msg("%s", fault.text);
	engine_batch_begin(f.worker);
	assert_int_equal(tree_load_publish(f.worker, tree, "t", 1), 0);
	engine_batch_end(f.worker);
	assert_int_equal(tree_cut(f.engine, tree, cut_collect, &seen, &summary), 0);
	kit_tree_assert_equal(&wanted, &seen);
	kit_tree_deinit(&seen);
}

static void
many_batches(void **state)
{
	(void)state;
	add_many(0, KEYS);
	expect_last(f.tree.count);
}

static void
the_later_of_two_wins(void **state)
{
	(void)state;
	add_many(0, KEYS);
	for (size_t i = 0; i < KEYS; i++) { /* the same keys, some batches behind, with other days */
		const struct kit_key before = f.tree.keys[i];

		(void)add_key(before.key, (before.day_count + 1) % 5, 3 * i + 2);
	}
	expect_last(KEYS);
}

static void
keys_with_more_days_than_a_batch(void **state)
{
	(void)state;
	add_many(0, 5000);
	(void)add_key(1, LARGE_DAYS, 2);
	(void)add_key(2, 4096, 3);
	(void)add_key(3, 4097, 3);
	(void)add_key(4, 1, 3);
	add_many(5001, 5000);
	(void)add_key(5, LARGE_DAYS, 2);
	expect_last(f.tree.count);
}

/* ---- and what does not ---- */

static void
damage_is_told_as_by_a_reader(void **state)
{
	unsigned char *data;
	size_t bytes;

	(void)state;
	add_many(0, KEYS);
	write_file();
	data = kit_file_get(f.directory.fd, "1_t.tree", &bytes);
	for (unsigned part = 1; part < 16; part++) {
		size_t at = bytes / 16 * part;
		unsigned char before = data[at];
		struct dump_fault wanted = { 0 }, seen;
		struct dump_info info;
		struct tree *tree;

		data[at] = 0xc1; /* no MessagePack */
		kit_file_put(f.directory.fd, "1_t.tree", data, part % 4 == 0 ? at : bytes);
		data[at] = before;
		assert_int_equal(dump_file_read(f.directory.fd, "1_t.tree", pass, NULL, &info, &wanted), DUMP_DAMAGED);
		assert_int_equal(load(&tree, &seen), DUMP_DAMAGED);
		assert_string_equal(seen.text, wanted.text);
	}
	free(data);
}

/* Each day is possible, and their sum is not: only the engine knows. */
static void
a_key_that_cannot_be_is_named(void **state)
{
	struct dump_fault fault;
	struct tree *tree;

	(void)state;
	add_many(0, KEYS);
	add_key(4711, 2, COUNT_MAX)->total = 7;
	add_many(KEYS, 9);
	write_file();
	assert_int_equal(load(&tree, &fault), DUMP_DAMAGED);
	assert_non_null(strstr(fault.text, "key 4711: the counter cannot be loaded"));
}

static void
memory_may_end_anywhere(void **state)
{
	static const int left[] = { 0, 1, 5, 1000, 10000, KEYS - 1 };
	struct dump_fault fault;
	struct tree *tree;

	(void)state;
	add_many(0, KEYS);
	write_file();
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		atomic_store_explicit(&allocations_left, left[i], memory_order_relaxed);
		int r = load(&tree, &fault);

		atomic_store_explicit(&allocations_left, -1, memory_order_relaxed);
		assert_int_equal(r, -ENOMEM);
		assert_non_null(strstr(fault.text, "1_t.tree: "));
		assert_non_null(strstr(fault.text, "memory"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(many_batches, setup, teardown),
		cmocka_unit_test_setup_teardown(the_later_of_two_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_with_more_days_than_a_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_is_told_as_by_a_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(a_key_that_cannot_be_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_may_end_anywhere, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
