/*
 * json_v1_decode.c - a line to a request
 *
 * One walk over the members of the outer object. A known member is checked where it stands, also when a later one of
 * the same name replaces it; what is unknown is skipped, checked as strictly. Nothing is copied but strings with
 * escapes, so an ordinary request costs no memory at all.
 */
#include "proto/json_v1.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "proto/json_scan.h"

static const char tree_too_long[] = "Field tree_name is longer than 1024 bytes";
static_assert(TREE_NAME_BYTES_MAX == 1024, "the text above names the limit");

enum member {
	MEMBER_OTHER,
	MEMBER_COMMAND,
	MEMBER_TREE,
	MEMBER_KEY,
	MEMBER_FROM,
	MEMBER_TO,
	MEMBER_TOKEN,
	MEMBER_FOREIGN, /* of protocol v2 */
};

struct decoder {
	struct json_scan scan;
	struct arena *scratch;
	struct v1_request *request;
	bool foreign;
};

/* Most used first, since the table is searched from the top. */
static const struct command_name {
	enum v1_command command;
	unsigned bytes;
	const char *name;
} command_names[] = {
	{ V1_INCREMENT, 9, "increment" }, { V1_SUM, 3, "sum" },       { V1_DECREMENT, 9, "decrement" },
	{ V1_FIND, 4, "find" },           { V1_PING, 4, "ping" },     { V1_RESET, 5, "reset" },
	{ V1_DELETE, 6, "delete" },       { V1_CREATE, 6, "create" }, { V1_TREES, 5, "trees" },
	{ V1_DROP, 4, "drop" },           { V1_DUMP, 4, "dump" },     { V1_DUMP_ALL, 8, "dump_all" },
	{ V1_DUMPS, 5, "dumps" },         { V1_LOAD, 4, "load" },
};
enum { COMMAND_COUNT = sizeof(command_names) / sizeof(command_names[0]) };
static_assert(COMMAND_COUNT == V1_LOAD - V1_UNKNOWN, "every command has its name");

static enum v1_command
command_find(struct text text)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command_name *name = &command_names[i];

		if (text.bytes == name->bytes && memcmp(text.data, name->name, name->bytes) == 0)
			return name->command;
	}
	return V1_UNKNOWN;
}

static enum member
member_find(const char *name, size_t bytes)
{
	switch (bytes) {
	case 1:
		return *name == 'v' ? MEMBER_FOREIGN : MEMBER_OTHER;
	case 2:
		return memcmp(name, "op", 2) == 0 ? MEMBER_FOREIGN : MEMBER_OTHER;
	case 3:
		return memcmp(name, "key", 3) == 0 ? MEMBER_KEY : MEMBER_OTHER;
	case 5:
		return memcmp(name, "token", 5) == 0 ? MEMBER_TOKEN : MEMBER_OTHER;
	case 7:
		if (memcmp(name, "command", 7) == 0)
			return MEMBER_COMMAND;
		return memcmp(name, "time_to", 7) == 0 ? MEMBER_TO : MEMBER_OTHER;
	case 9:
		if (memcmp(name, "tree_name", 9) == 0)
			return MEMBER_TREE;
		return memcmp(name, "time_from", 9) == 0 ? MEMBER_FROM : MEMBER_OTHER;
	default:
		return MEMBER_OTHER;
	}
}

/* A name with more than this is none of ours, however it is escaped. */
enum { MEMBER_NAME_BYTES_MAX = 9, MEMBER_NAME_RAW_MAX = MEMBER_NAME_BYTES_MAX * JSON_ESCAPE_BYTES_MAX };

static enum member
member_of(struct json_text name)
{
	char resolved[MEMBER_NAME_RAW_MAX];

	if (!name.escaped)
		return member_find(name.data, name.bytes);
	if (name.bytes > sizeof(resolved))
		return MEMBER_OTHER;
	return member_find(resolved, json_text_resolve(name, resolved));
}

static bool
decode_text(struct decoder *decoder, const char *type_problem, struct text *ret)
{
	struct json_text text;

	if (json_scan_peek(&decoder->scan) != '"')
		return json_scan_fail(&decoder->scan, type_problem);
	if (!json_scan_string(&decoder->scan, &text))
		return false;
	*ret = (struct text){ .data = text.data, .bytes = text.bytes };
	if (!text.escaped)
		return true;
	char *resolved = arena_take(decoder->scratch, text.bytes);

	if (resolved == NULL)
		return json_scan_fail(&decoder->scan, "No room left for strings with escapes");
	*ret = (struct text){ .data = resolved, .bytes = json_text_resolve(text, resolved) };
	return true;
}

static bool
decode_tree(struct decoder *decoder)
{
	struct text *tree = &decoder->request->tree;
	const char *start = decoder->scan.at;

	if (!decode_text(decoder, "Field tree_name must be a string", tree))
		return false;
	if (tree->bytes > TREE_NAME_BYTES_MAX) {
		decoder->scan.at = start;
		return json_scan_fail(&decoder->scan, tree_too_long);
	}
	return true;
}

