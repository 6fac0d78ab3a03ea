/*
 * load_memcached.c - memcached's text protocol; each counter is an item named TREE:KEY
 *
 * `incr` of an item that is not there says NOT_FOUND, so the items are added before the run (load_prepare.c). A
 * NOT_FOUND in the run is wrong: the server has thrown a counter away, for want of memory most likely.
 */
#include "load/load_protocol.h"
#include "load/load_text.h"

static void
lay_out(struct load_form *form, enum load_kind kind, const char *tree, size_t digit_count)
{
	static const char *const commands[LOAD_KINDS] = { "incr", "get", "decr" };

	(void)digit_count;
	load_form_print(form, kind == LOAD_SUM ? "\r\n" : " 1\r\n", "%s %s:", commands[kind], tree);
}

/* After a `decr` that lost a digit the value is filled up with blanks. */
static bool
is_count(const char *at, const char *end)
{
	while (end > at && end[-1] == ' ')
		end--;
	return text_is_number(at, end);
}

/* VALUE key flags length, the count, END: a line each. */
static size_t
read_value(const char *data, const char *next, const char *end, bool *ret_right)
{
	const char *value_next = text_line(next, end);
	const char *end_next = value_next != NULL ? text_line(value_next, end) : NULL;

	if (end_next == NULL)
		return 0;
	*ret_right = is_count(next, text_line_end(next, value_next)) &&
	             text_is(value_next, text_line_end(value_next, end_next), "END");
	return (size_t)(end_next - data);
}

static size_t
read_reply(enum load_kind kind, const char *data, size_t bytes, bool *ret_right)
{
	const char *next = text_line(data, data + bytes);

	if (next == NULL)
		return 0;
	if (kind == LOAD_SUM && text_starts_with(data, next, "VALUE "))
		return read_value(data, next, data + bytes, ret_right);
	*ret_right = kind != LOAD_SUM && is_count(data, text_line_end(data, next));
	return (size_t)(next - data);
}

static void
lay_out_making(struct load_form *form, const char *tree)
{
	load_form_print(form, " 0 0 1\r\n0\r\n", "add %s:", tree);
}

/* One that is there already does as well. */
static size_t
read_making(const char *data, size_t bytes, bool *ret_right)
{
	const char *next = text_line(data, data + bytes);

	if (next == NULL)
		return 0;
	const char *end = text_line_end(data, next);

	*ret_right = text_is(data, end, "STORED") || text_is(data, end, "NOT_STORED");
	return (size_t)(next - data);
}

const struct load_language load_memcached = {
	.name = "memcached",
	.lay_out = lay_out,
	.read_reply = read_reply,
	.lay_out_making = lay_out_making,
	.read_making = read_making,
};
