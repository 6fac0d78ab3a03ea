/* Sums of many keys, of one series and of several. */
#include "command/asker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned looks;

uint64_t __real_tree_sum_range(struct tree *tree, uint64_t key, uint64_t from, uint64_t to);
uint64_t __wrap_tree_sum_range(struct tree *tree, uint64_t key, uint64_t from, uint64_t to);
uint64_t
__wrap_tree_sum_range(struct tree *tree, uint64_t key, uint64_t from, uint64_t to)
{
	looks++;
	return __real_tree_sum_range(tree, key, from, to);
}

static void
fill(struct asker *asker)
{
	asker_expect_v2(
	    asker,
	    "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[1,20260101,2],[1,20260201,100],[2,20260101,7]]",
	    "{\"applied\":3,\"total\":109}");
	asker_expect_v2(asker, "\"op\":\"series.batch_add\",\"series\":\"b\\n\",\"items\":[[1,20260103,50]]",
	                "{\"applied\":1,\"total\":50}");
}

/* In the order asked for, repeats kept. */
static void
of_one_series(void **state)
{
	struct asker *asker = *state;

	fill(asker);
	asker_expect_v2(asker, "\"op\":\"counter.batch_sum\",\"series\":\"a\",\"keys\":[2,1,2,18446744073709551615]",
	                "[{\"key\":2,\"value\":7},{\"key\":1,\"value\":102},{\"key\":2,\"value\":7},"
	                "{\"key\":18446744073709551615,\"value\":0}]");
	asker_expect_v2(
	    asker,
	    "\"op\":\"series.batch_sum\",\"series\":\"a\",\"keys\":[1,2],\"range\":{\"from\":20260101,\"to\":20260131}",
	    "[{\"key\":1,\"value\":2},{\"key\":2,\"value\":7}]");
	asker_expect_v2(asker, "\"op\":\"counter.batch_sum\",\"series\":\"a\",\"keys\":[]", "[]");
	asker_expect_v2_error(asker, "\"op\":\"counter.batch_sum\",\"series\":\"n\",\"keys\":[]", "not_found",
	                      "Tree \\\"n\\\" not found");
}

static void
of_several_series(void **state)
{
	struct asker *asker = *state;

	fill(asker);
	asker_expect_v2(
	    asker,
	    "\"op\":\"counter.multi_sum\",\"items\":[{\"series\":\"b\\n\",\"key\":1},{\"series\":\"a\",\"key\":1},"
	    "{\"series\":\"a\",\"key\":9}]",
	    "[{\"series\":\"b\\n\",\"key\":1,\"value\":50},{\"series\":\"a\",\"key\":1,\"value\":102},"
	    "{\"series\":\"a\",\"key\":9,\"value\":0}]");
	asker_expect_v2(asker,
	                "\"op\":\"counter.multi_sum\",\"range\":{\"from\":20260101,\"to\":20260102},\"items\":[{"
	                "\"series\":\"a\",\"key\":1},"
	                "{\"series\":\"b\\n\",\"key\":1}]",
	                "[{\"series\":\"a\",\"key\":1,\"value\":2},{\"series\":\"b\\n\",\"key\":1,\"value\":0}]");
	asker_expect_v2(asker, "\"op\":\"counter.multi_sum\",\"items\":[]", "[]");
	asker_expect_v2_error(
	    asker, "\"op\":\"counter.multi_sum\",\"items\":[{\"series\":\"a\",\"key\":1},{\"series\":\"n\",\"key\":1}]",
	    "not_found", "Tree \\\"n\\\" not found");
}

/* So many that every step of the walk is taken for keys that are there and for some that are not. */
static void
of_many_keys(void **state)
{
	struct asker *asker = *state;
	enum { KEYS = 300 };
	static char line[KEYS * 16 + 64], expected[KEYS * 40 + 64];
	size_t bytes = (size_t)sprintf(line, "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[");

	for (int i = 0; i < KEYS; i += 2)
		bytes += (size_t)sprintf(line + bytes, "%s[%d,7,%d]", i > 0 ? "," : "", i, i + 1);
	(void)sprintf(line + bytes, "]");
	asker->options.response_bytes_max = sizeof(expected) + 128;
	asker->options.request_bytes_max = sizeof(line) + 128;
	asker_restart(asker);
	(void)snprintf(expected, sizeof(expected), "{\"applied\":%d,\"total\":%d}", KEYS / 2, KEYS / 2 * KEYS / 2);
	asker_expect_v2(asker, line, expected);
	for (int count = 1; count <= KEYS; count = count * 3 / 2 + 1) {
		size_t expected_bytes = (size_t)sprintf(expected, "[");

		bytes = (size_t)sprintf(line, "\"op\":\"counter.batch_sum\",\"series\":\"a\",\"keys\":[");
		for (int i = 0; i < count; i++) {
			bytes += (size_t)sprintf(line + bytes, "%s%d", i > 0 ? "," : "", i);
			expected_bytes += (size_t)sprintf(expected + expected_bytes, "%s{\"key\":%d,\"value\":%d}",
			                                  i > 0 ? "," : "", i, i % 2 == 0 ? i + 1 : 0);
		}
		(void)sprintf(line + bytes, "]");
		(void)sprintf(expected + expected_bytes, "]");
		asker_expect_v2(asker, line, expected);
	}
}

/* A key of many days is not gone through for each of equal items behind each other. */
static void
of_one_key_again_and_again(void **state)
{
	struct asker *asker = *state;

	fill(asker);
	looks = 0;
	asker_expect_v2(
	    asker,
	    "\"op\":\"series.batch_sum\",\"series\":\"a\",\"keys\":[1,1,1,2,1],\"range\":{\"from\":20260101,\"to\":"
	    "20260131}",
	    "[{\"key\":1,\"value\":2},{\"key\":1,\"value\":2},{\"key\":1,\"value\":2},{\"key\":2,\"value\":7},"
	    "{\"key\":1,\"value\":2}]");
	assert_int_equal(looks, 3);
	looks = 0;
	asker_expect_v2(asker,
	                "\"op\":\"counter.multi_sum\",\"range\":{\"from\":20260101,\"to\":20260103},\"items\":[{"
	                "\"series\":\"a\",\"key\":1},{\"series\":\"a\",\"key\":1},{\"series\":\"b\\n\",\"key\":1}]",
	                "[{\"series\":\"a\",\"key\":1,\"value\":2},{\"series\":\"a\",\"key\":1,\"value\":2},"
	                "{\"series\":\"b\\n\",\"key\":1,\"value\":50}]");
	assert_int_equal(looks, 2);
}

#define ask_test(test) cmocka_unit_test_setup_teardown(test, asker_setup, asker_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ask_test(of_one_series),
		ask_test(of_several_series),
		ask_test(of_many_keys),
		ask_test(of_one_key_again_and_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
