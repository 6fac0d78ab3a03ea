#include "load/load_protocol.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void
init_karma(struct load_protocol *protocol, enum load_kind kind, const char *tree)
{
	const char *command = kind == LOAD_ADD ? "increment" : "sum";

	(void)snprintf(protocol->request[kind].before, sizeof(protocol->request[kind].before),
	               "{\"command\":\"%s\",\"tree_name\":\"%s\",\"key\":", command, tree);
	(void)snprintf(protocol->request[kind].after, sizeof(protocol->request[kind].after), "}\r\n");
}

/* As client libraries send it; the shorter inline form takes the server longer to parse. */
static void
init_redis(struct load_protocol *protocol, enum load_kind kind, const char *tree)
{
	const char *command = kind == LOAD_ADD ? "*4\r\n$7\r\nHINCRBY" : "*3\r\n$4\r\nHGET";

	(void)snprintf(protocol->request[kind].before, sizeof(protocol->request[kind].before), "%s\r\n$%zu\r\n%s\r\n$",
	               command, strlen(tree), tree);
	(void)snprintf(protocol->request[kind].after, sizeof(protocol->request[kind].after),
	               kind == LOAD_ADD ? "\r\n$1\r\n1\r\n" : "\r\n");
}

void
load_protocol_init(struct load_protocol *protocol, enum load_language language, const char *tree)
{
	assert(strlen(tree) <= LOAD_TREE_BYTES_MAX);
	*protocol = (struct load_protocol){ .language = language };
	for (enum load_kind kind = LOAD_ADD; kind <= LOAD_SUM; kind++) {
		if (language == LOAD_KARMA)
			init_karma(protocol, kind, tree);
		else
			init_redis(protocol, kind, tree);
		protocol->request[kind].before_bytes = strlen(protocol->request[kind].before);
		protocol->request[kind].after_bytes = strlen(protocol->request[kind].after);
	}
}

/* Writes value in decimal, its digits ending before `end`. Returns the first. */
static char *
digits_before(char *end, uint64_t value)
{
	do {
		*--end = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	return end;
}

size_t
load_protocol_request(const struct load_protocol *protocol, enum load_kind kind, uint64_t key, char *out)
{
	char digits[20];
	const char *first = digits_before(digits + sizeof(digits), key);
	const size_t digit_count = (size_t)(digits + sizeof(digits) - first);
	char *at = out;

	at = mempcpy(at, protocol->request[kind].before, protocol->request[kind].before_bytes);
	if (protocol->language == LOAD_REDIS) {
		char length[20];
		const char *length_first = digits_before(length + sizeof(length), digit_count);

		at = mempcpy(at, length_first, (size_t)(length + sizeof(length) - length_first));
		at = mempcpy(at, "\r\n", 2);
	}
	at = mempcpy(at, first, digit_count);
	at = mempcpy(at, protocol->request[kind].after, protocol->request[kind].after_bytes);
	assert(at - out <= LOAD_REQUEST_BYTES_MAX);
	return (size_t)(at - out);
}

/* One or more digits that fill the text from `at` to `end`. */
static bool
is_number(const char *at, const char *end)
{
	const char *first = at;

	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at == end && at > first;
}

static bool
starts_with(const char *at, const char *end, const char *text)
{
	const size_t bytes = strlen(text);

	return (size_t)(end - at) >= bytes && memcmp(at, text, bytes) == 0;
}

/* line: one reply without its CR LF. */
static bool
karma_is_right(enum load_kind kind, const char *line, const char *end)
{
	static const char before[] = "{\"success\":true,\"response\":";
	static const char one[] = "{\"success\":true,\"response\":1}";

	if (kind == LOAD_ADD)
		return (size_t)(end - line) == sizeof(one) - 1 && memcmp(line, one, sizeof(one) - 1) == 0;
	return starts_with(line, end, before) && end[-1] == '}' && is_number(line + sizeof(before) - 1, end - 1);
}

/* The end of the line's text, or NULL when it is not there whole. */
static const char *
line_end(const char *line, const char *end)
{
	const char *newline = memchr(line, '\n', (size_t)(end - line));

	if (newline == NULL)
		return NULL;
	return newline > line && newline[-1] == '\r' ? newline - 1 : newline;
}

static const char *
after_line(const char *text_end)
{
	return *text_end == '\r' ? text_end + 2 : text_end + 1;
}

size_t
load_protocol_reply(const struct load_protocol *protocol, enum load_kind kind, const char *data, size_t bytes,
                    bool *ret_right)
{
	const char *end = data + bytes;
	const char *text_end = line_end(data, end);

	if (text_end == NULL)
		return 0;
	const char *next = after_line(text_end);

	if (protocol->language == LOAD_KARMA) {
		*ret_right = *text_end == '\r' && karma_is_right(kind, data, text_end);
	} else if (kind == LOAD_ADD) {
		*ret_right = *data == ':' && is_number(data + 1, text_end);
	} else if (*data != '$' || starts_with(data, end, "$-1")) {
		*ret_right = *data == '$';
	} else {
		/* The length, then the number on a line of its own. */
		const char *value = next;

		text_end = line_end(value, end);
		if (text_end == NULL)
			return 0;
		*ret_right = is_number(value, text_end);
		next = after_line(text_end);
	}
	return (size_t)(next - data);
}
