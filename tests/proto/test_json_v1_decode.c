/* The decoder takes what PROTOCOL-v1 and RFC 8259 allow, exactly, and refuses the rest with a sentence that helps. */
#include "decoding.h"

/* Every field of a full request arrives, and nothing else is set. */
static void
reads_every_field(void **state)
{
	(void)state;
	takes("{\"command\":\"find\",\"tree_name\":\"articles\",\"key\":12345,\"time_from\":20230701,\"time_to\":7}");
	assert_int_equal(request.command, V1_FIND);
	assert_text(request.command_text, "find", 4);
	assert_true(request.has_tree && request.has_key && request.has_from && request.has_to);
	assert_text(request.tree, "articles", 8);
	assert_int_equal(request.key, 12345);
	assert_int_equal(request.from, 20230701);
	assert_int_equal(request.to, 7);

	takes("{\"command\":\"ping\"}");
	assert_int_equal(request.command, V1_PING);
	assert_false(request.has_tree || request.has_key || request.has_from || request.has_to);
}

/* All 14 commands are known by their exact name; anything else is unknown, with its text kept. */
static void
knows_every_command(void **state)
{
	static const struct {
		const char *name;
		enum v1_command command;
	} known[] = {
		{ "ping", V1_PING },
		{ "trees", V1_TREES },
		{ "create", V1_CREATE },
		{ "drop", V1_DROP },
		{ "increment", V1_INCREMENT },
		{ "decrement", V1_DECREMENT },
		{ "sum", V1_SUM },
		{ "find", V1_FIND },
		{ "reset", V1_RESET },
		{ "delete", V1_DELETE },
		{ "dump", V1_DUMP },
		{ "dump_all", V1_DUMP_ALL },
		{ "dumps", V1_DUMPS },
		{ "load", V1_LOAD },
		{ "", V1_UNKNOWN },
		{ "PING", V1_UNKNOWN },
		{ " ping", V1_UNKNOWN },
		{ "pin", V1_UNKNOWN },
		{ "increments", V1_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "{\"command\":\"%s\"}", known[i].name);
		takes(text);
		assert_int_equal(request.command, known[i].command);
		assert_text(request.command_text, known[i].name, strlen(known[i].name));
	}
}

/* A request without a command is refused, be it missing or null. */
static void
wants_a_command(void **state)
{
	(void)state;
	refuses("{}", "Field command is required");
	refuses("{\"key\":1}", "Field command is required");
	refuses("{\"command\":null}", "Field command is required");
	refuses("{\"command\":\"ping\",\"command\":null}", "Field command is required");
	refuses("{\"command\":1}", "Field command must be a string (column 12)");
}

/* null is the same as absent, for each field. */
static void
null_is_absent(void **state)
{
	(void)state;
	takes_member("\"tree_name\":null,\"key\":null,\"time_from\":null,\"time_to\":null");
	assert_false(request.has_tree || request.has_key || request.has_from || request.has_to);
	refuses_member("\"key\":nul");
	refuses_member("\"key\":nulll");
	refuses_member("\"key\":NULL");
}

/* Numbers are exact over the whole range of 64 bits, and never folded into a double. */
static void
numbers_are_exact(void **state)
{
	static const uint64_t values[] = {
		0,         9, 10, 9007199254740993, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_C(18446744073709551609),
		UINT64_MAX
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char text[128];

		(void)snprintf(text, sizeof(text), "\"key\":%ju,\"time_from\":%ju,\"time_to\":%ju",
		               (uintmax_t)values[i], (uintmax_t)values[i], (uintmax_t)values[i]);
		takes_member(text);
		assert_int_equal(request.key, values[i]);
		assert_int_equal(request.from, values[i]);
		assert_int_equal(request.to, values[i]);
	}
}

/* What is no plain unsigned number of 64 bits is refused in each of the three fields, whatever the command. */
static void
other_numbers_are_refused(void **state)
{
	static const char *const fields[] = { "key", "time_from", "time_to" };
	static const char *const values[] = {
		"-1",
		"-0",
		"1.0",
		"1e3",
		"1E0",
		"\"1\"",
		"true",
		"false",
		"[1]",
		"{}",
		"+1",
		"NaN",
		"\"\"",
		"18446744073709551616",
		"0.0",
		"0e1",
		"1.",
		".5",
		"",
		"-",
		"18446744073709551615.0",
		"184467440737095516150",
		"99999999999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < 3 * sizeof(values) / sizeof(values[0]); i++) {
		char text[128];
		char why[128];

		(void)snprintf(text, sizeof(text), "{\"command\":\"trees\",\"%s\":%s}", fields[i % 3], values[i / 3]);
		(void)snprintf(why, sizeof(why), "Field %s must be an unsigned 64-bit integer (column %zu)",
		               fields[i % 3], strlen(fields[i % 3]) + 23);
		refuses(text, why);
	}
	refuses_member("\"key\":01");
	refuses_member("\"key\":00");
	refuses_member("\"key\":0x1");
	refuses_member("\"key\":1 2");
}

