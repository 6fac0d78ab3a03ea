/* Strings are UTF-8 through and through, and escapes mean what RFC 8259 says. */
#include "decoding.h"

/* Every escape stands for its character, in values and names; the wrong ones are refused with their place. */
static void
escapes_are_resolved(void **state)
{
	static const char resolved[] = "q\"b\\s/\b\f\n\r\t\x1f\x7f\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";

	(void)state;
	takes_member("\"tree_name\":\"q\\\"b\\\\s\\/\\b\\f\\n\\r\\t\\u001f\\u007f\\u00e9\\u20AC\\uD83d\\uDe00\"");
	assert_text(request.tree, resolved, sizeof(resolved) - 1);
	refuses("{\"command\":\"\\x41\"}", "Unknown escape (column 13)");
	refuses("{\"command\":\"\\u12g4\"}", "Invalid \\u escape or lone surrogate (column 13)");
	refuses("{\"command\":\"\\", "String does not end (column 13)");
	refuses("{\"command\":\"\\\"}", "String does not end (column 16)");
	refuses_member("\"x\":\"\\U0041\"");
	refuses_member("\"x\":\"\\'\"");
	refuses_member("\"x\":\"\\u 041\"");
	refuses_member("\"x\":\"\\u+041\"");
	refuses_member("\"x\":\"\\u004\"");
	refuses_member("\"x\":\"\\\n\"");
	refuses_member("\"x\\y\":1");
}

/* An escaped name equals the same name written out. */
static void
escaped_equals_literal(void **state)
{
	(void)state;
	takes_member("\"tree_name\":\"\xd0\xbd\"");
	assert_text(request.tree, "\xd0\xbd", 2);
	takes_member("\"tree_name\":\"\\u043d\"");
	assert_text(request.tree, "\xd0\xbd", 2);
}

/* A name may hold NUL, by its escape only. */
static void
nul_is_a_character(void **state)
{
	(void)state;
	takes_member("\"tree_name\":\"a\\u0000b\"");
	assert_text(request.tree, "a\0b", 3);
	assert_false(decode("{\"command\":\"a\0b\"}", 18));
	assert_string_equal(fault.text, "Control character in a string (column 14)");
}

/* Surrogates come in pairs, high before low, or not at all. */
static void
lone_surrogates_are_refused(void **state)
{
	static const char *const lone[] = {
		"\\ud800",        "\\udbff",         "\\udc00",        "\\udfff",        "\\ud800x",
		"\\ud800\\n",     "\\ud800\\u0041",  "\\ud800\\ud800", "\\udc00\\ud800", "\\ud800\\udbff",
		"\\ud800\\ue000", "\\ud800 \\udc00", "\\ud83d\\ude0",  "\\ud83d\\xde00",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lone) / sizeof(lone[0]); i++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "\"tree_name\":\"%s\"", lone[i]);
		refuses_member(text);
		assert_string_equal(fault.text, "Invalid \\u escape or lone surrogate (column 32)");
		(void)snprintf(text, sizeof(text), "\"%s\":1", lone[i]);
		refuses_member(text);
		(void)snprintf(text, sizeof(text), "\"x\":[\"%s\"]", lone[i]);
		refuses_member(text);
	}
	takes_member("\"tree_name\":\"\\ud800\\udc00\\udbff\\udfff\\ud7ff\\ue000\"");
	assert_text(request.tree, "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80", 14);
}

/* Every byte, at every place within a word of eight, is taken or refused for itself: controls never, quotes end. */
static void
every_byte_at_every_place(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		for (size_t place = 0; place < 24; place++) {
			char text[64] = "{\"command\":\"zzzzzzzzzzzzzzzzzzzzzzzzzz\"}";
			const bool plain = byte >= ' ' && byte < 0x80 && byte != '"' && byte != '\\';

			text[12 + place] = (char)byte;
			if (decode(text, 40) != plain)
				fail_msg("byte 0x%02x at place %zu", byte, place);
			if (plain)
				assert_text(request.command_text, text + 12, 26);
			else if (byte < ' ')
				assert_memory_equal(fault.text, "Control character in a string", 29);
			else if (byte >= 0x80)
				assert_memory_equal(fault.text, "Invalid UTF-8", 13);
		}
	}
}

/* Characters of two to four bytes pass at every place, in known and ignored strings and in names of members. */
static void
every_character_size_at_every_place(void **state)
{
	static const char *const characters[] = { "\xc2\x80", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf",
		                                  "\xd0\xbd\xd0\xbd\xd0\xbd" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		for (int before = 0; before < 18; before++) {
			char name[64];
			char text[256];

			(void)snprintf(name, sizeof(name), "%.*s%s", before, "abcdefghijklmnopqrs", characters[i]);
			(void)snprintf(text, sizeof(text), "\"%s\":\"%s\",\"tree_name\":\"%s\"", name, name, name);
			takes_member(text);
			assert_text(request.tree, name, strlen(name));
		}
	}
}

/* Invalid UTF-8 is refused wherever it stands, with a column that counts characters. */
static void
invalid_utf8_is_refused(void **state)
{
	static const char *const broken[] = {
		"\x80", "\xc3",     "\xc0\xaf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
		"\xff", "\xe2\x82",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "{\"command\":\"\xd0\xbd%s\"}", broken[i]);
		refuses(text, "Invalid UTF-8 (column 14)");
		(void)snprintf(text, sizeof(text), "\"x\":\"%s\"", broken[i]);
		refuses_member(text);
		(void)snprintf(text, sizeof(text), "\"%s\":1", broken[i]);
		refuses_member(text);
		(void)snprintf(text, sizeof(text), "\"x\":[{\"%s\":1}]", broken[i]);
		refuses_member(text);
		refuses_member(broken[i]);
	}
}

/* Strings with escapes take at most the line's own length of scratch; without room the line is refused, not cut. */
static void
scratch_is_bounded(void **state)
{
	static const char text[] = "{\"command\":\"p\\u0069ng\",\"tree_name\":\"\\u0061\"}";
	char memory[64];
	struct arena scratch = { .data = memory, .capacity = 0 };

	(void)state;
	assert_false(json_v1_decode(text, sizeof(text) - 1, &scratch, &request, &fault));
	assert_memory_equal(fault.text, "No room left", 12);
	scratch.capacity = sizeof(memory);
	assert_true(json_v1_decode(text, sizeof(text) - 1, &scratch, &request, &fault));
	assert_true(scratch.used < sizeof(text));
	assert_text(request.command_text, "ping", 4);
	scratch.used = 0;
	scratch.capacity = 0;
	assert_true(json_v1_decode("{\"command\":\"ping\",\"\\u0061\":\"\\u0061\"}", 36, &scratch, &request, &fault));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_are_resolved),      cmocka_unit_test(escaped_equals_literal),
		cmocka_unit_test(nul_is_a_character),        cmocka_unit_test(lone_surrogates_are_refused),
		cmocka_unit_test(every_byte_at_every_place), cmocka_unit_test(every_character_size_at_every_place),
		cmocka_unit_test(invalid_utf8_is_refused),   cmocka_unit_test(scratch_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