/* Digits alone make a number here: -0, 1.0 and 1e3 are refused like a string, as the original does. */
static bool
decode_u64(struct json_scan *scan, const char *type_problem, uint64_t *ret)
{
	const int first = json_scan_peek(scan);
	const char *at = scan->at;
	uint64_t value = 0;

	if (first < '0' || first > '9')
		return json_scan_fail(scan, type_problem);
	/* A leading zero stands alone: a digit behind it is met where a comma should be. */
	do {
		const unsigned digit = (unsigned char)(*at - '0');

		if (digit > 9)
			break;
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value))
			return json_scan_fail(scan, type_problem);
		at++;
	} while (at < scan->end && first != '0');
	if (at < scan->end && (*at == '.' || *at == 'e' || *at == 'E'))
		return json_scan_fail(scan, type_problem);
	scan->at = at;
	*ret = value;
	return true;
}

static uint16_t
offset_of(const struct json_scan *scan)
{
	const size_t offset = (size_t)(scan->at - scan->start);

	return offset < UINT16_MAX ? (uint16_t)offset : UINT16_MAX;
}

static bool
decode_value(struct decoder *decoder, enum member member)
{
	struct v1_request *request = decoder->request;

	switch (member) {
	case MEMBER_COMMAND:
		return decode_text(decoder, "Field command must be a string", &request->command_text);
	case MEMBER_TREE:
		return request->has_tree = decode_tree(decoder);
	case MEMBER_KEY:
		request->key_offset = offset_of(&decoder->scan); /* blanks are passed */
		return request->has_key =
		           decode_u64(&decoder->scan, "Field key must be an unsigned 64-bit integer", &request->key);
	case MEMBER_FROM:
		return request->has_from = decode_u64(
		           &decoder->scan, "Field time_from must be an unsigned 64-bit integer", &request->from);
	case MEMBER_TO:
		return request->has_to =
		           decode_u64(&decoder->scan, "Field time_to must be an unsigned 64-bit integer", &request->to);
	case MEMBER_TOKEN:
		request->has_token = json_scan_peek(&decoder->scan) == '"';
		if (request->has_token)
			return decode_text(decoder, NULL, &request->token);
		break;
	case MEMBER_FOREIGN:
	case MEMBER_OTHER:
		break;
	}
	return json_scan_skip(&decoder->scan, 1);
}

/* The last of duplicate members wins, also with null. */
static bool
decode_null(struct decoder *decoder, enum member member)
{
	struct v1_request *request = decoder->request;

	switch (member) {
	case MEMBER_COMMAND:
		request->command_text.data = NULL;
		break;
	case MEMBER_TREE:
		request->has_tree = false;
		break;
	case MEMBER_KEY:
		request->has_key = false;
		break;
	case MEMBER_FROM:
		request->has_from = false;
		break;
	case MEMBER_TO:
		request->has_to = false;
		break;
	case MEMBER_TOKEN:
		request->has_token = false;
		break;
	case MEMBER_FOREIGN:
	case MEMBER_OTHER:
		break;
	}
	return json_scan_literal(&decoder->scan, "null");
}

static bool
decode_member(struct decoder *decoder)
{
	struct json_scan *scan = &decoder->scan;
	struct json_text name;

	if (json_scan_peek(scan) != '"')
		return json_scan_fail(scan, NULL);
	if (!json_scan_string(scan, &name) || !json_scan_expect(scan, ':'))
		return false;
	const enum member member = member_of(name);

	decoder->foreign = member == MEMBER_FOREIGN;
	if (decoder->foreign)
		return json_scan_fail(scan, "Members v and op belong to protocol v2");
	return json_scan_peek(scan) == 'n' ? decode_null(decoder, member) : decode_value(decoder, member);
}

static bool
decode_members(struct decoder *decoder)
{
	struct json_scan *scan = &decoder->scan;

	if (json_scan_peek(scan) != '{')
		return json_scan_fail(scan, "A request is one JSON object");
	scan->at++;
	if (json_scan_peek(scan) != '}') {
		for (;;) {
			if (!decode_member(decoder))
				return false;
			if (json_scan_peek(scan) != ',')
				break;
			scan->at++;
		}
	}
	if (!json_scan_expect(scan, '}'))
		return false;
	return json_scan_peek(scan) == -1 || json_scan_fail(scan, NULL);
}

bool
json_v1_decode(const char *line, size_t bytes, struct arena *scratch, struct v1_request *ret,
               struct v1_fault *ret_fault)
{
	assert(line != NULL);
	struct decoder decoder = { .scan = json_scan_of(line, bytes), .scratch = scratch, .request = ret };

	*ret = (struct v1_request){ 0 };
	if (!decode_members(&decoder)) {
		ret_fault->foreign = decoder.foreign;
		json_scan_describe(&decoder.scan, ret_fault->text, sizeof(ret_fault->text));
		return false;
	}
	if (ret->command_text.data == NULL) {
		ret_fault->foreign = false;
		(void)snprintf(ret_fault->text, sizeof(ret_fault->text), "Field command is required");
		return false;
	}
	ret->command = command_find(ret->command_text);
	return true;
}
