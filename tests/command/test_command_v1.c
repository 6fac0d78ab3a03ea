/* Every v1 command answers as PROTOCOL-v1.md says, to the byte, errors included. */
#include "command/asker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"

#define TODAY "20261123" /* KIT_TODAY */
#define RANGE ",\"time_from\":0,\"time_to\":99999999"

#define OK "\"OK\""

static void
increment(struct asker *asker, const char *tree, const char *key, int times)
{
	char line[256];

	(void)snprintf(line, sizeof(line), "{\"command\":\"increment\",\"tree_name\":\"%s\",\"key\":%s}", tree, key);
	for (int i = 0; i < times; i++)
		asker_expect(asker, line, true, "1");
}

static void
ping(void **state)
{
	struct asker *asker = *state;

	assert_string_equal(asker_ask(asker, "{\"command\":\"ping\"}"), "{\"success\":true,\"response\":\"pong\"}\r\n");
	asker_expect(asker, "{\"command\":\"ping\",\"tree_name\":null,\"key\":null}\r", true, "\"pong\"");
}

static void
unknown_command(void **state)
{
	struct asker *asker = *state;

	asker_expect(asker, "{\"command\":\"nope\"}", false, "\"Unknown command nope\"");
	asker_expect(asker, "{\"command\":\"\"}", false, "\"Unknown command \"");
	asker_expect(asker, "{\"command\":\" p\\\"\\u0000\\u00fc\"}", false,
	             "\"Unknown command  p\\\"\\u0000\xc3\xbc\"");
}

static void
refused_lines(void **state)
{
	struct asker *asker = *state;

	for (size_t i = 0; i < 6; i++) {
		const char *line =
		    (const char *[]){ "",           "{", "[]", "{\"command\":1}", "{\"command\":\"ping\",\"key\":-1}",
			              "{\"key\":1}" }[i];

		assert_memory_equal(asker_ask(asker, line), "{\"success\":false,\"response\":\"", 29);
	}
	asker_expect(asker, "{\"tree_name\":\"a\"}", false, "\"Field command is required\"");
	asker_expect(asker, "{\"command\":\"ping\"}", true, "\"pong\"");
}

static void
create_and_trees(void **state)
{
	struct asker *asker = *state;

	asker_expect(asker, "{\"command\":\"trees\"}", true, "[]");
	asker_expect(asker, "{\"command\":\"create\",\"tree_name\":\"z/\\\"\"}", true, OK);
	asker_expect(asker, "{\"command\":\"create\",\"tree_name\":\"a\"}", true, OK);
	asker_expect(asker, "{\"command\":\"create\",\"tree_name\":\"\"}", true, OK);
	asker_expect(asker, "{\"command\":\"create\",\"tree_name\":\"a\"}", true, OK);
	asker_expect(asker, "{\"command\":\"trees\",\"tree_name\":\"x\"}", true, "[\"z/\\\"\",\"a\",\"\"]");
	asker_expect(asker, "{\"command\":\"create\"}", false, "\"Field tree_name is required\"");
	asker_expect(asker, "{\"command\":\"create\",\"tree_name\":null}", false, "\"Field tree_name is required\"");
}

static void
too_many_trees(void **state)
{
	struct asker *asker = *state;
	char name[16];

	for (int i = 0; i < 1000; i++) { /* the kit's limit */
		(void)snprintf(name, sizeof(name), "t%d", i);
		kit_add(asker->kit, name, 1, 1);
	}
	asker_expect(asker, "{\"command\":\"increment\",\"tree_name\":\"b\",\"key\":1}", false,
	             "\"The limit of trees is reached (--max-trees), nothing changed\"");
	asker_expect(asker, "{\"command\":\"create\",\"tree_name\":\"b\"}", false,
	             "\"The limit of trees is reached (--max-trees), nothing changed\"");
	asker_expect(asker, "{\"command\":\"create\",\"tree_name\":\"t1\"}", true, OK);
	asker_expect(asker, "{\"command\":\"drop\",\"tree_name\":\"t1\"}", true, OK);
	asker_expect(asker, "{\"command\":\"create\",\"tree_name\":\"b\"}", true, OK);
}

