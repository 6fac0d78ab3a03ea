/* What gives memory back takes nothing that counts, is logged, and is not begun for a client that has gone. */
#include "command/asker.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

int __real_tree_compact_all(struct engine_worker *worker, const char *name, size_t bytes,
                            const struct section_steps *steps);
int __wrap_tree_compact_all(struct engine_worker *worker, const char *name, size_t bytes,
                            const struct section_steps *steps);

/* What the next compaction returns, if not 0. Relaxed: the job's queue orders it. */
static _Atomic(int) failure;

int
__wrap_tree_compact_all(struct engine_worker *worker, const char *name, size_t bytes, const struct section_steps *steps)
{
	int r = atomic_exchange_explicit(&failure, 0, memory_order_relaxed);

	return r == 0 ? __real_tree_compact_all(worker, name, bytes, steps) : r;
}

static void
fill(struct asker *asker, const char *tree)
{
	kit_add_day(asker->kit, tree, 1, 20260101, 1);
	kit_add_day(asker->kit, tree, 2, 20260101, 1);
	kit_add_day(asker->kit, tree, 2, 20260102, 2);
	kit_add(asker->kit, tree, 3, 1);
	kit_decrement(asker->kit, tree, 3); /* a day at 0 */
	kit_add(asker->kit, tree, 4, 1);
	kit_reset_key(asker->kit, tree, 4);
}

static void
empty_keys_go(void **state)
{
	struct asker *asker = *state;

	fill(asker, "a");
	fill(asker, "b");
	fill(asker, "c");
	asker_expect_v2(asker, "\"op\":\"series.compact\",\"series\":\"a\"", "\"OK\"");
	assert_int_equal(kit_key_count(asker->kit, "a"), 2);
	assert_int_equal(kit_key_count(asker->kit, "b"), 4);
	asker_expect_v2(asker, "\"op\":\"tree.compact\",\"tree\":\"b\"", "\"OK\"");
	assert_int_equal(kit_key_count(asker->kit, "b"), 2);
	assert_int_equal(kit_key_count(asker->kit, "c"), 4);
	asker_expect_v2(asker, "\"op\":\"system.compact\"", "\"OK\"");
	assert_int_equal(kit_key_count(asker->kit, "c"), 2);
	assert_int_equal(kit_total(asker->kit, "c", 2), 3);
	asker_expect_v2_error(asker, "\"op\":\"series.compact\",\"series\":\"none\"", "not_found",
	                      "Tree \\\"none\\\" not found");
}

static void
older_buckets_go_and_their_keys(void **state)
{
	struct asker *asker = *state;

	fill(asker, "a");
	fill(asker, "b");
	asker_expect_v2(asker, "\"op\":\"series.delete_before\",\"series\":\"a\",\"before\":20260102", "\"OK\"");
	asker_expect_v2(
	    asker, "\"op\":\"tree.keys\",\"series\":\"a\",\"limit\":9",
	    "{\"tree\":\"a\",\"limit\":9,\"cursor\":null,\"next_cursor\":null,\"keys\":[{\"key\":2,\"total\":2}]}");
	asker_expect_v2(asker, "\"op\":\"tree.delete_before\",\"series\":\"b\",\"date\":0", "\"OK\"");
	asker_expect_v2(asker, "\"op\":\"tree.info\",\"series\":\"b\"",
	                "{\"tree\":\"b\",\"key_count\":2,\"bucket_count\":3,\"total\":4,\"branches\":9}");
	asker_expect_v2(asker, "\"op\":\"series.delete_before\",\"series\":\"b\",\"before\":18446744073709551615",
	                "\"OK\"");
	assert_int_equal(kit_key_count(asker->kit, "b"), 0);
	asker_expect_v2_error(asker, "\"op\":\"series.delete_before\",\"series\":\"none\",\"before\":5", "not_found",
	                      "Tree \\\"none\\\" not found");
	asker_expect_v2_error(asker, "\"op\":\"series.delete_before\",\"before\":-5", "validation_error",
	                      "Field tree or series is required");
	asker_expect_v2_error(asker, "\"op\":\"series.delete_before\",\"series\":\"a\",\"before\":-5",
	                      "validation_error", "Field before must be greater than or equal to 0");
	asker_expect_v2_error(asker, "\"op\":\"series.delete_before\",\"series\":\"a\"", "validation_error",
	                      "Field before is required");
}

