/*
 * json_v2_decode.c - a line to its members
 *
 * One walk over the outer object. A known member is noted where it stands, and read later, if the operation asks for it: which
 * fault is reported depends on the operation's order of fields. Only `keys` and `items` are read on the way when they are as
 * they should be. A batch is little but them, and a second pass over its digits would cost as much as the first.
 */
#include "proto/json_v2.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "proto/json_scan.h"
#include "proto/json_v2_plain.h"
#include "proto/json_v2_value.h"

static const char *const member_names[V2_MEMBER_COUNT] = {
#define V2_MEMBER_NAME(id, name) [id] = (name),
	V2_MEMBERS(V2_MEMBER_NAME)
#undef V2_MEMBER_NAME
};

static const char longest_name[] = "idempotency_created_at_unix";

/* A name with more than this is none of ours, however it is escaped. */
enum { NAME_BYTES_MAX = sizeof(longest_name) - 1, NAME_RAW_MAX = NAME_BYTES_MAX * JSON_ESCAPE_BYTES_MAX };

/* Where the names of so many bytes, or of more, begin in the table; of all but the longest. */
static const uint8_t first_of_bytes[] = {
	V2_V,
	V2_V,
	V2_OP,
	V2_KEY,
	V2_TREE,
	V2_VALUE,
	V2_SERIES,
	V2_EVENT_ID,
	V2_EVENT_ID,
	V2_STREAM_ID,
	V2_FINGERPRINT,
	V2_FINGERPRINT,
	V2_SOURCE_OFFSET,
	V2_SOURCE_OFFSET,
	V2_CHECKED_POINTS,
	V2_IDEMPOTENCY_KEY,
	V2_IDEMPOTENCY_CREATED_AT_UNIX,
};
enum { TABLE_BYTES_MAX = sizeof(first_of_bytes) / sizeof(first_of_bytes[0]) - 2 };

/* V2_MEMBER_COUNT: none of ours. */
static enum v2_member
member_find(const char *name, size_t bytes)
{
	if (bytes > TABLE_BYTES_MAX) {
		const bool longest = bytes == NAME_BYTES_MAX && memcmp(name, longest_name, bytes) == 0;

		return longest ? V2_IDEMPOTENCY_CREATED_AT_UNIX : V2_MEMBER_COUNT;
	}
	for (unsigned i = first_of_bytes[bytes]; i < first_of_bytes[bytes + 1]; i++) {
		if (memcmp(member_names[i], name, bytes) == 0)
			return i;
	}
	return V2_MEMBER_COUNT;
}

static enum v2_member
member_of(struct json_text name)
{
	char resolved[NAME_RAW_MAX];

	if (!name.escaped)
		return member_find(name.data, name.bytes);
	if (name.bytes > sizeof(resolved))
		return V2_MEMBER_COUNT;
	return member_find(resolved, json_text_resolve(name, resolved));
}

struct decoder {
	struct json_scan scan;
	struct arena *scratch;
	struct v2_line *line;
};

/* ---- values ---- */

/*
 * Reads the array on the way, or leaves it to be walked over and read again. So is one that is repeated: what is read of an
 * earlier one stays in the scratch, which has room for one of each.
 */
static bool
read_array(struct decoder *decoder, enum v2_member member, bool repeated)
{
	struct v2_line *line = decoder->line;

	if (repeated)
		return false;
	if (member == V2_KEYS)
		return v2_plain_keys(&decoder->scan, decoder->scratch, &line->keys);
	return v2_plain_items(&decoder->scan, decoder->scratch, &line->items);
}

static bool
decode_value(struct decoder *decoder, enum v2_member member)
{
	struct json_scan *scan = &decoder->scan;
	struct v2_value *value = &decoder->line->member[member];
	const bool array = json_scan_peek(scan) == '[' && (member == V2_KEYS || member == V2_ITEMS);
	const bool repeated = v2_member(decoder->line, member) != NULL;
	const char *data = scan->at;

	decoder->line->present |= UINT64_C(1) << member;
	if (!array || !read_array(decoder, member, repeated))
		return v2_value_scan(scan, 1, value);
	*value = (struct v2_value){ .data = data, .bytes = (size_t)(scan->at - data), .type = V2_ARRAY };
	return true;
}

/* ---- the object ---- */

static bool
decode_member(struct decoder *decoder)
{
	struct json_scan *scan = &decoder->scan;
	struct json_text name;

	if (json_scan_peek(scan) != '"')
		return json_scan_fail(scan, NULL);
	if (!json_scan_string(scan, &name) || !json_scan_expect(scan, ':'))
		return false;
	const enum v2_member member = member_of(name);

	if (member == V2_MEMBER_COUNT)
		return json_scan_skip(scan, 1);
	/* The last of repeated members counts, so what was read of an earlier one does not. */
	if (member == V2_KEYS)
		decoder->line->keys = (struct v2_keys){ 0 };
	if (member == V2_ITEMS)
		decoder->line->items = (struct v2_items){ 0 };
	return decode_value(decoder, member);
}

static bool
decode_members(struct decoder *decoder)
{
	struct json_scan *scan = &decoder->scan;

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
	return json_scan_expect(scan, '}');
}

static bool
decode_line(struct decoder *decoder)
{
	struct json_scan *scan = &decoder->scan;

	decoder->line->is_object = json_scan_peek(scan) == '{';
	if (!(decoder->line->is_object ? decode_members(decoder) : json_scan_skip(scan, 0)))
		return false;
	return json_scan_peek(scan) == -1 || json_scan_fail(scan, NULL);
}

bool
json_v2_decode(const char *line, size_t bytes, struct arena *scratch, struct v2_line *ret,
               struct v2_problem *ret_problem)
{
	assert(line != NULL);
	struct decoder decoder = { .scan = json_scan_of(line, bytes), .scratch = scratch, .line = ret };

	ret->present = 0;
	ret->keys = (struct v2_keys){ 0 };
	ret->items = (struct v2_items){ 0 };
	const bool taken = decode_line(&decoder);

	ret->out_of_range = taken && decoder.scan.misfit != NULL;
	if (ret->out_of_range) {
		decoder.scan.at = decoder.scan.misfit;
		(void)json_scan_fail(&decoder.scan, "Integer out of range");
	}
	if (!taken || ret->out_of_range)
		json_scan_describe(&decoder.scan, ret_problem->text, sizeof(ret_problem->text));
	return taken;
}
