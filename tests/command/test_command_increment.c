/* Which increments are executed together, and that each is answered, counted and refused as if it had come alone. */
#include "command/asker.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "proto/json_v1_shape.h"

/*
 * What a request is when its line could not be decoded is left open by the contract. Here it is the last good one.
 */
bool __real_json_v1_decode_shaped(struct v1_shapes *shapes, const char *line, size_t bytes, struct arena *scratch,
                                  struct v1_request *ret, struct v1_fault *ret_fault);
bool __wrap_json_v1_decode_shaped(struct v1_shapes *shapes, const char *line, size_t bytes, struct arena *scratch,
                                  struct v1_request *ret, struct v1_fault *ret_fault);

bool
__wrap_json_v1_decode_shaped(struct v1_shapes *shapes, const char *line, size_t bytes, struct arena *scratch,
                             struct v1_request *ret, struct v1_fault *ret_fault)
{
	static _Thread_local struct v1_request good;
	const bool decoded = __real_json_v1_decode_shaped(shapes, line, bytes, scratch, ret, ret_fault);

	if (decoded)
		good = *ret;
	else
		*ret = good;
	return decoded;
}

/* What the next tree_add() says instead of being done; 0: it is done. */
static int refusal;

int __real_tree_add(struct engine_worker *worker, struct tree *tree, uint64_t key, uint32_t day, uint64_t amount);
int __wrap_tree_add(struct engine_worker *worker, struct tree *tree, uint64_t key, uint32_t day, uint64_t amount);

int
__wrap_tree_add(struct engine_worker *worker, struct tree *tree, uint64_t key, uint32_t day, uint64_t amount)
{
	const int result = refusal;

	refusal = 0;
	return result != 0 ? result : __real_tree_add(worker, tree, key, day, amount);
}

#define INCREMENT(tree, key) "{\"command\":\"increment\",\"tree_name\":\"" tree "\",\"key\":" key "}"
#define DECREMENT(tree, key) "{\"command\":\"decrement\",\"tree_name\":\"" tree "\",\"key\":" key "}"
#define SUM(tree, key)       "{\"command\":\"sum\",\"tree_name\":\"" tree "\",\"key\":" key "}"

static void
only_what_is_alike_is_one(void **state)
{
	static const struct {
		const char *line, *response;
		uint64_t ticket;
		bool done; /* before it is run */
	} steps[] = {
		{ INCREMENT("a", "1"), "1", 1, false },
		{ INCREMENT("a", "1"), "1", 1, true },
		{ INCREMENT("a", "1"), "1", 1, true },
		{ INCREMENT("a", "1"), "1", 2, false }, /* another client */
		{ INCREMENT("a", "2"), "1", 2, false },
		{ INCREMENT("a", "2"), "1", 2, true },
		{ SUM("a", "2"), "2", 2, false }, /* in between it reads exactly what came before */
		{ INCREMENT("a", "2"), "1", 2, false },
		{ DECREMENT("a", "2"), "1", 2, false },
		{ INCREMENT("a", "2"), "1", 2, false },
		{ INCREMENT("ab", "2"), "1", 2, false },
		{ INCREMENT("b", "2"), "1", 2, false },
		{ INCREMENT("ab", "2"), "1", 2, false },
		{ INCREMENT("ab", "2") "}", NULL, 2, false }, /* not a request */
		{ INCREMENT("ab", "2"), "1", 2, false },
		/* The same in other words: v1 knows no amount and no day. */
		{ "{\"key\":2,\"value\":5,\"tree_name\":\"\\u0061b\",\"command\":\"increment\"}", "1", 2, true },
		{ "{\"command\":\"increment\",\"bucket\":20230701,\"time_from\":1,\"time_to\":2,\"tree_name\":\"ab\","
		  "\"key\":2}",
		  "1", 2, true },
		{ INCREMENT("a", "0"), "1", 2, false },
		{ "{\"command\":\"increment\",\"tree_name\":\"a\"}", "\"Field key is required\"", 2, false },
		{ INCREMENT("", "0"), "1", 2, false },
		{ "{\"command\":\"increment\",\"key\":0}", "\"Field tree_name is required\"", 2, false },
		{ SUM("a", "0"), "1", 2, false },
		{ SUM("", "0"), "1", 2, false },
		{ SUM("a", "1"), "4", 2, false },
		{ SUM("a", "2"), "3", 2, false },
		{ SUM("b", "2"), "1", 2, false },
		{ SUM("ab", "2"), "5", 2, false },
	};
	struct asker *asker = *state;
	int count = sizeof(steps) / sizeof(*steps);

	command_batch_begin(asker->worker);
	for (int i = 0; i < count; i++)
		assert_int_equal(asker_push(asker, steps[i].line, steps[i].ticket), i);
	for (int i = 0; i < count; i++) {
		assert_int_equal(command_batch_is_done(asker->worker, i), steps[i].done);
		if (steps[i].response != NULL)
			(void)asker_expect_run(asker, i, steps[i].response);
		assert_false(command_batch_is_done(asker->worker, -1));
	}
	command_batch_end(asker->worker);
}

