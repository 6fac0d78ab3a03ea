/*
 * load_redis.c - RESP2, as client libraries send it (the shorter inline form takes the server longer to parse)
 *
 * hincrby: the tree is a hash, its keys are fields; that is the closest to what Karma does. incr: each counter is a key
 * of its own, named TREE:KEY; that is what most use Redis for.
 */
#include "load/load_protocol.h"
#include "load/load_text.h"

static void
lay_out_hincrby(struct load_form *form, enum load_kind kind, const char *tree, size_t digit_count)
{
	static const char *const commands[LOAD_KINDS] = { "*4\r\n$7\r\nHINCRBY", "*3\r\n$4\r\nHGET",
		                                          "*4\r\n$7\r\nHINCRBY" };
	static const char *const tails[LOAD_KINDS] = { "\r\n$1\r\n1\r\n", "\r\n", "\r\n$2\r\n-1\r\n" };

	load_form_print(form, tails[kind], "%s\r\n$%zu\r\n%s\r\n$%zu\r\n", commands[kind], strlen(tree), tree,
	                digit_count);
}

static void
lay_out_incr(struct load_form *form, enum load_kind kind, const char *tree, size_t digit_count)
{
	static const char *const commands[LOAD_KINDS] = { "$4\r\nINCR", "$3\r\nGET", "$4\r\nDECR" };

	load_form_print(form, "\r\n", "*2\r\n%s\r\n$%zu\r\n%s:", commands[kind], strlen(tree) + 1 + digit_count, tree);
}

/* A count may be below 0 here. */
static bool
is_count(const char *at, const char *end)
{
	return text_is_number(at < end && *at == '-' ? at + 1 : at, end);
}

/* `$2 CR LF 17`, or `$-1` for a key that is not there, which counts as 0. */
static size_t
read_bulk(const char *data, const char *next, const char *end, bool *ret_right)
{
	const char *length_end = text_line_end(data, next);

	if (text_is(data, length_end, "$-1") || !text_is_number(data + 1, length_end)) {
		*ret_right = text_is(data, length_end, "$-1");
		return (size_t)(next - data);
	}
	const char *value_next = text_line(next, end);

	if (value_next == NULL)
		return 0;
	*ret_right = is_count(next, text_line_end(next, value_next));
	return (size_t)(value_next - data);
}

static size_t
read_reply(enum load_kind kind, const char *data, size_t bytes, bool *ret_right)
{
	const char *next = text_line(data, data + bytes);

	if (next == NULL)
		return 0;
	if (*data == '$' && kind == LOAD_SUM)
		return read_bulk(data, next, data + bytes, ret_right);
	*ret_right = *data == ':' && kind != LOAD_SUM && is_count(data + 1, text_line_end(data, next));
	return (size_t)(next - data);
}

const struct load_language load_redis_hincrby = {
	.name = "redis", .command = "hincrby", .lay_out = lay_out_hincrby, .read_reply = read_reply
};
const struct load_language load_redis_incr = {
	.name = "redis", .command = "incr", .lay_out = lay_out_incr, .read_reply = read_reply
};
