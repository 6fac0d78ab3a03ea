/*
 * One request, one group of the log, though the log's epoch moves while it is run.
 *
 * Between two operations of a request the log is asked for a commit, and waited for a while that it moves its epoch. Where the
 * request holds the gate it does not; where it does not move for another reason the test has merely seen nothing.
 */
#include "command/asker.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command/command_internal.h"
#include "wal/wal.h"

static struct asker *asked;    /* while an operation is to be preceded by a move */
static struct tree *compacted; /* NULL, or what is to be compacted then as well */
static unsigned most_tags;     /* of one request */
static unsigned moves_tried;
static unsigned calls; /* of tree_add_items() */

/* Asks for a commit of E, which cannot end before the section; but E moves, unless something holds it. */
static void
move_epoch(void)
{
	enum { TRIES = 50 };
	const struct timespec pause = { .tv_nsec = 1000000 };
	const uint64_t before = engine_log_epoch(asked->kit->engine);

	(void)command_wait(asked->worker, before);
	for (int i = 0; i < TRIES && engine_log_epoch(asked->kit->engine) == before; i++)
		(void)nanosleep(&pause, NULL);
	moves_tried++;
}

static void
before_operation(void)
{
	if (asked == NULL)
		return;
	move_epoch();
	if (compacted == NULL)
		return;
	engine_batch_begin(asked->kit->worker);
	(void)tree_compact(asked->kit->worker, compacted, true);
	(void)effect_log_append(&asked->kit->effects);
	engine_batch_end(asked->kit->worker);
}

uint64_t __real_effect_log_append(struct effect_log *log);
uint64_t __wrap_effect_log_append(struct effect_log *log);
uint64_t
__wrap_effect_log_append(struct effect_log *log)
{
	unsigned tags = log->buffer.count > 0;

	for (uint32_t i = 1; i < log->buffer.count; i++)
		tags += log->buffer.effects[i].tag != log->buffer.effects[i - 1].tag;
	most_tags = tags > most_tags ? tags : most_tags;
	return __real_effect_log_append(log);
}

int __real_tree_add_items(struct engine_worker *worker, struct tree *tree, const struct add_item *items, size_t count,
                          size_t *ret_done);
int __wrap_tree_add_items(struct engine_worker *worker, struct tree *tree, const struct add_item *items, size_t count,
                          size_t *ret_done);
int
__wrap_tree_add_items(struct engine_worker *worker, struct tree *tree, const struct add_item *items, size_t count,
                      size_t *ret_done)
{
	if (calls++ > 0) /* E moves but once in a section: not before the first has its tag */
		before_operation();
	return __real_tree_add_items(worker, tree, items, count, ret_done);
}

int __real_tree_set(struct engine_worker *worker, struct tree *tree, uint64_t key, uint32_t day, uint64_t count);
int __wrap_tree_set(struct engine_worker *worker, struct tree *tree, uint64_t key, uint32_t day, uint64_t count);
int
__wrap_tree_set(struct engine_worker *worker, struct tree *tree, uint64_t key, uint32_t day, uint64_t count)
{
	before_operation();
	return __real_tree_set(worker, tree, key, day, count);
}

/* Another client has added to the key just before: else it would find nothing to subtract from in a fresh series. */
int __real_tree_subtract(struct engine_worker *worker, struct tree *tree, uint64_t key, uint32_t day, uint64_t amount,
                         uint64_t *ret_taken);
int __wrap_tree_subtract(struct engine_worker *worker, struct tree *tree, uint64_t key, uint32_t day, uint64_t amount,
                         uint64_t *ret_taken);
int
__wrap_tree_subtract(struct engine_worker *worker, struct tree *tree, uint64_t key, uint32_t day, uint64_t amount,
                     uint64_t *ret_taken)
{
	if (asked != NULL) {
		move_epoch();
		engine_batch_begin(asked->kit->worker);
		assert_int_equal(tree_add(asked->kit->worker, tree, key, day, 1), 0);
		(void)__real_effect_log_append(&asked->kit->effects);
		engine_batch_end(asked->kit->worker);
	}
	return __real_tree_subtract(worker, tree, key, day, amount, ret_taken);
}

static void
watch(struct asker *asker, struct tree *tree)
{
	asked = asker;
	compacted = tree;
	most_tags = 0;
	moves_tried = 0;
	calls = 0;
}

static void
expect_one_tag(unsigned operations)
{
	asked = NULL;
	assert_int_equal(moves_tried, operations);
	assert_int_equal(most_tags, 1);
}

static void
one_set_item_in_a_new_series(void **state)
{
	struct asker *asker = *state;

	watch(asker, NULL);
	asker_expect_v2(asker, "\"op\":\"series.batch_set\",\"series\":\"a\",\"items\":[[1,5,3]]", "{\"applied\":1}");
	expect_one_tag(1);
}

static void
many_set_items(void **state)
{
	struct asker *asker = *state;

	asker_expect_v2(asker, "\"op\":\"tree.create\",\"series\":\"a\"", "\"OK\"");
	watch(asker, NULL);
	asker_expect_v2(asker, "\"op\":\"series.batch_set\",\"series\":\"a\",\"items\":[[1,5,3],[2,5,3]]",
	                "{\"applied\":2}");
	expect_one_tag(2);
}

static void
a_decrement_in_a_new_series(void **state)
{
	struct asker *asker = *state;

	watch(asker, NULL);
	asker_expect_v2(asker, "\"op\":\"counter.decrement\",\"series\":\"a\",\"key\":1,\"bucket\":5", "1");
	expect_one_tag(1);
}

/* Compaction in the middle of it removes a key, which is logged with the epoch of that moment. */
static void
added_items_beside_compaction(void **state)
{
	enum { ITEMS = 65 }; /* more than are handed to the engine at once */
	static char members[4096];
	struct asker *asker = *state;
	size_t bytes = (size_t)sprintf(members, "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[");

	asker_expect_v2(asker, "\"op\":\"counter.increment\",\"series\":\"a\",\"key\":999,\"bucket\":5", "1");
	asker_expect_v2(asker, "\"op\":\"counter.reset\",\"series\":\"a\",\"key\":999", "\"OK\"");
	engine_batch_begin(asker->kit->worker);
	struct tree *tree = tree_find(asker->kit->worker, "a", 1);

	engine_batch_end(asker->kit->worker); /* nobody drops it */
	for (int i = 0; i < ITEMS; i++)
		bytes += (size_t)sprintf(members + bytes, "%s[%d,5,1]", i > 0 ? "," : "", i);
	(void)sprintf(members + bytes, "]");
	watch(asker, tree);
	asker_expect_v2(asker, members, "{\"applied\":65,\"total\":65}");
	expect_one_tag(1);
}

#define log_test(test) cmocka_unit_test_setup_teardown(test, asker_setup_log, asker_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		log_test(one_set_item_in_a_new_series),
		log_test(many_set_items),
		log_test(a_decrement_in_a_new_series),
		log_test(added_items_beside_compaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
