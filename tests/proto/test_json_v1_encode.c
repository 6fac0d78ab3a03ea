/* Replies are byte for byte what the original writes, and every text survives the way out and back in. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "proto/json_encode.h"
#include "proto/json_v1.h"

static void
assert_bytes(struct buffer *out, const char *expected)
{
	assert_false(out->failed);
	buffer_append_byte(out, '\0');
	assert_string_equal(out->data, expected);
	buffer_truncate(out, 0);
}

/* Each kind of whole reply has the original's members, order and line end. */
static void
whole_replies(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, SIZE_MAX);
	json_v1_reply_number(&out, 0);
	assert_bytes(&out, "{\"success\":true,\"response\":0}\r\n");
	json_v1_reply_number(&out, 1);
	assert_bytes(&out, "{\"success\":true,\"response\":1}\r\n");
	json_v1_reply_number(&out, 1000000000000000000);
	assert_bytes(&out, "{\"success\":true,\"response\":1000000000000000000}\r\n");
	json_v1_reply_number(&out, UINT64_MAX);
	assert_bytes(&out, "{\"success\":true,\"response\":18446744073709551615}\r\n");
	json_v1_reply_text(&out, "OK", 2);
	assert_bytes(&out, "{\"success\":true,\"response\":\"OK\"}\r\n");
	json_v1_reply_true(&out);
	assert_bytes(&out, "{\"success\":true,\"response\":true}\r\n");
	json_v1_reply_error(&out, "Unknown command \"x\"", 19);
	assert_bytes(&out, "{\"success\":false,\"response\":\"Unknown command \\\"x\\\"\"}\r\n");
	json_v1_reply_error(&out, "", 0);
	assert_bytes(&out, "{\"success\":false,\"response\":\"\"}\r\n");
	buffer_deinit(&out);
}

/* Replies that name a tree quote it plainly, and escape both quotes and name. */
static void
named_replies(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, SIZE_MAX);
	json_v1_reply_named(&out, false, "Tree ", (struct text){ "a", 1 }, " not exists");
	assert_bytes(&out, "{\"success\":false,\"response\":\"Tree \\\"a\\\" not exists\"}\r\n");
	json_v1_reply_named(&out, true, "Tree ", (struct text){ "q\"b\\\n", 5 }, " saved");
	assert_bytes(&out, "{\"success\":true,\"response\":\"Tree \\\"q\\\"b\\\\\\n\\\" saved\"}\r\n");
	json_v1_reply_named(&out, false, "", (struct text){ "", 0 }, "");
	assert_bytes(&out, "{\"success\":false,\"response\":\"\\\"\\\"\"}\r\n");
	buffer_deinit(&out);
}

/* Replies in pieces are framed like the whole ones. */
static void
replies_in_pieces(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, SIZE_MAX);
	json_v1_reply_begin(&out);
	buffer_append_byte(&out, '[');
	json_encode_string(&out, "a", 1);
	buffer_append_byte(&out, ']');
	json_v1_reply_end(&out);
	assert_bytes(&out, "{\"success\":true,\"response\":[\"a\"]}\r\n");
	buffer_deinit(&out);
}

/* Whatever text is encoded is decoded to the same bytes: every character, and pairs of those with an escape. */
static void
texts_round_trip(void **state)
{
	struct buffer out;
	static char memory[256];

	(void)state;
	buffer_init(&out, SIZE_MAX);
	for (uint32_t character = 0; character <= 0x10ffff; character += character < 0x1000 ? 1 : 61) {
		char name[2 * UTF8_SEQUENCE_MAX + 1];
		struct arena scratch = { .data = memory, .capacity = sizeof(memory) };
		struct v1_request request;
		struct v1_fault fault;

		if (character >= 0xd800 && character <= 0xdfff)
			continue;
		size_t bytes = utf8_encode(character, name);

		name[bytes++] = (char)(character % 128);
		bytes += utf8_encode(character, name + bytes);
		buffer_truncate(&out, 0);
		buffer_append_literal(&out, "{\"command\":\"create\",\"tree_name\":");
		json_encode_string(&out, name, bytes);
		buffer_append_literal(&out, "}");
		if (!json_v1_decode(out.data, out.bytes, &scratch, &request, &fault))
			fail_msg("U+%04X: %s", character, fault.text);
		assert_int_equal(request.tree.bytes, bytes);
		assert_memory_equal(request.tree.data, name, bytes);
	}
	buffer_deinit(&out);
}

/* A reply that does not fit leaves the buffer failed, for the caller to see once. */
static void
a_reply_too_large_fails_the_buffer(void **state)
{
	struct buffer out;

	(void)state;
	for (size_t bytes_max = 0; bytes_max < 38; bytes_max++) {
		buffer_init(&out, bytes_max);
		json_v1_reply_error(&out, "\x01 gone", 6);
		assert_true(out.failed);
		assert_true(out.bytes <= bytes_max);
		buffer_deinit(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_replies),
		cmocka_unit_test(named_replies),
		cmocka_unit_test(replies_in_pieces),
		cmocka_unit_test(texts_round_trip),
		cmocka_unit_test(a_reply_too_large_fails_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