static void
drop(void **state)
{
	struct asker *asker = *state;

	asker_expect(asker, "{\"command\":\"drop\",\"tree_name\":\"a\"}", false, "\"Tree \\\"a\\\" not exists\"");
	asker_expect(asker, "{\"command\":\"drop\"}", false, "\"Field tree_name is required\"");
	increment(asker, "a", "1", 1);
	asker_expect(asker, "{\"command\":\"drop\",\"tree_name\":\"a\"}", true, OK);
	asker_expect(asker, "{\"command\":\"drop\",\"tree_name\":\"a\"}", false, "\"Tree \\\"a\\\" not exists\"");
	asker_expect(asker, "{\"command\":\"trees\"}", true, "[]");
	increment(asker, "a", "2", 1);
	asker_expect(asker, "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":1}", true, "0");
}

static void
increment_and_sum(void **state)
{
	struct asker *asker = *state;

	increment(asker, "a", "18446744073709551615", 3);
	asker_expect(asker, "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":18446744073709551615}", true, "3");
	asker_expect(asker, "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":18446744073709551615" RANGE "}", true,
	             "3");
	asker_expect(asker,
	             "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":18446744073709551615,\"time_from\":" TODAY
	             ",\"time_to\":18446744073709551615}",
	             true, "3");
	asker_expect(asker,
	             "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":18446744073709551615,\"time_from\":0,"
	             "\"time_to\":20261122}",
	             true, "0");
	asker_expect(asker,
	             "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":18446744073709551615,\"time_from\":99999999,"
	             "\"time_to\":0}",
	             true, "0");
	asker_expect(asker, "{\"command\":\"increment\",\"tree_name\":\"a\"}", false, "\"Field key is required\"");
	asker_expect(asker, "{\"command\":\"increment\",\"key\":1}", false, "\"Field tree_name is required\"");
	asker_expect(asker, "{\"command\":\"sum\",\"tree_name\":\"a\"}", false, "\"Field key is required\"");
	asker_expect(asker, "{\"command\":\"sum\",\"key\":1}", false, "\"Field tree_name is required\"");
	asker_expect(asker, "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":1,\"time_from\":0}", false,
	             "\"Fields time_from and time_to are required\"");
	asker_expect(asker, "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":1,\"time_to\":0}", false,
	             "\"Fields time_from and time_to are required\"");
}

static void
overflow(void **state)
{
	struct asker *asker = *state;

	kit_add(asker->kit, "a", 1, COUNT_MAX);
	asker_expect(asker, "{\"command\":\"increment\",\"tree_name\":\"a\",\"key\":1}", false,
	             "\"Arithmetic overflow\"");
	assert_int_equal(kit_total(asker->kit, "a", 1), COUNT_MAX);
}

/* A read, a decrement, a delete or a reset of what is not there answers as ever, and makes nothing. */
static void
only_three_commands_create(void **state)
{
	struct asker *asker = *state;

	for (int round = 0; round < 2; round++) {
		asker_expect(asker, "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":1}", true, "0");
		asker_expect(asker, "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":1" RANGE "}", true, "0");
		asker_expect(asker, "{\"command\":\"find\",\"tree_name\":\"a\",\"key\":1" RANGE "}", true, "{}");
		asker_expect(asker, "{\"command\":\"find\",\"tree_name\":\"a\"" RANGE "}", true, "{}");
		asker_expect(asker, "{\"command\":\"decrement\",\"tree_name\":\"a\",\"key\":1}", true, "1");
		asker_expect(asker, "{\"command\":\"delete\",\"tree_name\":\"a\",\"key\":1" RANGE "}", true, "true");
		asker_expect(asker, "{\"command\":\"delete\",\"tree_name\":\"a\"" RANGE "}", true, "true");
		asker_expect(asker, "{\"command\":\"reset\",\"tree_name\":\"a\",\"key\":1}", true, OK);
		asker_expect(asker, "{\"command\":\"reset\",\"tree_name\":\"a\"}", true, OK);
		asker_expect(asker, "{\"command\":\"trees\"}", true, round == 0 ? "[]" : "[\"a\"]");
		/* The second time the tree is there, and the key is not. */
		asker_expect(asker, "{\"command\":\"create\",\"tree_name\":\"a\"}", true, OK);
	}
}

