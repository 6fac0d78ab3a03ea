#include "proto/json_v2_value.h"

#include <assert.h>
#include <string.h>

#include "proto/json_v2_plain.h"

/* Not met with as much scratch as v2_scratch_bytes() tells. */
const char v2_no_room[] = "No room to read the request";

/* What has been passed from first to end is a number. */
static enum v2_type
number_type(const char *first, const char *end)
{
	for (const char *at = first; at < end; at++) {
		if (*at == '.' || *at == 'e' || *at == 'E')
			return V2_REAL;
	}
	return V2_INTEGER;
}

enum v2_type
v2_value_type(const char *first, const char *end)
{
	switch (*first) {
	case '[':
		return V2_ARRAY;
	case '{':
		return V2_OBJECT;
	case 't':
	case 'f':
		return V2_BOOL;
	case 'n':
		return V2_NULL;
	default:
		return number_type(first, end);
	}
}

static bool
scan_string(struct json_scan *scan, struct v2_value *ret)
{
	struct json_text text;

	if (!json_scan_string(scan, &text))
		return false;
	*ret = (struct v2_value){ .data = text.data, .bytes = text.bytes, .type = V2_STRING, .escaped = text.escaped };
	return true;
}

bool
v2_value_scan(struct json_scan *scan, unsigned depth, struct v2_value *ret)
{
	const int first = json_scan_peek(scan);
	const char *data = scan->at;

	if (first == '"')
		return scan_string(scan, ret);
	if (!json_scan_skip(scan, depth))
		return false;
	*ret = (struct v2_value){ .data = data,
		                  .bytes = (size_t)(scan->at - data),
		                  .type = v2_value_type(data, scan->at) };
	return true;
}

struct v2_walk
v2_walk_begin(const struct v2_value *value, unsigned depth)
{
	assert(value->type == V2_ARRAY || value->type == V2_OBJECT);
	return (struct v2_walk){ .scan = json_scan_of(value->data + 1, value->bytes - 1), .depth = depth };
}

/* To where the next one stands. */
static bool
walk_on(struct v2_walk *walk)
{
	const int byte = json_scan_peek(&walk->scan);

	assert(byte != -1);
	if (byte == ',')
		walk->scan.at++;
	return byte != ']' && byte != '}';
}

bool
v2_walk_element(struct v2_walk *walk, struct v2_value *ret)
{
	return walk_on(walk) && v2_value_scan(&walk->scan, walk->depth, ret);
}

bool
v2_walk_member(struct v2_walk *walk, struct json_text *ret_name, struct v2_value *ret)
{
	return walk_on(walk) && json_scan_peek(&walk->scan) == '"' && json_scan_string(&walk->scan, ret_name) &&
	       json_scan_expect(&walk->scan, ':') && v2_value_scan(&walk->scan, walk->depth, ret);
}

bool
v2_name_is(struct json_text name, const char *expected)
{
	char resolved[6 * JSON_ESCAPE_BYTES_MAX]; /* names in objects and arrays are shorter */
	const size_t bytes = strlen(expected);

	assert(bytes <= sizeof(resolved) / JSON_ESCAPE_BYTES_MAX);
	return name.bytes <= sizeof(resolved) && json_text_resolve(name, resolved) == bytes &&
	       memcmp(resolved, expected, bytes) == 0;
}

const char *
v2_value_unsigned(const struct v2_value *value, const struct v2_texts *texts, uint64_t *ret)
{
	if (value == NULL)
		return texts->required;
	if (value->type != V2_INTEGER)
		return texts->not_unsigned;
	const char *digits = value->data + (*value->data == '-');
	const char *end = v2_unsigned_end(digits, value->data + value->bytes, ret);

	assert(end == value->data + value->bytes); /* the scanner has let it pass */
	(void)end;
	return *value->data == '-' && *ret != 0 ? texts->negative : NULL;
}

const char *
v2_value_text(const struct v2_value *value, struct arena *scratch, struct text *ret)
{
	assert(value->type == V2_STRING);
	*ret = (struct text){ .data = value->data, .bytes = value->bytes };
	if (!value->escaped)
		return NULL;
	char *resolved = arena_take(scratch, value->bytes);

	if (resolved == NULL)
		return v2_no_room;
	const struct json_text text = { .data = value->data, .bytes = value->bytes, .escaped = true };

	*ret = (struct text){ .data = resolved, .bytes = json_text_resolve(text, resolved) };
	return NULL;
}
