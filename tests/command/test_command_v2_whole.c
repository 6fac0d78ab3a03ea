/* Reads of a whole series tell what is in it, page by page, and what is wrong with the request. */
#include "command/asker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANGE "\"range\":{\"from\":20260102,\"to\":20260131}"

/* A key with counts, one without, and one of which v1's decrement has left a 0. */
static void
fill(struct asker *asker)
{
	kit_add_day(asker->kit, "a", 1, 20260101, 2);
	kit_add_day(asker->kit, "a", 1, 20260102, 3);
	kit_add_day(asker->kit, "a", 1, 20260201, 100);
	kit_add_day(asker->kit, "a", 2, 20260101, 7);
	kit_add(asker->kit, "a", 3, 1);
	kit_reset_key(asker->kit, "a", 3);
	kit_add(asker->kit, "a", UINT64_MAX, 1);
	kit_decrement(asker->kit, "a", UINT64_MAX);
}

static void
info_and_summary(void **state)
{
	struct asker *asker = *state;

	fill(asker);
	asker_expect_v2(asker, "\"op\":\"tree.info\",\"series\":\"a\"",
	                "{\"tree\":\"a\",\"key_count\":4,\"bucket_count\":4,\"total\":112,\"branches\":9}");
	asker_expect_v2(asker, "\"op\":\"tree.summary\",\"tree\":\"a\"",
	                "{\"tree\":\"a\",\"total\":112,\"active_keys\":4,\"bucket_count\":4}");
	asker_expect_v2(asker, "\"op\":\"tree.summary\",\"series\":\"a\"," RANGE,
	                "{\"tree\":\"a\",\"range_from\":20260102,\"range_to\":20260131,\"total\":3,\"active_keys\":1,"
	                "\"bucket_count\":1}");
	asker_expect_v2(asker, "\"op\":\"tree.create\",\"series\":\"\\\"\"", "\"OK\"");
	asker_expect_v2(asker, "\"op\":\"tree.info\",\"series\":\"\\\"\"",
	                "{\"tree\":\"\\\"\",\"key_count\":0,\"bucket_count\":0,\"total\":0,\"branches\":9}");
}

static void
pages_of_keys(void **state)
{
	struct asker *asker = *state;

	fill(asker);
	asker_expect_v2(
	    asker, "\"op\":\"tree.keys\",\"series\":\"a\"",
	    "{\"tree\":\"a\",\"limit\":100,\"cursor\":null,\"next_cursor\":null,\"keys\":[{\"key\":1,\"total\":105},"
	    "{\"key\":2,\"total\":7},{\"key\":3,\"total\":0},{\"key\":18446744073709551615,\"total\":0}]}");
	asker_expect_v2(
	    asker, "\"op\":\"tree.keys\",\"series\":\"a\",\"limit\":2,\"cursor\":null",
	    "{\"tree\":\"a\",\"limit\":2,\"cursor\":null,\"next_cursor\":2,\"keys\":[{\"key\":1,\"total\":105},"
	    "{\"key\":2,\"total\":7}]}");
	asker_expect_v2(
	    asker, "\"op\":\"tree.keys\",\"series\":\"a\",\"limit\":2,\"cursor\":2",
	    "{\"tree\":\"a\",\"limit\":2,\"cursor\":2,\"next_cursor\":null,\"keys\":[{\"key\":3,\"total\":0},"
	    "{\"key\":18446744073709551615,\"total\":0}]}");
	asker_expect_v2(
	    asker, "\"op\":\"tree.keys\",\"series\":\"a\",\"limit\":1,\"cursor\":18446744073709551615",
	    "{\"tree\":\"a\",\"limit\":1,\"cursor\":18446744073709551615,\"next_cursor\":null,\"keys\":[]}");
}

static void
top(void **state)
{
	struct asker *asker = *state;

	fill(asker);
	kit_add_day(asker->kit, "a", 0, 20260131, 7);
	asker_expect_v2(asker, "\"op\":\"tree.top\",\"series\":\"a\"",
	                "{\"tree\":\"a\",\"limit\":50,\"items\":[{\"key\":1,\"value\":105},{\"key\":0,\"value\":7},"
	                "{\"key\":2,\"value\":7}]}");
	asker_expect_v2(asker, "\"op\":\"tree.top\",\"series\":\"a\",\"limit\":2," RANGE,
	                "{\"tree\":\"a\",\"limit\":2,\"items\":[{\"key\":0,\"value\":7},{\"key\":1,\"value\":3}]}");
}