static void
decrement(void **state)
{
	struct asker *asker = *state;

	increment(asker, "a", "1", 1);
	for (int i = 0; i < 3; i++)
		asker_expect(asker, "{\"command\":\"decrement\",\"tree_name\":\"a\",\"key\":1}", true, "1");
	asker_expect(asker, "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":1}", true, "0");
	asker_expect(asker, "{\"command\":\"find\",\"tree_name\":\"a\"" RANGE "}", true, "{\"1\":{\"" TODAY "\":0}}");
	increment(asker, "a", "1", 1);
	asker_expect(asker, "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":1}", true, "1");
	asker_expect(asker, "{\"command\":\"decrement\",\"tree_name\":\"a\"}", false, "\"Field key is required\"");
	asker_expect(asker, "{\"command\":\"decrement\",\"key\":1}", false, "\"Field tree_name is required\"");
}

static void
find(void **state)
{
	struct asker *asker = *state;

	increment(asker, "a", "1", 2);
	asker_expect(asker, "{\"command\":\"find\",\"tree_name\":\"a\",\"key\":1" RANGE "}", true, "{\"" TODAY "\":2}");
	asker_expect(asker, "{\"command\":\"find\",\"tree_name\":\"a\",\"key\":null" RANGE "}", true,
	             "{\"1\":{\"" TODAY "\":2}}");
	asker_expect(asker, "{\"command\":\"find\",\"tree_name\":\"a\",\"time_from\":1,\"time_to\":2}", true,
	             "{\"1\":{}}");
	kit_file_foreign(asker->kit, "5_a.tree", 1, 7);
	asker_expect(asker, "{\"command\":\"load\",\"tree_name\":\"5_a.tree\"}", true, "\"Tree \\\"a\\\" loaded\"");
	increment(asker, "a", "1", 1);
	const char *reply = asker_ask(asker, "{\"command\":\"find\",\"tree_name\":\"a\",\"key\":1" RANGE "}");

	assert_int_equal(strlen(reply), strlen("{\"success\":true,\"response\":{\"20230701\":7,\"" TODAY "\":1}}\r\n"));
	assert_non_null(strstr(reply, "\"20230701\":7"));
	assert_non_null(strstr(reply, "\"" TODAY "\":1"));
	for (size_t i = 0; i < 4; i++) {
		const char *line = (const char *[]){
			"{\"command\":\"find\",\"tree_name\":\"a\",\"key\":1}",
			"{\"command\":\"find\",\"tree_name\":\"a\"}",
			"{\"command\":\"find\",\"tree_name\":\"a\",\"time_to\":1}",
			"{\"command\":\"find\",\"tree_name\":\"a\",\"key\":1,\"time_from\":1}",
		}[i];

		asker_expect(asker, line, false, "\"Fields time_from and time_to are required\"");
	}
	asker_expect(asker, "{\"command\":\"find\"" RANGE "}", false, "\"Field tree_name is required\"");
}

static void
find_of_many_keys(void **state)
{
	struct asker *asker = *state;
	char expected[64];

	for (uint64_t key = 0; key < 100; key++)
		kit_add(asker->kit, "a", key, key + 1);
	const char *reply = asker_ask(asker, "{\"command\":\"find\",\"tree_name\":\"a\"" RANGE "}");

	for (int key = 0; key < 100; key++) {
		(void)snprintf(expected, sizeof(expected), "\"%d\":{\"" TODAY "\":%d}", key, key + 1);
		assert_non_null(strstr(reply, expected));
	}
	assert_null(strstr(reply, ",}"));
	assert_null(strstr(reply, ",,"));
}