/* A batch of the same increment, the most that there can be, each line answered. */
static void
run_increments(struct asker *asker, int count)
{
	command_batch_begin(asker->worker);
	for (int i = 0; i < count; i++)
		assert_int_equal(asker_push(asker, INCREMENT("a", "1"), 1), i);
	for (int i = 0; i < count; i++) {
		assert_int_equal(command_batch_is_done(asker->worker, i), i % COMMAND_TOGETHER_MAX != 0);
		(void)asker_expect_run(asker, i, "1");
	}
	command_batch_end(asker->worker);
}

static void
a_run_is_bounded(void **state)
{
	struct asker *asker = *state;

	run_increments(asker, BATCH_REQUESTS_MAX);
	asker_expect(asker, SUM("a", "1"), true, "1024");
	run_increments(asker, 1000);
	asker_expect(asker, SUM("a", "1"), true, "2024");
}

/* Neither lines of an earlier batch count, nor what one of them has left where a line could not be decoded. */
static void
what_an_earlier_batch_left_is_not_counted(void **state)
{
	struct asker *asker = *state;

	run_increments(asker, 10);
	run_increments(asker, 3);
	asker_expect(asker, SUM("a", "1"), true, "13");
	run_increments(asker, 10);
	command_batch_begin(asker->worker);
	assert_int_equal(asker_push(asker, INCREMENT("a", "1"), 1), 0);
	assert_int_equal(asker_push(asker, "no request", 1), 1);
	assert_int_equal(asker_push(asker, INCREMENT("a", "1"), 1), 2);
	(void)asker_expect_run(asker, 0, "1");
	for (int i = 1; i <= 2; i++)
		assert_false(command_batch_is_done(asker->worker, i));
	assert_int_equal(command_batch_run(asker->worker, 1, &asker->reply, &(uint64_t){ 0 }), COMMAND_DONE);
	(void)asker_expect_run(asker, 2, "1");
	command_batch_end(asker->worker);
	asker_expect(asker, SUM("a", "1"), true, "25");
}

/* Of lines that are left out those that have not been executed are not counted, and may come again. */
static void
a_run_begins_where_the_last_one_ended(void **state)
{
	struct asker *asker = *state;

	command_batch_begin(asker->worker);
	for (int i = 0; i < 6; i++)
		assert_int_equal(asker_push(asker, INCREMENT("a", "1"), i < 4 ? 1 : 2), i);
	for (int i = 4; i < 6; i++) {
		assert_int_equal(command_batch_is_done(asker->worker, i), i > 4);
		(void)asker_expect_run(asker, i, "1");
	}
	command_batch_end(asker->worker);
	asker_expect(asker, SUM("a", "1"), true, "2");
}

static void
set_count(struct asker *asker, uint64_t count)
{
	struct engine_worker *worker;
	struct tree *tree;

	assert_int_equal(engine_worker_create(asker->kit->engine, &worker), 0);
	engine_batch_begin(worker);
	(void)tree_create(worker, "a", 1, &tree);
	assert_int_equal(tree_set(worker, tree, 1, engine_today(asker->kit->engine), count), 0);
	engine_batch_end(worker);
	engine_worker_destroy(worker);
}

