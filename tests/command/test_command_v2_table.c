/* Every operation is found by each of its names, and nothing else is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "command/command_v2.h"

static const struct v2_operation *
find(const char *name)
{
	return v2_operation_find((struct text){ .data = name, .bytes = strlen(name) });
}

static void
names_are_found(void **state)
{
	static const struct {
		const char *name, *internal;
	} cases[] = {
		{ "counter.increment", "increment" },
		{ "series.increment", "increment" },
		{ "counter.decrement", "decrement" },
		{ "counter.sum", "sum" },
		{ "series.sum", "sum" },
		{ "counter.batch_sum", "batch_sum" },
		{ "series.batch_sum", "batch_sum" },
		{ "counter.multi_sum", "multi_sum" },
		{ "counter.series", "find" },
		{ "series.points", "find" },
		{ "counter.reset", "reset" },
		{ "counter.batch_reset", "batch_reset" },
		{ "counter.delete_range", "delete" },
		{ "counter.batch_delete_range", "batch_delete_range" },
		{ "series.batch_add", "batch_add" },
		{ "counter.batch_increment", "batch_add" },
		{ "series.batch_set", "batch_set" },
		{ "tree.create", "create" },
		{ "tree.drop", "drop" },
		{ "tree.list", "trees" },
		{ "tree.reset", "reset" },
		{ "tree.delete_range", "delete" },
		{ "system.ping", "ping" },
		{ "tree.info", "tree_info" },
		{ "tree.keys", "tree_keys" },
		{ "tree.summary", "tree_summary" },
		{ "tree.top", "tree_top" },
		{ "tree.series", "find" },
		{ "series.delete_before", "delete_before" },
		{ "tree.delete_before", "delete_before" },
		{ "series.compact", "compact" },
		{ "tree.compact", "compact" },
		{ "system.compact", "compact" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct v2_operation *operation = find(cases[i].name);

		if (operation == NULL)
			fail_msg("%s is not found", cases[i].name);
		assert_string_equal(operation->name, cases[i].name);
		assert_string_equal(operation->internal, cases[i].internal);
		assert_non_null(operation->run);
	}
}

static void
others_are_not(void **state)
{
	static const char *const names[] = {
		"",          "increment", "counter.Increment", "counter.incremen",  "tree.lis", "tree.listt",
		"tree.lisT", "counter.",  "tree.keyz",         "series.batch_addd", "a",        "zzzz.list"
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_null(find(names[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(others_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