static void
a_failure_says_what_was_done(void **state)
{
	struct asker *asker = *state;

	fill(asker, "a");
	atomic_store_explicit(&failure, -ENOMEM, memory_order_relaxed);
	asker_expect_v2_error(asker, "\"op\":\"system.compact\"", "internal_error", "Out of memory, nothing changed");
	atomic_store_explicit(&failure, -ENOMEM, memory_order_relaxed);
	asker_expect_v2_error(asker, "\"op\":\"series.delete_before\",\"series\":\"a\",\"before\":20260102",
	                      "internal_error", "Out of memory, a part may be done: repeat the request");
	assert_int_equal(kit_total(asker->kit, "a", 1), 0);
	asker_expect_v2(asker, "\"op\":\"system.compact\"", "\"OK\"");
	assert_int_equal(kit_key_count(asker->kit, "a"), 1);
}

/* The reply waits for the log, so what it says is true after a crash. */
static void
what_is_compacted_is_logged(void **state)
{
	enum { TICKET = 5 };
	struct asker *asker = *state;
	const char *line = "{\"v\":2,\"op\":\"series.delete_before\",\"series\":\"a\",\"before\":20260102}";
	uint64_t ticket, hold = 0;
	struct buffer reply;

	fill(asker, "a");
	command_batch_begin(asker->worker);
	assert_int_equal(command_batch_push(asker->worker, line, strlen(line), &asker->client, TICKET), 0);
	assert_int_equal(command_batch_run(asker->worker, 0, &asker->reply, &hold), COMMAND_PENDING);
	command_batch_end(asker->worker);
	while (!command_completed(asker->worker, &ticket, &reply, &hold)) {
		while (sem_wait(&asker->woken) != 0)
			;
	}
	buffer_deinit(&reply);
	assert_true(hold > 0);
	assert_int_equal(wal_sync(store_wal(asker->kit->store), hold), 0);
	struct kit *copy = kit_copy(asker->kit);
	void *copy_state = copy;

	assert_int_equal(kit_open(copy), 0);
	assert_int_equal(kit_key_count(copy, "a"), 1);
	assert_int_equal(kit_total(copy, "a", 2), 2);
	assert_int_equal(kit_teardown(&copy_state), 0);
}

static void
nothing_is_begun_for_who_has_gone(void **state)
{
	enum { TICKET = 5 };
	struct asker *asker = *state;
	const char *line = "{\"v\":2,\"op\":\"system.compact\"}";
	struct blocker blocker;
	struct buffer reply;

	fill(asker, "a");
	asker_block_maintenance(asker, &blocker);
	command_batch_begin(asker->worker);
	assert_int_equal(command_batch_push(asker->worker, line, strlen(line), &asker->client, TICKET), 0);
	assert_int_equal(command_batch_run(asker->worker, 0, &asker->reply, &(uint64_t){ 0 }), COMMAND_PENDING);
	command_batch_end(asker->worker);
	command_abandon(asker->worker, TICKET);
	asker_unblock(&blocker);
	assert_int_equal(asker_wait(asker, &reply), TICKET);
	buffer_deinit(&reply);
	assert_int_equal(kit_key_count(asker->kit, "a"), 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(empty_keys_go, asker_setup, asker_teardown),
		cmocka_unit_test_setup_teardown(empty_keys_go, asker_setup_log, asker_teardown),
		cmocka_unit_test_setup_teardown(older_buckets_go_and_their_keys, asker_setup, asker_teardown),
		cmocka_unit_test_setup_teardown(a_failure_says_what_was_done, asker_setup_log, asker_teardown),
		cmocka_unit_test_setup_teardown(what_is_compacted_is_logged, asker_setup_log, asker_teardown),
		cmocka_unit_test_setup_teardown(nothing_is_begun_for_who_has_gone, asker_setup, asker_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
