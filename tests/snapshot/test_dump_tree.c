/* Trees go to files and come back as they were, also while writers run: each file is one state of its tree. */
#include "snapshot/kit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TODAY = 20261123 };

static const uint8_t identity[DIRECTORY_IDENTITY_BYTES] = "0123456789abcde";

struct fixture {
	struct kit_directory directory;
	struct engine *engine;
	struct engine_worker *worker;
};

static struct fixture f;

static int
setup(void **state)
{
	(void)state;
	kit_directory_open(&f.directory);
	assert_int_equal(engine_create(100, TODAY, &f.engine), 0);
	assert_int_equal(engine_worker_create(f.engine, &f.worker), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	engine_worker_destroy(f.worker);
	engine_destroy(f.engine);
	kit_directory_close(&f.directory);
	return 0;
}

static struct tree *
tree_make(const char *name)
{
	struct tree *tree;

	engine_batch_begin(f.worker);
	assert_int_equal(tree_create(f.worker, name, strlen(name), &tree), 0);
	engine_batch_end(f.worker);
	return tree;
}

static void
tree_dump(const char *name, uint64_t stamp, struct dump_info *ret_info, char *ret_file)
{
	const struct dump_request request = {
		.directory_fd = f.directory.fd,
		.name = name,
		.name_bytes = strlen(name),
		.stamp = stamp,
		.identity = identity,
	};
	struct tree *tree = engine_pin_tree(f.engine, name, strlen(name));

	assert_non_null(tree);
	assert_int_equal(dump_tree(f.engine, tree, &request, ret_info, ret_file), 0);
}

/* Loads a file and publishes it under a name. */
static struct tree *
tree_load(const char *file, bool keep_id, const char *name, struct dump_info *ret_info)
{
	struct dump_fault fault;
	struct tree *tree;

	if (dump_load(f.engine, f.directory.fd, file, keep_id ? DUMP_ID_OF_FILE : DUMP_ID_NEW, &tree, ret_info,
	              &fault) != DUMP_OK)
		fail_msg("%s", fault.text);
	engine_batch_begin(f.worker);
	assert_int_equal(tree_load_publish(f.worker, tree, name, strlen(name)), 0);
	engine_batch_end(f.worker);
	return tree;
}

static int
cut_collect(void *context, const struct cut_key *key)
{
	return kit_tree_visit(context, key->key, key->total, key->days, key->day_count);
}

static void
tree_collect(struct tree *tree, struct kit_tree *ret)
{
	struct cut_summary summary;

	*ret = (struct kit_tree){ 0 };
	assert_int_equal(tree_cut(f.engine, tree, cut_collect, ret, &summary), 0);
}

static int
cut_kept(void *context, const struct cut_key *key)
{
	uint64_t *kept = context;

	for (size_t i = 0; i < key->day_count; i++)
		kept[key->key] += key->days[i].kept;
	return 0;
}

/* Of its flags only those matter that effects to come build on: the counts are what they were. */
static void
a_day_that_was_kept_at_0_comes_back_as_such(void **state)
{
	struct tree *tree = tree_make("kept");
	struct cut_summary summary;
	struct dump_info info, loaded;
	char file[DUMP_FILE_NAME_MAX + 1];
	uint64_t kept[5] = { 0 };

	(void)state;
	engine_batch_begin(f.worker);
	for (uint64_t key = 1; key < 5; key++)
		assert_int_equal(tree_add(f.worker, tree, key, TODAY, 1), 0);
	for (uint64_t key = 3; key < 5; key++) {
		assert_int_equal(tree_decrement(f.worker, tree, key), 0);
		assert_int_equal(tree_add(f.worker, tree, key, TODAY, 4 * key), 0);
		assert_int_equal(tree_add(f.worker, tree, key, TODAY - 1, 4 * key), 0);
	}
	engine_batch_end(f.worker);
	tree_dump("kept", 1688, &info, file);
	tree = tree_load(file, true, "kept", &loaded);
	assert_int_equal(loaded.days, 6);
	assert_int_equal(tree_sum_range(tree, 4, TODAY, TODAY), 16);
	assert_int_equal(tree_cut(f.engine, tree, cut_kept, kept, &summary), 0);
	assert_true(kept[1] == 0 && kept[2] == 0 && kept[3] == 1 && kept[4] == 1);
}

static void
a_tree_comes_back_as_it_was(void **state)
{
	struct tree *tree = tree_make("page_views");
	struct kit_tree before;
	struct kit_tree after;
	struct dump_info info;
	struct dump_info loaded;
	char file[DUMP_FILE_NAME_MAX + 1];

	(void)state;
	engine_batch_begin(f.worker);
	for (uint64_t key = 0; key < 5000; key++) {
		for (uint32_t day = 0; day < key % 40; day++)
			assert_int_equal(tree_add(f.worker, tree, key * key, TODAY - day, 1 + key), 0);
	}
	assert_int_equal(tree_decrement(f.worker, tree, 1), 0);
	assert_int_equal(tree_decrement(f.worker, tree, 1), 0);
	assert_int_equal(tree_reset_key(f.worker, tree, 4), 0);
	/* The total below its days, and above none. */
	assert_int_equal(tree_add(f.worker, tree, UINT64_MAX, TODAY - 1, 5), 0);
	assert_int_equal(tree_decrement(f.worker, tree, UINT64_MAX), 0);
	engine_batch_end(f.worker);
	tree_collect(tree, &before);
	tree_dump("page_views", 1688, &info, file);
	assert_string_equal(file, "1688_page_views.tree");
	assert_true(info.ours);
	assert_int_equal(info.tree_id, tree_id(tree));
	assert_int_equal(info.keys, before.count);
	assert_memory_equal(info.identity, identity, sizeof(identity));

	struct tree *copy = tree_load(file, false, "copy", &loaded);

	assert_memory_equal(&loaded, &info, sizeof(info));
	assert_int_not_equal(tree_id(copy), tree_id(tree));
	tree_collect(copy, &after);
	kit_tree_assert_equal(&before, &after);
	kit_tree_deinit(&before);
	kit_tree_deinit(&after);
}

static void
an_id_is_kept_when_asked_for(void **state)
{
	struct tree *tree = tree_make("a/b");
	uint64_t id = tree_id(tree);
	struct dump_info info;
	char file[DUMP_FILE_NAME_MAX + 1];

	(void)state;
	tree_dump("a/b", 5, &info, file);
	assert_string_equal(file, "5_a%2Fb.tree");
	tree = tree_load(file, true, "a/b", &info);
	assert_int_equal(tree_id(tree), id);
	assert_int_equal(tree_generation(tree), info.generation + 1);
	assert_true(engine_tree_id_next(f.engine) > id);
	assert_int_equal(info.name_bytes, 3);
	assert_memory_equal(info.name, "a/b", 3);

	/* A file of the original's has none. */
	static const char original[] = "\x82\254branches_num\x01\250branches\x91\x81\x05\x82\245total\x02\245table\x80";

	kit_file_put(f.directory.fd, "6_b.tree", original, sizeof(original) - 1);
	tree = tree_load("6_b.tree", true, "b", &info);
	assert_false(info.ours);
	assert_true(tree_id(tree) > id);
	assert_int_equal(info.keys, 1);
	engine_batch_begin(f.worker);
	assert_int_equal(tree_total(tree_find(f.worker, "b", 1), 5), 2);
	engine_batch_end(f.worker);
}

static void
a_total_that_grew_too_large_is_still_dumped(void **state)
{
	static const char large[] = "\x82\254branches_num\x01\250branches\x91\x81\x05\x82\245table\x80\245total\xcf"
	                            "\x1f\xff\xfe\x00\x00\x00\x00\x00";
	struct dump_info info;
	char file[DUMP_FILE_NAME_MAX + 1];

	(void)state;
	kit_file_put(f.directory.fd, "5_x.tree", large, sizeof(large) - 1);
	struct tree *tree = tree_load("5_x.tree", false, "x", &info);

	engine_batch_begin(f.worker);
	assert_int_equal(tree_add(f.worker, tree, 5, TODAY, 1), 0);
	engine_batch_end(f.worker);
	tree_dump("x", 6, &info, file);
	tree = tree_load(file, false, "x", &info);
	engine_batch_begin(f.worker);
	assert_int_equal(tree_total(tree, 5), COUNT_MAX);
	assert_int_equal(tree_sum_range(tree, 5, 0, UINT64_MAX), 1);
	engine_batch_end(f.worker);
}

static void
a_damaged_file_leaves_nothing(void **state)
{
	struct tree *tree = tree_make("x");
	struct dump_info info;
	struct dump_fault fault;
	char file[DUMP_FILE_NAME_MAX + 1];
	size_t bytes;

	(void)state;
	engine_batch_begin(f.worker);
	for (uint64_t key = 0; key < 1000; key++)
		assert_int_equal(tree_add(f.worker, tree, key, TODAY, 1), 0);
	engine_batch_end(f.worker);
	tree_dump("x", 5, &info, file);
	unsigned char *data = kit_file_get(f.directory.fd, file, &bytes);

	data[bytes / 2] ^= 1;
	kit_file_put(f.directory.fd, "6_x.tree", data, bytes);
	/* The leak checker of a sanitized build sees a half-made tree that was not discarded. */
	assert_int_equal(dump_load(f.engine, f.directory.fd, "6_x.tree", DUMP_ID_OF_FILE, &tree, &info, &fault),
	                 DUMP_DAMAGED);
	kit_file_put(f.directory.fd, "6_x.tree", data, bytes / 2);
	assert_int_equal(dump_load(f.engine, f.directory.fd, "6_x.tree", DUMP_ID_OF_FILE, &tree, &info, &fault),
	                 DUMP_DAMAGED);
	assert_int_equal(dump_load(f.engine, f.directory.fd, "7_x.tree", DUMP_ID_OF_FILE, &tree, &info, &fault),
	                 DUMP_MISSING);
	/* What the engine will not take: days whose sum is too large. */
	static const char sum[] = "\x82\254branches_num\x01\250branches\x91\x81\x05\x82\245total\x02\245table\x82"
	                          "\x01\xcf\x1f\xff\xfe\x00\x00\x00\x00\x00\x02\x01";

	kit_file_put(f.directory.fd, "6_x.tree", sum, sizeof(sum) - 1);
	assert_int_equal(dump_load(f.engine, f.directory.fd, "6_x.tree", DUMP_ID_NEW, &tree, &info, &fault),
	                 DUMP_DAMAGED);
	assert_string_equal(fault.text, "6_x.tree: offset 26: key 5: the counter cannot be loaded");
	free(data);
}

static int
refuse_to_publish(void *context)
{
	assert_int_equal(kit_directory_files(context), 1); /* the temporary one */
	return -ECANCELED;
}

static void
the_caller_may_stop_before_the_name(void **state)
{
	struct tree *tree = tree_make("x");
	struct dump_info info;
	char file[DUMP_FILE_NAME_MAX + 1];
	struct dump_request request = {
		.directory_fd = f.directory.fd,
		.name = "x",
		.name_bytes = 1,
		.stamp = 5,
		.identity = identity,
		.before_publish = refuse_to_publish,
		.context = &f.directory,
	};

	(void)state;
	assert_int_equal(dump_tree(f.engine, tree, &request, &info, file), -ECANCELED);
	assert_int_equal(kit_directory_files(&f.directory), 0);
	request.before_publish = NULL;
	assert_int_equal(dump_tree(f.engine, tree, &request, &info, file), 0);
	assert_int_equal(dump_tree(f.engine, tree, &request, &info, file), -EEXIST);
	assert_int_equal(kit_directory_files(&f.directory), 1);
}

/* ---- with writers ---- */

enum { WRITERS = 2, PAIRS = 2000, ROUNDS = 8 };

static _Atomic bool stop;
static sem_t begun; /* by each writer, once it has added */

/*
 * Each writer has pairs of keys and adds to the even one, then to the odd one. A state of the tree has even - odd = 0 or
 * 1 for every pair, and for all pairs of a writer together: it stands between two adds of it.
 */
static void *
writer_run(void *context)
{
	uint64_t number = (uint64_t)(uintptr_t)context;
	struct engine_worker *worker;
	uint64_t done = 0;

	if (engine_worker_create(f.engine, &worker) != 0)
		return NULL;
	/* Relaxed: nothing is read through it. */
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		engine_batch_begin(worker);
		struct tree *tree = tree_find(worker, "busy", 4);

		for (int i = 0; i < 50; i++, done++) {
			uint64_t key = (number * PAIRS + done % PAIRS) * 2;

			if (tree_add(worker, tree, key, TODAY - (uint32_t)(done % 5), 1) != 0 ||
			    tree_add(worker, tree, key + 1, TODAY - (uint32_t)(done % 5), 1) != 0)
				break;
		}
		engine_batch_end(worker);
		if (done == 50)
			(void)sem_post(&begun);
	}
	engine_worker_destroy(worker);
	return (void *)(uintptr_t)done;
}