static void
delete_and_reset(void **state)
{
	struct asker *asker = *state;

	increment(asker, "a", "1", 2);
	increment(asker, "a", "2", 3);
	asker_expect(asker, "{\"command\":\"delete\",\"tree_name\":\"a\",\"key\":1" RANGE "}", true, "true");
	asker_expect(asker, "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":1}", true, "0"); /* the total follows */
	asker_expect(asker, "{\"command\":\"find\",\"tree_name\":\"a\",\"key\":1" RANGE "}", true, "{}");
	asker_expect(asker, "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":2}", true, "3");
	increment(asker, "a", "1", 1);
	asker_expect(asker, "{\"command\":\"reset\",\"tree_name\":\"a\",\"key\":1,\"time_from\":3}", true, OK);
	asker_expect(asker, "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":1}", true, "0");
	asker_expect(asker, "{\"command\":\"delete\",\"tree_name\":\"a\"" RANGE "}", true, "true");
	asker_expect(asker, "{\"command\":\"sum\",\"tree_name\":\"a\",\"key\":2}", true, "0");
	const char *reply = asker_ask(asker, "{\"command\":\"find\",\"tree_name\":\"a\"" RANGE "}");

	assert_non_null(strstr(reply, "\"1\":{}")); /* both stay listed */
	assert_non_null(strstr(reply, "\"2\":{}"));
	asker_expect(asker, "{\"command\":\"reset\",\"tree_name\":\"a\"}", true, OK);
	asker_expect(asker, "{\"command\":\"find\",\"tree_name\":\"a\"" RANGE "}", true, "{}");
	asker_expect(asker, "{\"command\":\"trees\"}", true, "[\"a\"]");
	asker_expect(asker, "{\"command\":\"delete\"}", false, "\"Field tree_name is required\"");
	asker_expect(asker, "{\"command\":\"delete\",\"tree_name\":\"a\",\"key\":1}", false,
	             "\"Fields time_from and time_to are required\"");
	asker_expect(asker, "{\"command\":\"reset\"}", false, "\"Field tree_name is required\"");
}

static void
dump_and_dumps(void **state)
{
	struct asker *asker = *state;
	char file[256];
	char expected[300];

	asker_expect(asker, "{\"command\":\"dump\",\"tree_name\":\"a\\\"\"}", false,
	             "\"Tree \\\"a\\\"\\\" not found\"");
	asker_expect(asker, "{\"command\":\"dump\"}", false, "\"Field tree_name is required\"");
	asker_expect(asker, "{\"command\":\"dumps\"}", true, "[]");
	increment(asker, "a\\\"/", "1", 1);
	asker_expect(asker, "{\"command\":\"dump\",\"tree_name\":\"a\\\"/\"}", true, "\"Tree \\\"a\\\"/\\\" saved\"");
	kit_file_find(asker->kit, "_a\"%2F.tree", 0, file);
	kit_file_foreign(asker->kit, "5_b.tree", 1, 1);
	(void)snprintf(expected, sizeof(expected), "[\"%.*s_a\\\"%%2F.tree\",\"5_b.tree\"]",
	               (int)(strchr(file, '_') - file), file);
	asker_expect(asker, "{\"command\":\"dumps\"}", true, expected);
}

static void
a_dump_that_fails_says_so(void **state)
{
	struct asker *asker = *state;

	increment(asker, "a", "1", 1);
	kit_file_foreign(asker->kit, "18446744073709551615_a.tree", 1, 1);
	asker_expect(asker, "{\"command\":\"dump\",\"tree_name\":\"a\"}", false,
	             "\"Tree \\\"a\\\" could not be saved: Value too large for defined data type\"");
	asker_expect(asker, "{\"command\":\"dump_all\"}", true, OK);
}

static void
nothing(void *context)
{
	(void)context;
}

static void
dump_all(void **state)
{
	struct asker *asker = *state;
	struct blocker blocker;

	increment(asker, "a", "1", 1);
	increment(asker, "b", "1", 1);
	asker_block_maintenance(asker, &blocker);
	asker_expect(asker, "{\"command\":\"dump_all\"}", true, OK); /* at once */
	assert_int_equal(kit_file_count(asker->kit, ".tree"), 0);
	asker_unblock(&blocker);
	kit_maintain(asker->kit, nothing, NULL); /* behind it */
	assert_int_equal(kit_file_count(asker->kit, "_a.tree"), 1);
	assert_int_equal(kit_file_count(asker->kit, "_b.tree"), 1);
}