static void
whole_series(void **state)
{
	struct asker *asker = *state;

	kit_add_day(asker->kit, "a", 7, 20260102, 3);
	asker_expect_v2(asker, "\"op\":\"tree.series\",\"series\":\"a\"," RANGE, "{\"7\":{\"20260102\":3}}");
	kit_add(asker->kit, "b", UINT64_MAX, 1);
	kit_decrement(asker->kit, "b", UINT64_MAX);
	asker_expect_v2(asker, "\"op\":\"tree.series\",\"series\":\"b\",\"range\":{\"from\":20261123,\"to\":20261123}",
	                "{\"18446744073709551615\":{}}");
	asker_expect_v2(asker, "\"op\":\"tree.create\",\"series\":\"c\"", "\"OK\"");
	asker_expect_v2(asker, "\"op\":\"tree.series\",\"series\":\"c\"," RANGE, "{}");
	for (uint64_t key = 0; key < 1000; key++)
		kit_add_day(asker->kit, "a", key, 20260102, 3);
	asker_expect_v2_error(asker, "\"op\":\"tree.series\",\"series\":\"a\"," RANGE, "response_too_large",
	                      "Response exceeds 8192 bytes");
}

static void
what_is_wrong_is_told_in_order(void **state)
{
	static const struct {
		const char *members, *code, *text;
	} cases[] = {
		{ "\"op\":\"tree.info\"", "validation_error", "Field tree or series is required" },
		{ "\"op\":\"tree.info\",\"series\":\"none\"", "not_found", "Tree \\\"none\\\" not found" },
		{ "\"op\":\"tree.keys\",\"series\":\"none\"", "not_found", "Tree \\\"none\\\" not found" },
		{ "\"op\":\"tree.summary\",\"series\":\"none\"", "not_found", "Tree \\\"none\\\" not found" },
		{ "\"op\":\"tree.top\",\"series\":\"none\"", "not_found", "Tree \\\"none\\\" not found" },
		{ "\"op\":\"tree.series\",\"series\":\"none\"," RANGE, "not_found", "Tree \\\"none\\\" not found" },
		{ "\"op\":\"tree.series\",\"series\":\"a\"", "validation_error", "Field range is required" },
		{ "\"op\":\"tree.keys\",\"limit\":\"x\"", "validation_error", "Field tree or series is required" },
		{ "\"op\":\"tree.keys\",\"series\":\"a\",\"limit\":\"x\",\"cursor\":-1", "validation_error",
		  "Field limit must be an integer" },
		{ "\"op\":\"tree.keys\",\"series\":\"a\",\"limit\":0,\"cursor\":-1", "validation_error",
		  "Field cursor must be greater than or equal to 0" },
		{ "\"op\":\"tree.keys\",\"series\":\"a\",\"limit\":-1", "validation_error",
		  "Field limit must be greater than 0" },
		{ "\"op\":\"tree.keys\",\"series\":\"a\",\"limit\":10001", "validation_error",
		  "Field limit exceeds max size" },
		{ "\"op\":\"tree.keys\",\"series\":\"a\",\"limit\":4294967297", "validation_error",
		  "Field limit exceeds max size" },
		{ "\"op\":\"tree.top\",\"series\":\"a\",\"limit\":1001,\"range\":{\"from\":1,\"to\":2}",
		  "validation_error", "Field limit exceeds max size" },
		{ "\"op\":\"tree.top\",\"series\":\"a\",\"limit\":1,\"range\":{\"from\":1,\"to\":2}",
		  "validation_error", "Invalid bucket date" },
		{ "\"op\":\"tree.top\",\"series\":\"a\",\"limit\":1,\"range\":null", "validation_error",
		  "Field range must be an object" },
	};
	struct asker *asker = *state;

	fill(asker);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		asker_expect_v2_error(asker, cases[i].members, cases[i].code, cases[i].text);
}

static void
sums_beyond_64_bits_are_refused(void **state)
{
	static const char *const sums[] = {
		"\"op\":\"tree.info\",\"series\":\"a\"",
		"\"op\":\"tree.summary\",\"series\":\"a\"",
		"\"op\":\"tree.summary\",\"series\":\"a\"," RANGE,
	};
	struct asker *asker = *state;

	for (uint64_t key = 0; key < 8; key++)
		kit_add_day(asker->kit, "a", key, 20260131, COUNT_MAX);
	kit_add_day(asker->kit, "a", 8, 20260131, UINT64_MAX - 8 * COUNT_MAX);
	asker_expect_v2(
	    asker, "\"op\":\"tree.info\",\"series\":\"a\"",
	    "{\"tree\":\"a\",\"key_count\":9,\"bucket_count\":9,\"total\":18446744073709551615,\"branches\":9}");
	kit_add_day(asker->kit, "a", 9, 20260131, 1);
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		asker_expect_v2_error(asker, sums[i], "validation_error", "Sum exceeds 18446744073709551615");
}

