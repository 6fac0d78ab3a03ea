/* Batches of writes: checked as a whole, then done; and one group of the log. */
#include "command/asker.h"

#include <stdio.h>
#include <string.h>

#include "command/command_internal.h"

#define MAX "2305840810190438400"

static void
add(void **state)
{
	struct asker *asker = *state;

	asker_expect_v2(asker,
	                "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[1,5,3],[2,5,4],[1,5,7],[1,6,1]]",
	                "{\"applied\":4,\"total\":15}");
	asker_expect_v2(asker, "\"op\":\"counter.batch_increment\",\"series\":\"a\",\"items\":[[2,5,1]]",
	                "{\"applied\":1,\"total\":1}");
	asker_expect_v2(asker, "\"op\":\"counter.batch_sum\",\"series\":\"a\",\"keys\":[1,2]",
	                "[{\"key\":1,\"value\":11},{\"key\":2,\"value\":5}]");
	asker_expect_v2(asker, "\"op\":\"series.batch_add\",\"series\":\"b\",\"items\":[]",
	                "{\"applied\":0,\"total\":0}");
	asker_expect_v2(asker, "\"op\":\"tree.list\"", "[\"a\",\"b\"]");
}

static void
set(void **state)
{
	struct asker *asker = *state;

	asker_expect_v2(asker, "\"op\":\"series.batch_set\",\"series\":\"b\",\"items\":[]", "{\"applied\":0}");
	asker_expect_v2(asker, "\"op\":\"tree.list\"", "[]");
	asker_expect_v2(asker, "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[1,5,10],[3,5,9],[3,6,2]]",
	                "{\"applied\":3,\"total\":21}");
	asker_expect_v2(asker,
	                "\"op\":\"series.batch_set\",\"series\":\"a\",\"items\":[[1,5,42],[2,5,5],[1,5,7],[3,5,0]]",
	                "{\"applied\":4}");
	asker_expect_v2(asker, "\"op\":\"counter.batch_sum\",\"series\":\"a\",\"keys\":[1,2,3]",
	                "[{\"key\":1,\"value\":7},{\"key\":2,\"value\":5},{\"key\":3,\"value\":2}]");
}

static void
rules(void **state)
{
	struct asker *asker = *state;
	static const char zero[] = "Batch item value must be greater than 0";

	asker_expect_v2_error(asker, "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[1,5,1],[1,5,0]]",
	                      "validation_error", zero);
	asker_expect_v2_error(asker,
	                      "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[1,5,2305840810190438401]]",
	                      "validation_error", "Batch item value must be at most " MAX);
	asker_expect_v2_error(asker, "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[1,5,0],[1,100000000,1]]",
	                      "validation_error", "Field items[][1] must be a bucket date");
	asker_expect_v2(asker, "\"op\":\"tree.list\"", "[]");
}

/* Nothing is changed when one item would not fit, also by what comes before it in the same batch. */
static void
add_is_checked_as_a_whole(void **state)
{
	struct asker *asker = *state;

	asker_expect_v2_error(asker,
	                      "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[1,5,1],[2,5," MAX "],[2,6,1]]",
	                      "validation_error", "Counter overflow in batch item key=2 bucket=6");
	asker_expect_v2(asker, "\"op\":\"tree.list\"", "[]");
	asker_expect_v2(asker, "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[1,5," MAX "],[2,5,1]]",
	                "{\"applied\":2,\"total\":2305840810190438401}");
	asker_expect_v2_error(asker, "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[2,5,1],[3,5,1],[1,7,1]]",
	                      "validation_error", "Counter overflow in batch item key=1 bucket=7");
	asker_expect_v2(asker, "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[2,5,1],[3,5,1]]",
	                "{\"applied\":2,\"total\":2}");
	asker_expect_v2(asker, "\"op\":\"counter.batch_sum\",\"series\":\"a\",\"keys\":[1,2,3]",
	                "[{\"key\":1,\"value\":" MAX "},{\"key\":2,\"value\":2},{\"key\":3,\"value\":1}]");
	asker_expect_v2_error(asker,
	                      "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[4,5," MAX "],[5,5," MAX
	                      "],[6,5," MAX "],[7,5," MAX "],[8,5," MAX "],[9,5," MAX "],[10,5," MAX "],[11,5," MAX
	                      "],[12,5," MAX "]]",
	                      "validation_error", "Batch total overflow");
}