static void
load(void **state)
{
	struct asker *asker = *state;
	char file[256];

	asker_expect(asker, "{\"command\":\"load\",\"tree_name\":\"1688385600_a_b.tree\"}", false,
	             "\"Dump \\\"a_b\\\" not exists\"");
	asker_expect(asker, "{\"command\":\"load\",\"tree_name\":\"nosuch\"}", false,
	             "\"Dump \\\"nosuch\\\" not exists\"");
	asker_expect(asker, "{\"command\":\"load\"}", false, "\"Field tree_name is required\"");
	asker_expect(asker, "{\"command\":\"load\",\"tree_name\":\"\"}", false,
	             "\"\\\"\\\" is not the name of a file in the dump directory\"");
	asker_expect(asker, "{\"command\":\"load\",\"tree_name\":\"../5_a.tree\"}", false,
	             "\"\\\"../5_a.tree\\\" is not the name of a file in the dump directory\"");
	kit_file_write(asker->kit, "5_h.tree", "", 0);
	asker_expect(asker, "{\"command\":\"load\",\"tree_name\":\"5_h.tree\"}", false,
	             "\"5_h.tree: offset 0: the file is empty\"");
	asker_expect(asker, "{\"command\":\"trees\"}", true, "[]");
	increment(asker, "a_b", "7", 1);
	kit_file_foreign(asker->kit, "1688385600_a_b.tree", 1, 7);
	asker_expect(asker, "{\"command\":\"load\",\"tree_name\":\"1688385600_a_b.tree\"}", true,
	             "\"Tree \\\"a_b\\\" loaded\"");
	asker_expect(asker, "{\"command\":\"find\",\"tree_name\":\"a_b\"" RANGE "}", true, "{\"1\":{\"20230701\":7}}");
	/* In a file of ours the tree has a name of its own. */
	increment(asker, "our/own", "7", 1);
	assert_int_equal(kit_dump(asker->kit, "our/own"), 0);
	kit_file_find(asker->kit, "_our%2Fown.tree", 0, file);
	kit_file_rename(asker->kit, file, "7_copy.tree");
	asker_expect(asker, "{\"command\":\"load\",\"tree_name\":\"7_copy.tree\"}", true,
	             "\"Tree \\\"our/own\\\" loaded\"");
}

static void
names_of_any_length(void **state)
{
	struct asker *asker = *state;
	char line[2048];
	char name[TREE_NAME_BYTES_MAX + 2];
	static const char *const commands[] = { "create", "dump", "reset", "drop", "load" };

	for (size_t bytes = TREE_NAME_BYTES_MAX; bytes <= TREE_NAME_BYTES_MAX + 1; bytes++) {
		memset(name, 'n', bytes);
		name[bytes] = '\0';
		for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
			(void)snprintf(line, sizeof(line), "{\"command\":\"%s\",\"tree_name\":\"%s\"}", commands[i],
			               name);
			const char *reply = asker_ask(asker, line);
			bool fine = bytes == TREE_NAME_BYTES_MAX && i < 4;

			assert_int_equal(strncmp(reply, "{\"success\":true,", 16) == 0, fine);
		}
	}
}

#define ask_test(test) cmocka_unit_test_setup_teardown(test, asker_setup, asker_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ask_test(ping),
		ask_test(unknown_command),
		ask_test(refused_lines),
		ask_test(create_and_trees),
		ask_test(too_many_trees),
		ask_test(drop),
		ask_test(increment_and_sum),
		ask_test(overflow),
		ask_test(only_three_commands_create),
		ask_test(decrement),
		ask_test(find),
		ask_test(find_of_many_keys),
		ask_test(delete_and_reset),
		ask_test(dump_and_dumps),
		ask_test(a_dump_that_fails_says_so),
		ask_test(dump_all),
		ask_test(load),
		ask_test(names_of_any_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