/* Keys are visited by branch: a key's pair comes much later, so the totals are kept. */
struct state {
	uint64_t totals[WRITERS * PAIRS * 2];
	uint64_t sum;
};

static int
state_visit(void *context, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count)
{
	struct state *state = context;
	uint64_t sum = 0;

	for (size_t d = 0; d < day_count; d++)
		sum += days[d].count;
	assert_int_equal(sum, total);
	assert_true(key < WRITERS * PAIRS * 2);
	state->totals[key] = total;
	state->sum += total;
	return 0;
}

static void
assert_one_state(const struct state *state)
{
	for (size_t writer = 0; writer < WRITERS; writer++) {
		const uint64_t *totals = state->totals + writer * PAIRS * 2;
		uint64_t open = 0;

		for (size_t pair = 0; pair < PAIRS; pair++) {
			assert_true(totals[2 * pair] - totals[2 * pair + 1] <= 1);
			open += totals[2 * pair] - totals[2 * pair + 1];
			/* The writer goes round: who comes earlier is one ahead at most. */
			assert_true(totals[0] - totals[2 * pair] <= 1);
		}
		assert_true(open <= 1);
	}
}

static void
files_are_states_of_a_busy_tree(void **state)
{
	pthread_t writers[WRITERS];
	struct state *seen = malloc(sizeof(*seen));
	struct dump_info info;
	struct dump_fault fault;
	char file[DUMP_FILE_NAME_MAX + 1];
	uint64_t last = 0;
	uint64_t done = 0;

	(void)state;
	assert_non_null(seen);
	(void)tree_make("busy");
	atomic_store_explicit(&stop, false, memory_order_relaxed);
	assert_int_equal(sem_init(&begun, 0, 0), 0);
	for (uintptr_t i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, writer_run, (void *)i), 0);
	for (unsigned i = 0; i < WRITERS; i++)
		(void)sem_wait(&begun);
	for (uint64_t round = 0; round < ROUNDS; round++) {
		tree_dump("busy", 1 + round, &info, file);
		memset(seen, 0, sizeof(*seen));
		if (dump_file_read(f.directory.fd, file, state_visit, seen, &info, &fault) != DUMP_OK)
			fail_msg("%s", fault.text);
		assert_one_state(seen);
		assert_true(seen->sum >= last);
		last = seen->sum;
	}
	assert_true(last > 0);
	atomic_store_explicit(&stop, true, memory_order_relaxed);
	for (size_t i = 0; i < WRITERS; i++) {
		void *result;

		assert_int_equal(pthread_join(writers[i], &result), 0);
		done += (uint64_t)(uintptr_t)result;
	}
	tree_dump("busy", 1000, &info, file);
	struct tree *copy = tree_load(file, false, "copy", &info);
	struct kit_tree kept;
	uint64_t sum = 0;

	tree_collect(copy, &kept);
	for (size_t i = 0; i < kept.count; i++)
		sum += kept.keys[i].total;
	assert_int_equal(sum, 2 * done);
	kit_tree_deinit(&kept);
	free(seen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_tree_comes_back_as_it_was, setup, teardown),
		cmocka_unit_test_setup_teardown(a_day_that_was_kept_at_0_comes_back_as_such, setup, teardown),
		cmocka_unit_test_setup_teardown(an_id_is_kept_when_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(a_total_that_grew_too_large_is_still_dumped, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_file_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(the_caller_may_stop_before_the_name, setup, teardown),
		cmocka_unit_test_setup_teardown(files_are_states_of_a_busy_tree, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