/* A tree name is a string: types are checked for every command. */
static void
names_are_strings(void **state)
{
	(void)state;
	refuses("{\"command\":\"ping\",\"tree_name\":1}", "Field tree_name must be a string (column 31)");
	refuses_member("\"tree_name\":true");
	refuses_member("\"tree_name\":[\"a\"]");
	refuses_member("\"tree_name\":{}");
	refuses_member("\"tree_name\":a");
	takes_member("\"tree_name\":\"\"");
	assert_true(request.has_tree);
	assert_text(request.tree, "", 0);
}

/* Names may have 1024 bytes, counted after escapes are resolved; one more is a fault of its own. */
static void
long_names_are_refused(void **state)
{
	static char text[8 * TREE_NAME_BYTES_MAX];
	static const char *const letters[] = { "n", "\\u006e", "\\n" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		size_t bytes = (size_t)snprintf(text, sizeof(text), "{\"command\":\"ping\",\"tree_name\":\"");

		for (int n = 0; n < TREE_NAME_BYTES_MAX; n++)
			bytes += (size_t)snprintf(text + bytes, sizeof(text) - bytes, "%s", letters[i]);
		(void)snprintf(text + bytes, sizeof(text) - bytes, "\"}");
		takes(text);
		assert_int_equal(request.tree.bytes, TREE_NAME_BYTES_MAX);
		(void)snprintf(text + bytes, sizeof(text) - bytes, "x\"}");
		refuses(text, "Field tree_name is longer than 1024 bytes (column 31)");
	}
}

/* A token is a string; anything else is none, and no fault. */
static void
token_is_a_string(void **state)
{
	(void)state;
	takes_member("\"token\":\"s\\u0065cret\"");
	assert_true(request.has_token);
	assert_text(request.token, "secret", 6);
	takes_member("\"token\":\"a\",\"token\":[\"b\"]");
	assert_false(request.has_token);
	takes_member("\"token\":\"a\",\"token\":null");
	assert_false(request.has_token);
	takes_member("\"token\":5");
	assert_false(request.has_token);
}

/* Members of v2 end it, however they are spelled; their names elsewhere do not. */
static void
members_of_v2_are_foreign(void **state)
{
	static const char *const foreign[] = { "{\"v\":2}", "{\"command\":\"ping\",\"\\u006fp\":null}",
		                               "{\"op\":\"x\" broken", "{\"v\":" };

	(void)state;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		assert_false(decode(foreign[i], strlen(foreign[i])));
		assert_true(fault.foreign);
	}
	refuses("{\"command\":7,\"v\":2}", "Field command must be a string (column 12)");
	assert_false(fault.foreign);
	refuses("{}", "Field command is required");
	assert_false(fault.foreign);
	takes_member("\"x\":{\"v\":2,\"op\":1},\"V\":1,\"vv\":2,\"Op\":3,\"ops\":4");
}

/* The last of duplicate members wins, null included; each of them must have the right type. */
static void
last_duplicate_wins(void **state)
{
	(void)state;
	takes("{\"command\":\"nope\",\"key\":1,\"command\":\"sum\",\"key\":2}");
	assert_int_equal(request.command, V1_SUM);
	assert_int_equal(request.key, 2);
	takes_member("\"key\":1,\"key\":null");
	assert_false(request.has_key);
	takes_member("\"key\":null,\"key\":3");
	assert_true(request.has_key);
	takes_member("\"tree_name\":\"\\u0061bc\",\"tree_name\":\"d\\u0065f\"");
	assert_text(request.tree, "def", 3);
	refuses_member("\"key\":\"x\",\"key\":1");
	refuses_member("\"key\":-1,\"key\":null");
	refuses_member("\"tree_name\":1,\"tree_name\":\"a\"");
	refuses("{\"command\":1,\"command\":\"ping\"}", "Field command must be a string (column 12)");
}