static void
at_the_highest_count_each_is_refused_by_itself(void **state)
{
	enum { TRIED = 6 };
	struct asker *asker = *state;
	char text[32];

	for (int left = 0; left <= TRIED; left++) {
		set_count(asker, COUNT_MAX - (uint64_t)left);
		command_batch_begin(asker->worker);
		for (int i = 0; i < TRIED; i++)
			assert_int_equal(asker_push(asker, INCREMENT("a", "1"), 1), i);
		for (int i = 0; i < TRIED; i++) {
			assert_int_equal(command_batch_is_done(asker->worker, i), left == TRIED && i > 0);
			(void)asker_expect_run(asker, i, i < left ? "1" : "\"Arithmetic overflow\"");
		}
		command_batch_end(asker->worker);
		(void)snprintf(text, sizeof(text), "%" PRIu64, (uint64_t)COUNT_MAX);
		asker_expect(asker, SUM("a", "1"), true, text);
	}
}

/* No room in the log, or no memory, is the first line's alone: the others are tried when it is their turn. */
static void
what_was_not_done_takes_no_others_along(void **state)
{
	static const int refusals[] = { -EAGAIN, -ENOMEM };
	struct asker *asker = *state;

	for (int i = 0; i < 2; i++) {
		command_batch_begin(asker->worker);
		for (int line = 0; line < 3; line++)
			assert_int_equal(asker_push(asker, INCREMENT("a", "1"), 1), line);
		refusal = refusals[i];
		assert_int_equal(command_batch_run(asker->worker, 0, &asker->reply, &(uint64_t){ 0 }),
		                 i == 0 ? COMMAND_LATER : COMMAND_DONE);
		assert_false(command_batch_is_done(asker->worker, 1));
		(void)asker_expect_run(asker, 1, "1");
		assert_true(command_batch_is_done(asker->worker, 2));
		(void)asker_expect_run(asker, 2, "1");
		command_batch_end(asker->worker);
		asker_expect(asker, SUM("a", "1"), true, i == 0 ? "2" : "4");
	}
}

/* A batch has one day for all its plain adds, whenever a new one begins. */
static void
a_day_that_changes_within_a_batch_is_for_the_next(void **state)
{
	struct asker *asker = *state;
	const uint32_t today = engine_today(asker->kit->engine);
	char text[128];

	command_batch_begin(asker->worker);
	for (int i = 0; i < 4; i++)
		assert_int_equal(asker_push(asker, INCREMENT("a", "1"), i < 3 ? 1 : 2), i);
	(void)asker_expect_run(asker, 0, "1");
	engine_today_advance(asker->kit->engine, today + 1);
	for (int i = 1; i < 4; i++)
		(void)asker_expect_run(asker, i, "1");
	command_batch_end(asker->worker);
	run_increments(asker, 2);
	(void)snprintf(text, sizeof(text), "{\"%u\":4,\"%u\":2}", (unsigned)today, (unsigned)today + 1);
	asker_expect(asker, "{\"command\":\"find\",\"tree_name\":\"a\",\"key\":1,\"time_from\":0,\"time_to\":99999999}",
	             true, text);
}

static void
all_replies_wait_for_the_log(void **state)
{
	enum { COUNT = 5 };
	struct asker *asker = *state;
	uint64_t hold = 0;

	command_batch_begin(asker->worker);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(asker_push(asker, INCREMENT("a", "1"), 1), i);
	for (int i = 0; i < COUNT; i++) {
		uint64_t one = asker_expect_run(asker, i, "1");

		assert_int_not_equal(one, 0);
		assert_true(i == 0 || one == hold);
		hold = one;
	}
	command_batch_end(asker->worker);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_what_is_alike_is_one, asker_setup, asker_teardown),
		cmocka_unit_test_setup_teardown(a_run_is_bounded, asker_setup, asker_teardown),
		cmocka_unit_test_setup_teardown(what_an_earlier_batch_left_is_not_counted, asker_setup, asker_teardown),
		cmocka_unit_test_setup_teardown(a_run_begins_where_the_last_one_ended, asker_setup, asker_teardown),
		cmocka_unit_test_setup_teardown(what_was_not_done_takes_no_others_along, asker_setup, asker_teardown),
		cmocka_unit_test_setup_teardown(a_day_that_changes_within_a_batch_is_for_the_next, asker_setup,
		                                asker_teardown),
		cmocka_unit_test_setup_teardown(at_the_highest_count_each_is_refused_by_itself, asker_setup,
		                                asker_teardown),
		cmocka_unit_test_setup_teardown(all_replies_wait_for_the_log, asker_setup_log, asker_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
