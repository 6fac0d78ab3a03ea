/* What a reply depends on; a log without room, full or failed: no write touches memory, reads go on. */
#include "command/asker.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "wal/wal.h"

#define INCREMENT "{\"command\":\"increment\",\"tree_name\":\"a\",\"key\":1}"
#define SUM       "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":1}"

enum wal_state __real_wal_state(const struct wal *wal);
enum wal_state __wrap_wal_state(const struct wal *wal);

/* What the log says of itself; negative: the truth. Relaxed: no other thread hangs on it. */
static _Atomic(int) pretended = -1;

enum wal_state
__wrap_wal_state(const struct wal *wal)
{
	int state = atomic_load_explicit(&pretended, memory_order_relaxed);

	return state >= 0 ? (enum wal_state)state : __real_wal_state(wal);
}

static void
pretend(int state)
{
	atomic_store_explicit(&pretended, state, memory_order_relaxed);
}

static int
teardown(void **state)
{
	pretend(-1);
	return asker_teardown(state);
}

/* Runs one line in a batch of its own; its reply is added to asker->reply. */
static enum command_status
run(struct asker *asker, const char *line, uint64_t *ret_hold)
{
	command_batch_begin(asker->worker);
	int index = command_batch_push(asker->worker, line, strlen(line), &asker->client, 0);

	assert_int_equal(index, 0);
	enum command_status status = command_batch_run(asker->worker, index, &asker->reply, ret_hold);

	command_batch_end(asker->worker);
	return status;
}

static void
writes_depend_on_the_log_and_reads_do_not(void **state)
{
	struct asker *asker = *state;
	static const struct {
		const char *line;
		bool holds;
	} steps[] = {
		{ INCREMENT, true },
		{ SUM, false },
		{ "{\"command\":\"create\",\"tree_name\":\"a\"}", true }, /* somebody else may have made it just now */
		{ "{\"command\":\"decrement\",\"tree_name\":\"a\",\"key\":1}", true },
		{ "{\"command\":\"decrement\",\"tree_name\":\"a\",\"key\":99}", true },
		{ "{\"command\":\"reset\",\"tree_name\":\"a\",\"key\":1}", true },
		{ "{\"command\":\"delete\",\"tree_name\":\"a\",\"key\":1,\"time_from\":0,\"time_to\":1}", true },
		{ "{\"command\":\"find\",\"tree_name\":\"a\",\"key\":1,\"time_from\":0,\"time_to\":1}", false },
		{ "{\"command\":\"drop\",\"tree_name\":\"missing\"}", true },
		{ "{\"command\":\"increment\",\"tree_name\":\"a\"}", false }, /* refused before it looked at anything */
		{ "{\"command\":\"ping\"}", false },
		{ "no JSON", false },
		{ "{\"command\":\"drop\",\"tree_name\":\"a\"}", true },
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		uint64_t before = command_released(asker->worker);
		uint64_t hold = 77;

		assert_int_equal(run(asker, steps[i].line, &hold), COMMAND_DONE);
		if (steps[i].holds)
			assert_in_range(hold, before + 1, before + 3);
		else
			assert_int_equal(hold, 0);
		if (hold > 0)
			asker_wait_released(asker, hold);
	}
}

static void
without_sync_replies_wait_for_nothing(void **state)
{
	struct asker *asker = *state;
	uint64_t hold = 77;

	asker->kit->options.wal_fsync = WAL_FSYNC_EVERYSEC;
	command_worker_destroy(asker->worker);
	kit_close(asker->kit);
	assert_int_equal(kit_open(asker->kit), 0);
	asker->options.engine = asker->kit->engine;
	asker->options.store = asker->kit->store;
	assert_int_equal(command_worker_create(&asker->options, &asker->worker), 0);
	assert_int_equal(run(asker, INCREMENT, &hold), COMMAND_DONE);
	assert_int_equal(hold, 0);
}

