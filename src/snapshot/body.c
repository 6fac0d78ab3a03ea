#include "snapshot/body.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "snapshot/day_table.h"
#include "snapshot/source.h"

struct body {
	struct source *source;
	dump_key_fn *visit;
	void *context;
	struct day_table table;
	struct body_counts counts;
};

enum { MEMBER_BYTES_MAX = 16 }; /* longer names are unknown ones */

struct member {
	char name[MEMBER_BYTES_MAX];
	size_t bytes;
	uint64_t offset;
};

static int
member_read(struct source *source, struct member *ret)
{
	ret->offset = source_offset(source);
	return source_str(source, "the name of a member", ret->name, sizeof(ret->name), &ret->bytes);
}

static bool
member_is(const struct member *member, const char *name)
{
	return member->bytes == strlen(name) && memcmp(member->name, name, member->bytes) == 0;
}

/* A table that comes a second time replaces the first. */
static int
body_read_table(struct body *body)
{
	uint32_t entries;
	int r = source_map(body->source, "table", &entries);

	day_table_clear(&body->table);
	for (; r == 0 && entries > 0; entries--) {
		uint64_t day;
		uint64_t count;

		r = source_uint(body->source, "day", DAY_MAX, &day);
		if (r == 0)
			r = source_uint(body->source, "count", COUNT_MAX, &count);
		if (r != 0)
			return r;
		r = day_table_add(&body->table, (uint32_t)day, count);
		if (r != 0)
			return source_error(body->source, -r, "keeping the days");
	}
	if (r != 0)
		return r;
	r = day_table_settle(&body->table);
	return r != 0 ? source_error(body->source, -r, "sorting the days") : 0;
}

static int
body_read_members(struct body *body, uint64_t *ret_total)
{
	struct source *source = body->source;
	uint64_t offset = source_offset(source);
	bool has_table = false;
	bool has_total = false;
	uint32_t entries;
	int r = source_map(source, "a counter", &entries);

	for (; r == 0 && entries > 0; entries--) {
		struct member member;

		r = member_read(source, &member);
		if (r != 0)
			return r;
		if (member_is(&member, "table")) {
			has_table = true;
			r = body_read_table(body);
		} else if (member_is(&member, "total")) {
			has_total = true;
			r = source_uint(source, "total", COUNT_MAX, ret_total);
		} else {
			r = source_skip(source);
		}
	}
	if (r != 0)
		return r;
	if (!has_table || !has_total)
		return source_fault(source, offset, "the counter has no %s", has_table ? "total" : "table");
	return 0;
}

static int
body_read_key(struct body *body)
{
	struct source *source = body->source;
	uint64_t offset = source_offset(source);
	uint64_t total = 0;
	uint64_t key;
	int r = source_uint(source, "key", UINT64_MAX, &key);

	if (r != 0)
		return r;
	source->in_key = true;
	source->key = key;
	r = body_read_members(body, &total);
	if (r != 0)
		return r;
	r = body->visit(body->context, key, total, body->table.days, body->table.count);
	if (r == ENGINE_INVALID)
		return source_fault(source, offset, "the counter cannot be loaded");
	if (r < 0)
		return source_error(source, -r, "loading the counter");
	if (r != 0)
		return r;
	source->in_key = false;
	body->counts.keys++;
	body->counts.days += body->table.count;
	return 0;
}

static int
body_read_branches(struct body *body, uint64_t *ret_branches)
{
	uint32_t branches;
	int r = source_array(body->source, "branches", &branches);

	for (uint32_t i = 0; r == 0 && i < branches; i++) {
		uint32_t keys;

		r = source_map(body->source, "a branch", &keys);
		for (; r == 0 && keys > 0; keys--)
			r = body_read_key(body);
	}
	if (r == 0)
		*ret_branches = branches;
	return r;
}

static int
body_read_object(struct body *body)
{
	struct source *source = body->source;
	bool has_branches = false;
	bool has_branches_num = false;
	uint64_t branches = 0;
	uint64_t branches_num = 0;
	uint32_t entries;
	int r = source_map(source, "a tree", &entries);

	for (; r == 0 && entries > 0; entries--) {
		struct member member;

		r = member_read(source, &member);
		if (r != 0)
			return r;
		if (member_is(&member, "branches_num")) {
			has_branches_num = true;
			r = source_uint(source, "branches_num", UINT64_MAX, &branches_num);
		} else if (member_is(&member, "branches")) {
			if (has_branches) /* the keys of the first have been visited */
				return source_fault(source, member.offset, "branches for the second time");
			has_branches = true;
			r = body_read_branches(body, &branches);
		} else {
			r = source_skip(source);
		}
	}
	if (r != 0)
		return r;
	if (!has_branches || !has_branches_num)
		return source_fault(source, source_offset(source), "the tree has no %s",
		                    has_branches ? "branches_num" : "branches");
	if (branches_num == 0 || branches_num != branches)
		return source_fault(source, source_offset(source),
		                    "branches_num is %" PRIu64 " and there are %" PRIu64 " branches", branches_num,
		                    branches);
	return 0;
}

int
body_read(struct source *source, dump_key_fn *visit, void *context, struct body_counts *ret_counts)
{
	struct body body = { .source = source, .visit = visit, .context = context };

	day_table_init(&body.table);
	int r = body_read_object(&body);

	day_table_deinit(&body.table);
	if (r == 0)
		*ret_counts = body.counts;
	return r;
}
