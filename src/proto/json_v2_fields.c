#include "proto/json_v2_fields.h"

#include <string.h>

#include "base/day.h"
#include "base/limits.h"
#include "proto/json_v2_value.h"

static const struct v2_texts member_texts[] = {
#define V2_MEMBER_TEXTS(id, name) [id] = V2_TEXTS(name),
	V2_MEMBERS(V2_MEMBER_TEXTS)
#undef V2_MEMBER_TEXTS
};

static const char *const not_text_or_integer[] = {
#define V2_MEMBER_TEXT(id, name) [id] = "Field " name " must be a string or integer",
	V2_MEMBERS(V2_MEMBER_TEXT)
#undef V2_MEMBER_TEXT
};

static const struct v2_value *
member_string(const struct v2_line *line, enum v2_member member)
{
	const struct v2_value *value = v2_member(line, member);

	return value != NULL && value->type == V2_STRING ? value : NULL;
}

bool
v2_is_version_2(const struct v2_line *line)
{
	const struct v2_value *value = v2_member(line, V2_V);

	return value != NULL && value->type == V2_INTEGER && value->bytes == 1 && *value->data == '2';
}

/* ---- texts ---- */

const char *
v2_read_text(const struct v2_line *line, enum v2_member member, struct arena *scratch, struct text *ret)
{
	const struct v2_value *value = member_string(line, member);

	return value == NULL ? member_texts[member].required : v2_value_text(value, scratch, ret);
}

const char *
v2_read_series(const struct v2_line *line, struct arena *scratch, struct text *ret)
{
	static_assert(TREE_NAME_BYTES_MAX == 1024, "the text below names the limit");
	const struct v2_value *value = member_string(line, V2_TREE);

	if (value == NULL)
		value = member_string(line, V2_SERIES);
	if (value == NULL)
		return "Field tree or series is required";
	const char *problem = v2_value_text(value, scratch, ret);

	if (problem != NULL)
		return problem;
	if (ret->bytes == 0)
		return "Field tree_name is required";
	return ret->bytes > TREE_NAME_BYTES_MAX ? "Field tree_name is longer than 1024 bytes" : NULL;
}

const char *
v2_read_text_or_integer(const struct v2_line *line, enum v2_member member, struct arena *scratch, struct text *ret)
{
	const struct v2_value *value = v2_member(line, member);

	if (value == NULL)
		return member_texts[member].required;
	if (value->type == V2_STRING)
		return v2_value_text(value, scratch, ret);
	if (value->type != V2_INTEGER)
		return not_text_or_integer[member];
	*ret = (struct text){ .data = value->data, .bytes = value->bytes };
	if (ret->bytes == 2 && memcmp(ret->data, "-0", 2) == 0)
		*ret = (struct text){ .data = "0", .bytes = 1 };
	return NULL;
}

const char *
v2_read_token(const struct v2_line *line, struct arena *scratch, struct text *ret)
{
	const struct v2_value *value = member_string(line, V2_TOKEN);

	*ret = (struct text){ .data = "", .bytes = 0 };
	return value == NULL ? NULL : v2_value_text(value, scratch, ret);
}

/* ---- numbers ---- */

const char *
v2_read_unsigned(const struct v2_line *line, enum v2_member member, uint64_t *ret)
{
	return v2_value_unsigned(v2_member(line, member), &member_texts[member], ret);
}

const char *
v2_read_unsigned_if(const struct v2_line *line, enum v2_member member, uint64_t *ret)
{
	return v2_member(line, member) == NULL ? NULL : v2_read_unsigned(line, member, ret);
}

const char *
v2_read_limit_if(const struct v2_line *line, uint64_t *ret)
{
	const struct v2_value *value = v2_member(line, V2_LIMIT);

	if (value != NULL && value->type == V2_INTEGER && *value->data == '-') {
		*ret = 0;
		return NULL;
	}
	if (value != NULL && value->type != V2_INTEGER)
		return "Field limit must be an integer";
	return v2_read_unsigned_if(line, V2_LIMIT, ret);
}

const char *
v2_read_cursor(const struct v2_line *line, bool *ret_given, uint64_t *ret)
{
	const struct v2_value *value = v2_member(line, V2_CURSOR);

	*ret_given = value != NULL && value->type != V2_NULL;
	return *ret_given ? v2_read_unsigned(line, V2_CURSOR, ret) : NULL;
}

/* ---- days ---- */

const char *
v2_read_before(const struct v2_line *line, uint64_t *ret)
{
	const bool is_date = v2_member(line, V2_BEFORE) == NULL && v2_member(line, V2_DATE) != NULL;

	return v2_read_unsigned(line, is_date ? V2_DATE : V2_BEFORE, ret);
}

static const char not_a_bucket[] = "Field bucket must be a bucket date";
static const char not_a_date[] = "Field date must be a bucket date";

static const char *
bucket_of_integer(const struct v2_line *line, enum v2_member member, const char *too_large, uint32_t *ret)
{
	uint64_t value;
	const char *problem = v2_read_unsigned(line, member, &value);

	if (problem != NULL)
		return problem;
	if (value > DAY_MAX)
		return too_large;
	*ret = (uint32_t)value;
	return NULL;
}