/* The last of equal items counts, so what it replaces does not; and counts may move from bucket to bucket at the bound. */
static void
set_is_checked_as_a_whole(void **state)
{
	struct asker *asker = *state;

	asker_expect_v2(asker, "\"op\":\"series.batch_set\",\"series\":\"a\",\"items\":[[1,5," MAX "],[2,5,1]]",
	                "{\"applied\":2}");
	asker_expect_v2_error(asker, "\"op\":\"series.batch_set\",\"series\":\"a\",\"items\":[[2,5,7],[1,6,1],[2,6,1]]",
	                      "validation_error", "Counter overflow in batch item key=1 bucket=6");
	asker_expect_v2(asker, "\"op\":\"counter.batch_sum\",\"series\":\"a\",\"keys\":[1,2]",
	                "[{\"key\":1,\"value\":" MAX "},{\"key\":2,\"value\":1}]");
	asker_expect_v2(asker,
	                "\"op\":\"series.batch_set\",\"series\":\"a\",\"items\":[[1,6," MAX "],[2,5," MAX
	                "],[1,6,3],[1,5,4],[2,5,2]]",
	                "{\"applied\":5}");
	asker_expect_v2(asker, "\"op\":\"counter.batch_sum\",\"series\":\"a\",\"keys\":[1,2]",
	                "[{\"key\":1,\"value\":7},{\"key\":2,\"value\":2}]");
	asker_expect_v2(asker, "\"op\":\"series.batch_set\",\"series\":\"a\",\"items\":[[1,7," MAX "],[1,6,0],[1,5,0]]",
	                "{\"applied\":3}");
	asker_expect_v2(asker, "\"op\":\"counter.sum\",\"series\":\"a\",\"key\":1", MAX);
}

/* The file's total is far above its days, so what is shown goes above the bound of what is counted, which alone refuses. */
static void
a_total_shown_refuses_nothing(void **state)
{
	struct asker *asker = *state;
	const struct cut_day day = { .day = 5, .count = 1 };
	struct tree *tree = NULL;

	assert_int_equal(tree_load_begin(asker->kit->engine, 0, 1, &tree), 0);
	assert_int_equal(tree_load_key(tree, 9, COUNT_MAX, &day, 1), 0);
	engine_batch_begin(asker->kit->worker);
	assert_int_equal(tree_load_publish(asker->kit->worker, tree, "a", 1), 0);
	engine_batch_end(asker->kit->worker);
	asker_expect_v2(asker, "\"op\":\"series.batch_set\",\"series\":\"a\",\"items\":[[9,1,1]]", "{\"applied\":1}");
	asker_expect_v2(asker, "\"op\":\"counter.sum\",\"series\":\"a\",\"key\":9", "2305840810190438401");
	asker_expect_v2(asker, "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[9,1,1],[9,5,7]]",
	                "{\"applied\":2,\"total\":8}");
	asker_expect_v2(asker, "\"op\":\"series.batch_set\",\"series\":\"a\",\"items\":[[9,5,2305840810190438398]]",
	                "{\"applied\":1}");
	asker_expect_v2_error(asker, "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[9,1,1]]",
	                      "validation_error", "Counter overflow in batch item key=9 bucket=1");
	asker_expect_v2_error(asker, "\"op\":\"series.batch_set\",\"series\":\"a\",\"items\":[[9,1,3]]",
	                      "validation_error", "Counter overflow in batch item key=9 bucket=1");
}

/* ---- many items ---- */

enum { MANY = 10000 };

/* `{"v":2,"op":…,"series":"m","items":[[0,5,1],[1,5,1],…` */
static const char *
many(const char *op, int count, size_t *ret_bytes)
{
	static char line[(MANY + 1) * 24 + 128]; /* until the next call */
	size_t bytes = (size_t)sprintf(line, "{\"v\":2,\"op\":\"%s\",\"series\":\"m\",\"items\":[", op);

	for (int i = 0; i < count; i++)
		bytes += (size_t)sprintf(line + bytes, "%s[%d,20260505,%d]", i > 0 ? "," : "", i, i % 7 + 1);
	bytes += (size_t)sprintf(line + bytes, "]}");
	*ret_bytes = bytes;
	return line;
}

static void
ask_many(struct asker *asker, const char *op, int count, const char *begin)
{
	size_t bytes;
	const char *line = many(op, count, &bytes);
	const char *reply;

	/* With a log it may have to wait for room: asked for, as the front end does. */
	do {
		(void)command_wait(asker->worker, asker->worker->later_until);
		reply = asker_ask_bytes(asker, line, bytes);
	} while (*reply == '\0');

	if (strstr(reply, begin) == NULL)
		fail_msg("%s of %d: %s", op, count, reply);
}