/* Creates trees with long names until one finds no room. Returns how many were made; *ret_hold as of the last. */
static unsigned
fill(struct asker *asker, uint64_t *ret_hold)
{
	static char line[2048];
	unsigned made = 0;

	command_batch_begin(asker->worker);
	for (;;) {
		(void)snprintf(line, sizeof(line), "{\"command\":\"create\",\"tree_name\":\"%01000u\"}", made);
		int index = command_batch_push(asker->worker, line, strlen(line), &asker->client, 0);

		assert_true(index >= 0); /* 64 KiB of log are full before the batch is */
		if (command_batch_run(asker->worker, index, &asker->reply, ret_hold) == COMMAND_LATER)
			break;
		made++;
	}
	return made;
}

static void
without_room_writes_come_later_and_reads_at_once(void **state)
{
	struct asker *asker = *state;
	uint64_t hold = 0;
	uint64_t again = 0;
	const unsigned made = fill(asker, &hold);
	int increment = command_batch_push(asker->worker, INCREMENT, strlen(INCREMENT), &asker->client, 0);
	int sum = command_batch_push(asker->worker, SUM, strlen(SUM), &asker->client, 0);
	size_t begin = asker->reply.bytes;

	/* Little would find room, but nothing is begun before the first. */
	assert_true(made > 10);
	assert_int_equal(command_batch_run(asker->worker, increment, &asker->reply, &again), COMMAND_LATER);
	assert_int_equal(again, hold);
	assert_int_equal(asker->reply.bytes, begin);
	assert_int_equal(command_batch_run(asker->worker, sum, &asker->reply, &again), COMMAND_DONE);
	assert_int_equal(again, 0);
	command_batch_end(asker->worker);

	asker_wait_released(asker, hold);
	assert_int_equal(run(asker, INCREMENT, &again), COMMAND_DONE);
	asker_expect(asker, SUM, true, "1");
	asker_wait_released(asker, again);
}

static void
push_increments(struct asker *asker, int count)
{
	for (int i = 0; i < count; i++)
		assert_true(command_batch_push(asker->worker, INCREMENT, strlen(INCREMENT), &asker->client, 1) >= 0);
}

/* Of increments that would be executed together none is, when the first is refused or comes later. */
static void
what_is_not_executed_does_not_take_others_along(void **state)
{
	enum { COUNT = 3 };
	struct asker *asker = *state;
	uint64_t hold = 0;
	const int first = (int)fill(asker, &hold) + 1;

	push_increments(asker, COUNT);
	for (int i = first; i < first + COUNT; i++) {
		assert_false(command_batch_is_done(asker->worker, i));
		assert_int_equal(command_batch_run(asker->worker, i, &asker->reply, &hold), COMMAND_LATER);
	}
	command_batch_end(asker->worker);
	asker_wait_released(asker, hold);
	pretend(WAL_FULL);
	command_batch_begin(asker->worker);
	push_increments(asker, COUNT);
	for (int i = 0; i < COUNT; i++) {
		if (i == 1)
			pretend(-1);
		assert_int_equal(command_batch_is_done(asker->worker, i), i == 2);
		assert_int_equal(command_batch_run(asker->worker, i, &asker->reply, &hold), COMMAND_DONE);
		assert_int_equal(hold != 0, i != 0);
	}
	command_batch_end(asker->worker);
	asker_expect(asker, SUM, true, "2");
}

static void
what_the_log_can_never_take_is_refused(void **state)
{
	enum { DAYS = 3000, FIRST = 20200101 };
	struct asker *asker = *state;
	static struct cut_day days[DAYS];
	struct tree *tree = NULL;

	for (uint32_t i = 0; i < DAYS; i++)
		days[i] = (struct cut_day){ .day = FIRST + i, .count = 1 };
	assert_int_equal(tree_load_begin(asker->kit->engine, 0, 1, &tree), 0);
	assert_int_equal(tree_load_key(tree, 1, DAYS, days, DAYS), 0);
	engine_batch_begin(asker->kit->worker);
	assert_int_equal(tree_load_publish(asker->kit->worker, tree, "a", 1), 0);
	(void)effect_log_append(&asker->kit->effects);
	engine_batch_end(asker->kit->worker);
	asker_expect(
	    asker, "{\"command\":\"reset\",\"tree_name\":\"a\",\"key\":1}", false,
	    "\"Request too large for the log, nothing changed: ask for less at once, or raise --wal-segment-bytes\"");
	asker_expect(asker, SUM, true, "3000");
	/* The writes behind it are not held up. */
	asker_expect(asker, INCREMENT, true, "1");
	asker_expect(asker, SUM, true, "3001");
}

