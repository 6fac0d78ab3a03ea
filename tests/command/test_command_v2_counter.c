/* Operations on one key of a series. */
#include "command/asker.h"

#include <stdio.h>

static void
increment(void **state)
{
	struct asker *asker = *state;

	asker_expect_v2(
	    asker, "\"op\":\"counter.increment\",\"series\":\"a\",\"key\":1,\"bucket\":20260505,\"value\":10", "10");
	asker_expect_v2(asker,
	                "\"op\":\"series.increment\",\"tree\":\"a\",\"key\":1,\"date\":20260506,\"bucket\":\"x\"", "1");
	asker_expect_v2(asker, "\"op\":\"counter.sum\",\"series\":\"a\",\"key\":1", "11");
	asker_expect_v2(
	    asker, "\"op\":\"counter.series\",\"series\":\"a\",\"key\":1,\"range\":{\"from\":20260506,\"to\":20260507}",
	    "{\"20260506\":1}");
	asker_expect_v2(asker,
	                "\"op\":\"counter.increment\",\"series\":\"a\",\"key\":18446744073709551615,\"bucket\":0", "1");
	asker_expect_v2(asker, "\"op\":\"counter.sum\",\"series\":\"a\",\"key\":18446744073709551615", "1");
}

/* Without a bucket both protocols mean the same today. */
static void
default_bucket_is_today(void **state)
{
	struct asker *asker = *state;
	const uint32_t today = engine_today(asker->options.engine);
	char expected[64];

	asker_expect_v2(asker, "\"op\":\"counter.increment\",\"series\":\"a\",\"key\":1,\"value\":7", "7");
	asker_expect(asker, "{\"command\":\"increment\",\"tree_name\":\"a\",\"key\":1}", true, "1");
	asker_expect_v2(asker, "\"op\":\"counter.decrement\",\"series\":\"a\",\"key\":1,\"value\":2", "2");
	(void)snprintf(expected, sizeof(expected), "{\"1\":{\"%u\":6}}", today);
	asker_expect(asker, "{\"command\":\"find\",\"tree_name\":\"a\",\"time_from\":0,\"time_to\":99999999}", true,
	             expected);
}

static void
increment_to_the_bound(void **state)
{
	struct asker *asker = *state;

	asker_expect_v2_error(asker,
	                      "\"op\":\"counter.increment\",\"series\":\"a\",\"key\":1,\"value\":2305840810190438401",
	                      "validation_error", "Field value must be at most 2305840810190438400");
	asker_expect_v2(asker, "\"op\":\"tree.list\"", "[]");
	asker_expect_v2(
	    asker, "\"op\":\"counter.increment\",\"series\":\"a\",\"key\":1,\"bucket\":5,\"value\":2305840810190438400",
	    "2305840810190438400");
	asker_expect_v2_error(asker, "\"op\":\"counter.increment\",\"series\":\"a\",\"key\":1,\"bucket\":6",
	                      "validation_error", "Counter overflow key=1 bucket=6");
	asker_expect_v2(asker, "\"op\":\"counter.sum\",\"series\":\"a\",\"key\":1", "2305840810190438400");
}

/* The amount asked for is the reply; the bucket stops at 0 and is gone; what was not there is made. */
static void
decrement(void **state)
{
	struct asker *asker = *state;

	asker_expect_v2(asker, "\"op\":\"counter.decrement\",\"series\":\"a\",\"key\":1,\"bucket\":5,\"value\":9", "9");
	asker_expect(asker, "{\"command\":\"find\",\"tree_name\":\"a\",\"time_from\":0,\"time_to\":99999999}", true,
	             "{\"1\":{}}");
	asker_expect_v2(asker, "\"op\":\"counter.increment\",\"series\":\"a\",\"key\":1,\"bucket\":5,\"value\":10",
	                "10");
	asker_expect_v2(asker, "\"op\":\"counter.increment\",\"series\":\"a\",\"key\":1,\"bucket\":6,\"value\":3", "3");
	asker_expect_v2(asker, "\"op\":\"counter.decrement\",\"series\":\"a\",\"key\":1,\"bucket\":5,\"value\":4", "4");
	asker_expect_v2(asker, "\"op\":\"counter.sum\",\"series\":\"a\",\"key\":1", "9");
	asker_expect_v2(asker, "\"op\":\"counter.decrement\",\"series\":\"a\",\"key\":1,\"bucket\":5,\"value\":40",
	                "40");
	asker_expect_v2(asker, "\"op\":\"counter.sum\",\"series\":\"a\",\"key\":1", "3");
	asker_expect(asker, "{\"command\":\"find\",\"tree_name\":\"a\",\"key\":1,\"time_from\":0,\"time_to\":99999999}",
	             true, "{\"6\":3}");
}