static void
as_many_as_may_be(void **state)
{
	struct asker *asker = *state;

	asker->options.request_bytes_max = 1 << 20;
	asker_restart(asker);
	ask_many(asker, "series.batch_add", MANY, "{\"applied\":10000,\"total\":39994}");
	ask_many(asker, "series.batch_add", MANY, "{\"applied\":10000,\"total\":39994}");
	asker_expect_v2(asker, "\"op\":\"counter.batch_sum\",\"series\":\"m\",\"keys\":[0,6,9999]",
	                "[{\"key\":0,\"value\":2},{\"key\":6,\"value\":14},{\"key\":9999,\"value\":8}]");
	ask_many(asker, "series.batch_set", MANY, "{\"applied\":10000}");
	asker_expect_v2(asker, "\"op\":\"counter.batch_sum\",\"series\":\"m\",\"keys\":[0,6,9999]",
	                "[{\"key\":0,\"value\":1},{\"key\":6,\"value\":7},{\"key\":9999,\"value\":4}]");
	ask_many(asker, "series.batch_add", MANY + 1,
	         "\"Field items exceeds max size\",\"error_code\":\"validation_error\"");
	ask_many(asker, "series.batch_set", MANY + 1,
	         "\"Field items exceeds max size\",\"error_code\":\"validation_error\"");
}

/* What can never fit the log is refused before anything is changed: not even its series is made. */
static void
too_large_for_the_log(void **state)
{
	struct asker *asker = *state;
	static const char refusal[] =
	    "\"Request too large for the log, nothing changed: ask for less at once, or raise --wal-segment-bytes\"";

	asker->options.request_bytes_max = 1 << 20;
	asker_restart(asker);
	asker->worker->log.capacity = 40;
	ask_many(asker, "series.batch_add", 13, refusal);
	ask_many(asker, "series.batch_set", 2, refusal);
	asker_expect_v2(asker, "\"op\":\"tree.list\"", "[]");
	ask_many(asker, "series.batch_add", 12, "{\"applied\":12,\"total\":43}");
	ask_many(asker, "series.batch_add", 14, refusal);
	ask_many(asker, "series.batch_set", 2, refusal);
	asker_expect_v2(
	    asker, "\"op\":\"counter.batch_sum\",\"series\":\"m\",\"keys\":[0,1,9,13]",
	    "[{\"key\":0,\"value\":1},{\"key\":1,\"value\":2},{\"key\":9,\"value\":3},{\"key\":13,\"value\":0}]");
	asker->worker->log.capacity = 4;
	asker_expect_v2_error(
	    asker, "\"op\":\"counter.increment\",\"series\":\"n\",\"key\":1", "internal_error",
	    "Request too large for the log, nothing changed: ask for less at once, or raise --wal-segment-bytes");
	asker_expect_v2(asker, "\"op\":\"tree.list\"", "[\"m\"]");
}

/* As many items as may be find room in the log of any number of workers, in a series that is not there. */
static void
as_many_as_may_be_of_many_workers(void **state)
{
	enum { WORKERS = 64 };
	struct asker *asker = *state;

	asker->options.request_bytes_max = 1 << 20;
	asker_reopen(asker, WORKERS + 2, 64 << 20);
	ask_many(asker, "series.batch_add", MANY, "{\"applied\":10000,\"total\":39994}");
	asker_expect_v2(asker, "\"op\":\"tree.drop\",\"series\":\"m\"", "\"OK\"");
	ask_many(asker, "series.batch_set", MANY, "{\"applied\":10000}");
	ask_many(asker, "series.batch_set", MANY, "{\"applied\":10000}");
}

#define ask_test(test) cmocka_unit_test_setup_teardown(test, asker_setup, asker_teardown)
#define log_test(test) cmocka_unit_test_setup_teardown(test, asker_setup_log, asker_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ask_test(add),
		ask_test(set),
		ask_test(rules),
		ask_test(add_is_checked_as_a_whole),
		ask_test(set_is_checked_as_a_whole),
		ask_test(a_total_shown_refuses_nothing),
		ask_test(as_many_as_may_be),
		log_test(too_large_for_the_log),
		log_test(as_many_as_may_be_of_many_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