/* Digits, with `-` anywhere but in front. */
static const char *
bucket_of_text(struct text text, uint32_t *ret)
{
	uint64_t value = 0;

	if (text.bytes > 0 && text.data[0] == '-')
		return member_texts[V2_BUCKET].negative;
	if (text.bytes == 0)
		return not_a_bucket;
	for (size_t i = 0; i < text.bytes; i++) {
		const unsigned digit = (unsigned char)(text.data[i] - '0');

		if (text.data[i] == '-')
			continue;
		if (digit > 9)
			return not_a_bucket;
		value = value * 10 + digit;
		if (value > DAY_MAX)
			return not_a_bucket;
	}
	*ret = (uint32_t)value;
	return NULL;
}

const char *
v2_read_bucket(const struct v2_line *line, struct arena *scratch, bool *ret_given, uint32_t *ret)
{
	const struct v2_value *bucket = v2_member(line, V2_BUCKET);
	struct text text;

	*ret_given = true;
	if (v2_member(line, V2_DATE) != NULL)
		return bucket_of_integer(line, V2_DATE, not_a_date, ret);
	if (bucket == NULL) {
		*ret_given = false;
		return NULL;
	}
	if (bucket->type != V2_STRING)
		return bucket_of_integer(line, V2_BUCKET, not_a_bucket, ret);
	const char *problem = v2_value_text(bucket, scratch, &text);

	return problem != NULL ? problem : bucket_of_text(text, ret);
}

/* ---- ranges ---- */

const char *
v2_read_range(const struct v2_line *line, struct v2_range *ret)
{
	static const struct v2_texts from_texts = V2_TEXTS("range.from"), to_texts = V2_TEXTS("range.to");
	const struct v2_value *range = v2_member(line, V2_RANGE);
	struct v2_value value, from, to;
	bool has_from = false, has_to = false;
	struct json_text name;

	if (range == NULL)
		return member_texts[V2_RANGE].required;
	if (range->type != V2_OBJECT)
		return "Field range must be an object";
	for (struct v2_walk walk = v2_walk_begin(range, 2); v2_walk_member(&walk, &name, &value);) {
		if (v2_name_is(name, "from")) {
			from = value;
			has_from = true;
		} else if (v2_name_is(name, "to")) {
			to = value;
			has_to = true;
		}
	}
	const char *problem = v2_value_unsigned(has_from ? &from : NULL, &from_texts, &ret->from);

	if (problem == NULL)
		problem = v2_value_unsigned(has_to ? &to : NULL, &to_texts, &ret->to);
	if (problem == NULL && ret->from > ret->to)
		problem = "Bucket range start must be less than or equal to range end";
	return problem;
}

const char *
v2_read_range_if(const struct v2_line *line, bool *ret_given, struct v2_range *ret)
{
	*ret_given = v2_member(line, V2_RANGE) != NULL;
	return *ret_given ? v2_read_range(line, ret) : NULL;
}

const char *
v2_check_range(const struct v2_range *range)
{
	enum { DAYS_MAX = 366, DATE_FIRST = 10000101 /* of eight digits */ };
	int64_t from, to;

	if (range->from < DATE_FIRST || !day_to_number(range->from, &from) || !day_to_number(range->to, &to))
		return "Invalid bucket date";
	return to - from > DAYS_MAX ? "Range exceeds max days" : NULL;
}

/* ---- idempotency ---- */

static const char *
read_created_at(const struct v2_line *line, struct v2_idempotency *ret)
{
	const struct v2_value *value = v2_member(line, V2_IDEMPOTENCY_CREATED_AT_UNIX);

	ret->has_created_at = value != NULL;
	if (value == NULL)
		return NULL;
	if (value->type != V2_INTEGER)
		return "Field idempotency_created_at_unix must be an integer";
	return v2_read_unsigned(line, V2_IDEMPOTENCY_CREATED_AT_UNIX, &ret->created_at_unix);
}

const char *
v2_read_idempotency(const struct v2_line *line, struct arena *scratch, struct v2_idempotency *ret)
{
	enum { KEY_BYTES_MAX = 256, FINGERPRINT_BYTES_MAX = 512 };
	const char *problem = NULL;

	*ret = (struct v2_idempotency){ .is_given = v2_member(line, V2_IDEMPOTENCY_KEY) != NULL };
	if (!ret->is_given)
		return NULL;
	problem = v2_read_text_or_integer(line, V2_IDEMPOTENCY_KEY, scratch, &ret->key);
	if (problem != NULL)
		return problem;
	if (ret->key.bytes == 0)
		return "Field idempotency_key must not be empty";
	if (ret->key.bytes > KEY_BYTES_MAX)
		return "Field idempotency_key exceeds max size";
	ret->has_fingerprint = v2_member(line, V2_FINGERPRINT) != NULL;
	if (ret->has_fingerprint)
		problem = v2_read_text_or_integer(line, V2_FINGERPRINT, scratch, &ret->fingerprint);
	if (problem != NULL)
		return problem;
	if (ret->has_fingerprint && ret->fingerprint.bytes == 0)
		return "Field fingerprint must not be empty";
	if (ret->has_fingerprint && ret->fingerprint.bytes > FINGERPRINT_BYTES_MAX)
		return "Field fingerprint exceeds max size";
	return read_created_at(line, ret);
}
