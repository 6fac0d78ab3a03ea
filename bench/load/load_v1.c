/*
 * load_v1.c - Karma's first protocol: JSON lines
 */
#include "load/load_protocol.h"
#include "load/load_text.h"

static void
lay_out(struct load_form *form, enum load_kind kind, const char *tree, size_t digit_count)
{
	static const char *const commands[LOAD_KINDS] = { "increment", "sum", "decrement" };

	(void)digit_count;
	load_form_print(form, "}\r\n", "{\"command\":\"%s\",\"tree_name\":\"%s\",\"key\":", commands[kind], tree);
}

/* `{"success":true,"response":1}` to a change, a number to a sum. */
static size_t
read_reply(enum load_kind kind, const char *data, size_t bytes, bool *ret_right)
{
	static const char one[] = "{\"success\":true,\"response\":1}\r\n";
	static const char before[] = "{\"success\":true,\"response\":";

	if (kind != LOAD_SUM && bytes >= sizeof(one) - 1 && memcmp(data, one, sizeof(one) - 1) == 0) {
		*ret_right = true;
		return sizeof(one) - 1;
	}
	const char *next = text_line(data, data + bytes);

	if (next == NULL)
		return 0;
	const char *end = text_line_end(data, next);

	*ret_right = kind == LOAD_SUM && text_starts_with(data, end, before) && end[-1] == '}' &&
	             text_is_number(data + sizeof(before) - 1, end - 1);
	return (size_t)(next - data);
}

const struct load_language load_v1 = { .name = "v1", .lay_out = lay_out, .read_reply = read_reply };