/* A 0 that v1's decrement has left is not there. */
static void
zeros_of_v1_are_not_there(void **state)
{
	struct asker *asker = *state;
	const uint32_t today = engine_today(asker->options.engine);
	char line[128];

	asker_expect(asker, "{\"command\":\"increment\",\"tree_name\":\"a\",\"key\":1}", true, "1");
	asker_expect(asker, "{\"command\":\"decrement\",\"tree_name\":\"a\",\"key\":1}", true, "1");
	(void)snprintf(line, sizeof(line),
	               "\"op\":\"counter.series\",\"series\":\"a\",\"key\":1,\"range\":{\"from\":%u,\"to\":%u}", today,
	               today);
	asker_expect_v2(asker, line, "{}");
	asker_expect_v2(asker, "\"op\":\"counter.batch_reset\",\"series\":\"a\",\"keys\":[1]",
	                "{\"reset\":0,\"missing\":1}");
}

static void
reads_make_nothing(void **state)
{
	struct asker *asker = *state;
	static const char not_found[] = "Tree \\\"n\\\" not found";

	asker_expect_v2_error(asker, "\"op\":\"counter.sum\",\"series\":\"n\",\"key\":1", "not_found", not_found);
	asker_expect_v2_error(
	    asker, "\"op\":\"series.sum\",\"series\":\"n\",\"key\":1,\"range\":{\"from\":20260101,\"to\":20260102}",
	    "not_found", not_found);
	asker_expect_v2_error(
	    asker, "\"op\":\"series.points\",\"series\":\"n\",\"key\":1,\"range\":{\"from\":20260101,\"to\":20260102}",
	    "not_found", not_found);
	asker_expect_v2(asker, "\"op\":\"tree.list\"", "[]");
	asker_expect_v2(asker, "\"op\":\"tree.create\",\"series\":\"n\"", "\"OK\"");
	asker_expect_v2(asker, "\"op\":\"counter.sum\",\"series\":\"n\",\"key\":1", "0");
	asker_expect_v2(
	    asker, "\"op\":\"counter.series\",\"series\":\"n\",\"key\":1,\"range\":{\"from\":20260101,\"to\":20260102}",
	    "{}");
}

static void
sum_of_a_range(void **state)
{
	struct asker *asker = *state;

	asker_expect_v2(
	    asker,
	    "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[1,20260101,2],[1,20260102,3],[1,20260201,100]]",
	    "{\"applied\":3,\"total\":105}");
	asker_expect_v2(
	    asker, "\"op\":\"counter.sum\",\"series\":\"a\",\"key\":1,\"range\":{\"from\":20260102,\"to\":20260201}",
	    "103");
	asker_expect_v2(
	    asker, "\"op\":\"counter.sum\",\"series\":\"a\",\"key\":1,\"range\":{\"from\":20250101,\"to\":20250102}",
	    "0");
	asker_expect_v2(
	    asker, "\"op\":\"counter.sum\",\"series\":\"a\",\"key\":2,\"range\":{\"from\":20260102,\"to\":20260201}",
	    "0");
}

/* Both make a missing series, not the key. */
static void
reset_and_delete(void **state)
{
	struct asker *asker = *state;

	asker_expect_v2(asker, "\"op\":\"counter.reset\",\"series\":\"b\",\"key\":1", "\"OK\"");
	asker_expect_v2(
	    asker,
	    "\"op\":\"counter.delete_range\",\"series\":\"c\",\"key\":1,\"range\":{\"from\":20260101,\"to\":20260102}",
	    "true");
	asker_expect_v2(asker, "\"op\":\"tree.list\"", "[\"b\",\"c\"]");
	asker_expect(asker, "{\"command\":\"find\",\"tree_name\":\"b\",\"time_from\":0,\"time_to\":99999999}", true,
	             "{}");
	asker_expect_v2(
	    asker,
	    "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[1,20260101,2],[1,20260102,3],[1,20260201,100]]",
	    "{\"applied\":3,\"total\":105}");
	asker_expect_v2(
	    asker,
	    "\"op\":\"counter.delete_range\",\"series\":\"a\",\"key\":1,\"range\":{\"from\":20260102,\"to\":20260131}",
	    "true");
	asker_expect_v2(asker, "\"op\":\"counter.sum\",\"series\":\"a\",\"key\":1", "102");
	asker_expect_v2(asker, "\"op\":\"counter.reset\",\"series\":\"a\",\"key\":1", "\"OK\"");
	asker_expect_v2(asker, "\"op\":\"counter.sum\",\"series\":\"a\",\"key\":1", "0");
}

#define ask_test(test) cmocka_unit_test_setup_teardown(test, asker_setup, asker_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ask_test(increment),      ask_test(default_bucket_is_today),   ask_test(increment_to_the_bound),
		ask_test(decrement),      ask_test(zeros_of_v1_are_not_there), ask_test(reads_make_nothing),
		ask_test(sum_of_a_range), ask_test(reset_and_delete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
