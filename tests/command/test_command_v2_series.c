/* Operations on whole series. */
#include "command/asker.h"

#include <stdio.h>

static void
create_drop_list(void **state)
{
	struct asker *asker = *state;

	asker_expect_v2(asker, "\"op\":\"tree.list\"", "[]");
	asker_expect_v2(asker, "\"op\":\"tree.create\",\"series\":\"b\"", "\"OK\"");
	asker_expect_v2(asker, "\"op\":\"counter.increment\",\"series\":\"b\",\"key\":1,\"bucket\":5", "1");
	asker_expect_v2(asker, "\"op\":\"tree.create\",\"tree\":\"a\\\"\"", "\"OK\"");
	asker_expect_v2(asker, "\"op\":\"tree.create\",\"series\":\"b\"", "\"OK\"");
	asker_expect_v2(asker, "\"op\":\"counter.sum\",\"series\":\"b\",\"key\":1", "1");
	asker_expect_v2(asker, "\"op\":\"tree.list\"", "[\"b\",\"a\\\"\"]");
	asker_expect_v2(asker, "\"op\":\"tree.drop\",\"series\":\"b\"", "\"OK\"");
	asker_expect_v2_error(asker, "\"op\":\"tree.drop\",\"series\":\"b\"", "not_found", "Tree \\\"b\\\" not found");
	asker_expect_v2(asker, "\"op\":\"tree.list\"", "[\"a\\\"\"]");
	asker_expect_v2_error(asker, "\"op\":\"tree.create\",\"series\":\"\"", "validation_error",
	                      "Field tree_name is required");
	asker_expect(asker, "{\"command\":\"trees\"}", true, "[\"a\\\"\"]");
}

static void
reset(void **state)
{
	struct asker *asker = *state;

	asker_expect_v2(asker, "\"op\":\"tree.reset\",\"series\":\"a\"", "\"OK\"");
	asker_expect_v2(asker, "\"op\":\"tree.list\"", "[\"a\"]");
	asker_expect_v2(asker, "\"op\":\"counter.increment\",\"series\":\"a\",\"key\":1,\"bucket\":5", "1");
	asker_expect_v2(asker, "\"op\":\"tree.reset\",\"series\":\"a\"", "\"OK\"");
	asker_expect_v2(asker, "\"op\":\"counter.sum\",\"series\":\"a\",\"key\":1", "0");
}

static void
delete_range(void **state)
{
	struct asker *asker = *state;
	static const char request[] =
	    "\"op\":\"tree.delete_range\",\"series\":\"a\",\"range\":{\"from\":20260101,\"to\":20260131}";

	asker_expect_v2(asker, request, "true");
	asker_expect_v2(asker, "\"op\":\"tree.list\"", "[\"a\"]");
	asker_expect_v2(
	    asker,
	    "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[1,20260101,2],[1,20260201,3],[2,20260131,7]]",
	    "{\"applied\":3,\"total\":12}");
	asker_expect_v2(asker, request, "true");
	asker_expect_v2(asker, "\"op\":\"counter.batch_sum\",\"series\":\"a\",\"keys\":[1,2]",
	                "[{\"key\":1,\"value\":3},{\"key\":2,\"value\":0}]");
}

static void
limit_of_trees(void **state)
{
	struct asker *asker = *state;
	char members[64];

	for (int i = 0; i < 1000; i++) {
		(void)snprintf(members, sizeof(members), "\"op\":\"tree.create\",\"series\":\"t%d\"", i);
		asker_expect_v2(asker, members, "\"OK\"");
	}
	asker_expect_v2_error(asker, "\"op\":\"counter.increment\",\"series\":\"x\",\"key\":1", "internal_error",
	                      "The limit of trees is reached (--max-trees), nothing changed");
}

#define ask_test(test) cmocka_unit_test_setup_teardown(test, asker_setup, asker_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ask_test(create_drop_list),
		ask_test(reset),
		ask_test(delete_range),
		ask_test(limit_of_trees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
