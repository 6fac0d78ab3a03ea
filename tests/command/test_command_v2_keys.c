/* Many keys reset, or deleted from, in one request; and what each is counted as. */
#include "command/asker.h"

#include <string.h>

static void
fill(struct asker *asker)
{
	asker_expect_v2(asker,
	                "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[1,20260101,2],[1,20260201,3],[2,"
	                "20260101,7],[3,20260201,1]]",
	                "{\"applied\":4,\"total\":13}");
}

static void
reset(void **state)
{
	struct asker *asker = *state;

	fill(asker);
	asker_expect_v2(asker, "\"op\":\"counter.batch_reset\",\"series\":\"a\",\"keys\":[1,1,2,999]",
	                "{\"reset\":2,\"missing\":2}");
	asker_expect_v2(asker, "\"op\":\"counter.batch_reset\",\"series\":\"a\",\"keys\":[1,2]",
	                "{\"reset\":0,\"missing\":2}");
	asker_expect_v2(asker, "\"op\":\"counter.batch_sum\",\"series\":\"a\",\"keys\":[1,2,3]",
	                "[{\"key\":1,\"value\":0},{\"key\":2,\"value\":0},{\"key\":3,\"value\":1}]");
	asker_expect_v2(asker, "\"op\":\"counter.batch_reset\",\"series\":\"a\",\"keys\":[]",
	                "{\"reset\":0,\"missing\":0}");
	asker_expect_v2_error(asker, "\"op\":\"counter.batch_reset\",\"series\":\"n\",\"keys\":[]", "not_found",
	                      "Tree \\\"n\\\" not found");
}

/* A key with buckets outside alone counts as neither. */
static void delete (void **state)
{
	struct asker *asker = *state;
	static const char request[] = "\"op\":\"counter.batch_delete_range\",\"series\":\"a\",\"keys\":[1,2,3,9],"
	                              "\"range\":{\"from\":20260101,\"to\":20260131}";

	fill(asker);
	asker_expect_v2(asker, request, "{\"deleted\":2,\"missing\":1}");
	asker_expect_v2(asker, request, "{\"deleted\":0,\"missing\":2}");
	asker_expect_v2(asker, "\"op\":\"counter.batch_sum\",\"series\":\"a\",\"keys\":[1,2,3]",
	                "[{\"key\":1,\"value\":3},{\"key\":2,\"value\":0},{\"key\":3,\"value\":1}]");
	asker_expect_v2_error(asker,
	                      "\"op\":\"counter.batch_delete_range\",\"series\":\"n\",\"keys\":[1],\"range\":{\"from\":"
	                      "20260101,\"to\":20260131}",
	                      "not_found", "Tree \\\"n\\\" not found");
	asker_expect_v2_error(asker,
	                      "\"op\":\"counter.batch_delete_range\",\"series\":\"n\",\"keys\":[1],\"range\":{\"from\":"
	                      "20260101,\"to\":20270131}",
	                      "validation_error", "Range exceeds max days");
}

/* Lines behind the one that made the section begin anew still find their trees. */
static void
a_batch_goes_on_behind_it(void **state)
{
	struct asker *asker = *state;
	static const char *const lines[] = {
		"{\"v\":2,\"op\":\"counter.increment\",\"series\":\"a\",\"key\":5,\"bucket\":20260101}",
		"{\"v\":2,\"op\":\"series.batch_set\",\"series\":\"a\",\"items\":[[1,5,4],[2,5,6]]}",
		"{\"v\":2,\"op\":\"counter.batch_reset\",\"series\":\"a\",\"keys\":[1,3]}",
		"{\"v\":2,\"op\":\"counter.increment\",\"series\":\"a\",\"key\":5,\"bucket\":20260101}",
		"{\"v\":2,\"op\":\"tree.drop\",\"series\":\"a\"}",
		"{\"v\":2,\"op\":\"counter.batch_reset\",\"series\":\"a\",\"keys\":[1,3]}",
		"{\"v\":2,\"op\":\"counter.increment\",\"series\":\"a\",\"key\":6,\"bucket\":20260101,\"value\":9}",
	};
	enum { LINES = sizeof(lines) / sizeof(lines[0]) };

	fill(asker);
	command_batch_begin(asker->worker);
	for (int i = 0; i < LINES; i++)
		assert_int_equal(command_batch_push(asker->worker, lines[i], strlen(lines[i]), &asker->client, 0), i);
	for (int i = 0; i < LINES; i++)
		assert_int_equal(command_batch_run(asker->worker, i, &asker->reply, &(uint64_t){ 0 }), COMMAND_DONE);
	command_batch_end(asker->worker);
	asker_expect_v2(asker, "\"op\":\"counter.batch_sum\",\"series\":\"a\",\"keys\":[1,5,6]",
	                "[{\"key\":1,\"value\":0},{\"key\":5,\"value\":0},{\"key\":6,\"value\":9}]");
}

#define ask_test(test) cmocka_unit_test_setup_teardown(test, asker_setup, asker_teardown)
#define log_test(test) cmocka_unit_test_setup_teardown(test, asker_setup_log, asker_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ask_test(reset),
		ask_test(delete),
		log_test(reset),
		log_test(delete),
		log_test(a_batch_goes_on_behind_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