/* ---- against a slow, obvious selection ---- */

enum { COUNTS = 500, TEXT_BYTES = 1 << 16 };
struct count {
	uint64_t key, value;
};

static int
by_key(const void *left, const void *right)
{
	const struct count *a = left, *b = right;

	return a->key < b->key ? -1 : a->key > b->key;
}

static int
by_value(const void *left, const void *right)
{
	const struct count *a = left, *b = right;

	return a->value > b->value ? -1 : a->value < b->value ? 1 : by_key(left, right);
}

static uint64_t
next_random(uint64_t *random)
{
	*random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *random >> 20;
}

static void
expect_keys(struct asker *asker, const struct count *sorted, size_t first, size_t limit)
{
	static char members[256], text[TEXT_BYTES], cursor[32] = "null", next[32] = "null";
	const size_t end = first + limit < COUNTS ? first + limit : COUNTS;
	size_t used;

	(void)snprintf(cursor, sizeof(cursor), first > 0 ? "%lu" : "null", sorted[first > 0 ? first - 1 : 0].key);
	(void)snprintf(next, sizeof(next), end < COUNTS ? "%lu" : "null", sorted[end - 1].key);
	(void)snprintf(members, sizeof(members), "\"op\":\"tree.keys\",\"series\":\"a\",\"limit\":%zu,\"cursor\":%s",
	               limit, cursor);
	used = (size_t)snprintf(text, sizeof(text),
	                        "{\"tree\":\"a\",\"limit\":%zu,\"cursor\":%s,\"next_cursor\":%s,\"keys\":[", limit,
	                        cursor, next);
	for (size_t i = first; i < end; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s{\"key\":%lu,\"total\":%lu}",
		                         i > first ? "," : "", sorted[i].key, sorted[i].value);
	(void)snprintf(text + used, sizeof(text) - used, "]}");
	asker_expect_v2(asker, members, text);
}

static void
expect_top(struct asker *asker, const struct count *sorted, size_t limit)
{
	static char members[256], text[TEXT_BYTES];
	size_t used;

	(void)snprintf(members, sizeof(members), "\"op\":\"tree.top\",\"series\":\"a\",\"limit\":%zu", limit);
	used = (size_t)snprintf(text, sizeof(text), "{\"tree\":\"a\",\"limit\":%zu,\"items\":[", limit);
	for (size_t i = 0; i < limit && i < COUNTS && sorted[i].value > 0; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s{\"key\":%lu,\"value\":%lu}",
		                         i > 0 ? "," : "", sorted[i].key, sorted[i].value);
	(void)snprintf(text + used, sizeof(text) - used, "]}");
	asker_expect_v2(asker, members, text);
}

static void
random_counts_come_as_sorting_says(void **state)
{
	static struct count counts[COUNTS];
	struct asker *asker = *state;
	uint64_t random = 7;

	asker->options.response_bytes_max = 1 << 20;
	asker_restart(asker);
	for (size_t i = 0; i < COUNTS; i++) {
		counts[i] =
		    (struct count){ .key = next_random(&random) * COUNTS + i, .value = next_random(&random) % 40 };
		kit_add(asker->kit, "a", counts[i].key, counts[i].value);
	}
	qsort(counts, COUNTS, sizeof(counts[0]), by_key);
	for (size_t limit = 1; limit <= 250; limit += 1 + limit / 2) {
		for (size_t first = 0; first < COUNTS; first += limit)
			expect_keys(asker, counts, first, limit);
	}
	qsort(counts, COUNTS, sizeof(counts[0]), by_value);
	for (size_t limit = 1; limit <= 250; limit += 1 + limit / 2)
		expect_top(asker, counts, limit);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(info_and_summary, asker_setup, asker_teardown),
		cmocka_unit_test_setup_teardown(pages_of_keys, asker_setup, asker_teardown),
		cmocka_unit_test_setup_teardown(top, asker_setup, asker_teardown),
		cmocka_unit_test_setup_teardown(whole_series, asker_setup, asker_teardown),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_told_in_order, asker_setup, asker_teardown),
		cmocka_unit_test_setup_teardown(sums_beyond_64_bits_are_refused, asker_setup, asker_teardown),
		cmocka_unit_test_setup_teardown(random_counts_come_as_sorting_says, asker_setup, asker_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
