/* Many keys reset, or deleted from, in one request; and what each is counted as. */
#include "command/asker.h"

#include <stdio.h>
#include <string.h>

#include "command/command_internal.h"

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

/* ---- room in the log ---- */

/* A tree "m" of so many keys, from 0 on, with a count of 1 on each of so many days, from 20260101 on. */
static struct tree *
load(struct asker *asker, unsigned keys, uint32_t day_count)
{
	struct cut_day days[32];
	struct tree *tree = NULL;

	assert_true(day_count <= sizeof(days) / sizeof(days[0]));
	for (uint32_t i = 0; i < day_count; i++)
		days[i] = (struct cut_day){ .day = 20260101 + i, .count = 1 };
	assert_int_equal(tree_load_begin(asker->kit->engine, 0, keys, &tree), 0);
	for (unsigned i = 0; i < keys; i++)
		assert_int_equal(tree_load_key(tree, i, day_count, days, day_count), 0);
	engine_batch_begin(asker->kit->worker);
	assert_int_equal(tree_load_publish(asker->kit->worker, tree, "m", 1), 0);
	(void)effect_log_append(&asker->kit->effects);
	engine_batch_end(asker->kit->worker);
	return tree;
}

/* Keys 0 and up, in falling order, so many times. */
static void
expect_keys(struct asker *asker, const char *op, unsigned keys, unsigned times, const char *rest, const char *expected)
{
	static char line[1 << 17];
	size_t bytes = (size_t)sprintf(line, "{\"v\":2,\"op\":\"%s\",\"series\":\"m\",\"keys\":[", op);

	for (unsigned i = 0; i < times * keys; i++)
		bytes += (size_t)sprintf(line + bytes, "%s%u", i > 0 ? "," : "", keys - 1 - i % keys);
	bytes += (size_t)sprintf(line + bytes, "]%s}", rest);
	const char *reply = asker_ask_bytes(asker, line, bytes);

	if (strstr(reply, expected) == NULL)
		fail_msg("%s: %s", op, reply);
}

static void
a_week_of_as_many_keys_as_may_be(void **state)
{
	enum { KEYS = 10000, DAYS = 7, WRITERS = 4 };
	struct asker *asker = *state;

	asker->options.request_bytes_max = 1 << 20;
	asker_reopen(asker, WRITERS, 64 << 20);
	(void)load(asker, KEYS, DAYS);
	expect_keys(asker, "counter.batch_delete_range", KEYS, 1, ",\"range\":{\"from\":20260102,\"to\":20260106}",
	            "{\"deleted\":10000,\"missing\":0}");
	asker_expect_v2(asker, "\"op\":\"counter.sum\",\"series\":\"m\",\"key\":77", "2");
	(void)load(asker, KEYS, DAYS);
	kit_sync(asker->kit);
	expect_keys(asker, "counter.batch_reset", KEYS, 1, "", "{\"reset\":10000,\"missing\":0}");
	asker_expect_v2(asker, "\"op\":\"counter.sum\",\"series\":\"m\",\"key\":77", "0");
}

/* The log has room for what is changed, and no more. */
static void
only_what_is_changed_counts(void **state)
{
	enum { KEYS = 20, DAYS = 20, EFFECTS = KEYS * (3 + 1) };
	struct asker *asker = *state;
	static const char range[] = ",\"range\":{\"from\":20260101,\"to\":20260101}";
	struct tree *tree = load(asker, KEYS, DAYS);

	kit_sync(asker->kit);
	engine_batch_begin(asker->kit->worker);
	asker->worker->log.capacity = (uint32_t)(EFFECTS + tree_key_room(tree, 0) - 1);
	engine_batch_end(asker->kit->worker);
	expect_keys(asker, "counter.batch_delete_range", KEYS, 1, range, "Request too large for the log");
	asker->worker->log.capacity++;
	expect_keys(asker, "counter.batch_reset", KEYS, 1, "", "Request too large for the log");
	expect_keys(asker, "counter.batch_delete_range", KEYS, 2, range, "{\"deleted\":20,\"missing\":0}");
	asker_expect_v2(asker, "\"op\":\"counter.sum\",\"series\":\"m\",\"key\":7", "19");
	asker->worker->log.capacity *= 10;
	kit_sync(asker->kit);
	expect_keys(asker, "counter.batch_reset", KEYS, 2, "", "{\"reset\":20,\"missing\":20}");
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
		log_test(a_week_of_as_many_keys_as_may_be),
		log_test(only_what_is_changed_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