static void
on_a_full_disk_writes_are_refused(void **state)
{
	struct asker *asker = *state;
	uint64_t hold = 77;

	asker_expect(asker, INCREMENT, true, "1");
	pretend(WAL_FULL);
	asker_expect(asker, INCREMENT, false, "\"Disk is full, writes are refused\"");
	asker_expect(asker, "{\"command\":\"drop\",\"tree_name\":\"a\"}", false,
	             "\"Disk is full, writes are refused\"");
	asker_expect(asker, "{\"command\":\"delete\",\"tree_name\":\"a\",\"time_from\":0,\"time_to\":99999999}", false,
	             "\"Disk is full, writes are refused\"");
	asker_expect(asker, SUM, true, "1");
	assert_int_equal(run(asker, INCREMENT, &hold), COMMAND_DONE);
	assert_int_equal(hold, 0);
	assert_false(command_log_failed(asker->worker));
	pretend(-1);
	asker_expect(asker, INCREMENT, true, "1");
	asker_expect(asker, SUM, true, "2");
}

static void
with_a_failed_log_the_server_is_read_only(void **state)
{
	struct asker *asker = *state;

	asker_expect(asker, INCREMENT, true, "1");
	pretend(WAL_FAILED);
	assert_true(command_log_failed(asker->worker));
	asker_expect(asker, INCREMENT, false, "\"The log has failed, the server is read-only until restarted\"");
	asker_expect(asker, "{\"command\":\"dump\",\"tree_name\":\"a\"}", false,
	             "\"The log has failed, the server is read-only until restarted\"");
	asker_expect(asker, "{\"command\":\"dump_all\"}", false,
	             "\"The log has failed, the server is read-only until restarted\"");
	asker_expect(asker, SUM, true, "1");
	assert_int_equal(kit_file_count(asker->kit, ".tree"), 0);
}

static void
held_replies_become_as_many_that_tell_of_the_failure(void **state)
{
	static const char held[] = "{\"success\":true,\"response\":1}\r\n{\"success\":true,\"response\":\"OK\"}\r\n";
	static const char unknown[] =
	    "{\"success\":false,\"response\":\"The log has failed, the outcome is unknown\"}\r\n";
	struct buffer out;

	(void)state;
	buffer_init(&out, SIZE_MAX);
	command_reply_unknown(held, sizeof(held) - 1, &out);
	assert_int_equal(out.bytes, 2 * (sizeof(unknown) - 1));
	assert_memory_equal(out.data, unknown, sizeof(unknown) - 1);
	assert_memory_equal(out.data + sizeof(unknown) - 1, unknown, sizeof(unknown) - 1);
	buffer_deinit(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_depend_on_the_log_and_reads_do_not, asker_setup_log, teardown),
		cmocka_unit_test_setup_teardown(without_sync_replies_wait_for_nothing, asker_setup_log, teardown),
		cmocka_unit_test_setup_teardown(without_room_writes_come_later_and_reads_at_once, asker_setup_log,
		                                teardown),
		cmocka_unit_test_setup_teardown(what_is_not_executed_does_not_take_others_along, asker_setup_log,
		                                teardown),
		cmocka_unit_test_setup_teardown(what_the_log_can_never_take_is_refused, asker_setup_log, teardown),
		cmocka_unit_test_setup_teardown(on_a_full_disk_writes_are_refused, asker_setup_log, teardown),
		cmocka_unit_test_setup_teardown(with_a_failed_log_the_server_is_read_only, asker_setup_log, teardown),
		cmocka_unit_test(held_replies_become_as_many_that_tell_of_the_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