/* Names of members are compared after their escapes are resolved, and only as a whole. */
static void
member_names_may_be_escaped(void **state)
{
	(void)state;
	takes("{\"comm\\u0061nd\":\"pi\\u006eg\",\"\\u006b\\u0065\\u0079\":5}");
	assert_int_equal(request.command, V1_PING);
	assert_int_equal(request.key, 5);
	takes("{\"\\u0063\\u006f\\u006d\\u006d\\u0061\\u006e\\u0064\":\"ping\","
	      "\"\\u0074\\u0069\\u006d\\u0065\\u005f\\u0066\\u0072\\u006f\\u006d\":6}");
	assert_int_equal(request.from, 6);
	takes_member("\"Key\":\"x\",\"ke\":\"x\",\"keys\":\"x\",\"key\\u0000\":\"x\",\"\":\"x\",\"time_tO\":1.5");
	assert_false(request.has_key || request.has_to);
	takes_member("\"\\u0063\\u006f\\u006d\\u006d\\u0061\\u006e\\u0064\\u006f\\u006d\\u006d\\u0061\":1");
	refuses_member("\"\\u006bey\":\"x\"");
}

/* Blanks, tabs, CRs and LFs may stand around every token, and nothing else may. */
static void
blanks_are_skipped(void **state)
{
	(void)state;
	takes("  {\t\"command\" :\r\"ping\" ,\n\"key\"\t: 7 , \"x\" : [ 1 , { \"y\" : null } ] }\r\r\n ");
	assert_int_equal(request.key, 7);
	refuses("\xef\xbb\xbf{\"command\":\"ping\"}", "A request is one JSON object (column 1)");
	refuses("{\"command\":\v\"ping\"}", "Field command must be a string (column 12)");
	refuses("{\"command\":\"ping\",\"x\"\f:1}", "Unexpected byte 0x0c (column 22)");
	refuses("{\"command\":\"ping\"/**/}", "Unexpected character '/' (column 18)");
	refuses("{\"command\":\"ping\"}\xc2\xa0", "Unexpected byte 0xc2 (column 19)");
}

/* One object, and nothing behind it. */
static void
only_one_object(void **state)
{
	static const char *const others[] = {
		"", "   ", "[]", "null", "1", "\"ping\"", "[\"ping\"]", "ping", "}", "]"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_false(decode(others[i], strlen(others[i])));
		assert_memory_equal(fault.text, "A request is one JSON object (column ", 37);
	}
	refuses("{\"command\":\"ping\"} x", "Unexpected character 'x' (column 20)");
	refuses("{\"command\":\"ping\"}\r{\"command\":\"ping\"}", "Unexpected character '{' (column 20)");
	assert_false(decode("{\"command\":\"ping\"}\0", 19));
	assert_string_equal(fault.text, "Unexpected byte 0x00 (column 19)");
	assert_false(decode("{\"command\":\"ping\"\0}", 19));
	assert_string_equal(fault.text, "Unexpected byte 0x00 (column 18)");
	assert_false(decode("\0", 1));
}

/* Every request cut short is refused, at every byte. */
static void
a_cut_request_is_refused(void **state)
{
	static const char text[] = "{\"command\":\"find\",\"tree_name\":\"\xd0\xbd\\ud83d\\ude00\",\"key\":10,\"x\":"
	                           "[true,false,null,-1.5e+7,{\"a\":\"b\\n\",\"c\":[]}],\"time_to\":null}";

	(void)state;
	takes(text);
	for (size_t bytes = 0; bytes < sizeof(text) - 1; bytes++) {
		if (decode(text, bytes))
			fail_msg("taken when cut to %zu bytes", bytes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_field),        cmocka_unit_test(knows_every_command),
		cmocka_unit_test(wants_a_command),          cmocka_unit_test(null_is_absent),
		cmocka_unit_test(numbers_are_exact),        cmocka_unit_test(other_numbers_are_refused),
		cmocka_unit_test(names_are_strings),        cmocka_unit_test(long_names_are_refused),
		cmocka_unit_test(token_is_a_string),        cmocka_unit_test(members_of_v2_are_foreign),
		cmocka_unit_test(last_duplicate_wins),      cmocka_unit_test(member_names_may_be_escaped),
		cmocka_unit_test(blanks_are_skipped),       cmocka_unit_test(only_one_object),
		cmocka_unit_test(a_cut_request_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
