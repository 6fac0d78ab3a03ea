/*
 * command_v2_whole.c - reads of a whole series, on the scan thread
 *
 * Each is one walk over the live tree, key by key, and takes memory by its limit or its reply. A count of 0 that v1's decrement
 * has left is not there for v2; a key without counts is, but for tree.top.
 */
#include "command/command_v2_scan.h"
#include "command/command_v2_select.h"

#include "proto/json_encode.h"

static void
append_member(struct buffer *out, const char *name, uint64_t value)
{
	buffer_append(out, ",\"", 2);
	buffer_append(out, name, strlen(name));
	buffer_append(out, "\":", 2);
	buffer_append_u64(out, value);
}

/* `null` when it is not there. */
static void
append_member_if(struct buffer *out, const char *name, bool given, uint64_t value)
{
	if (given) {
		append_member(out, name, value);
		return;
	}
	buffer_append(out, ",\"", 2);
	buffer_append(out, name, strlen(name));
	buffer_append_literal(out, "\":null");
}

static void
reply_begin(struct command_job *job)
{
	json_v2_reply_begin(&job->reply);
	buffer_append_literal(&job->reply, "{\"tree\":");
	json_encode_string(&job->reply, job->tree, job->tree_bytes);
}

static void
reply_end(struct command_job *job, const char *end)
{
	buffer_append(&job->reply, end, strlen(end));
	json_v2_reply_end(&job->reply);
}

/* ---- tree.info, tree.summary ---- */

struct totals {
	const struct command_job *job;
	uint64_t keys;
	uint64_t active; /* those with a count in the range */
	uint64_t buckets;
	uint64_t total;
	uint64_t of_key; /* its days in the range */
};

static void
add_day(void *context, uint32_t day, uint64_t count)
{
	struct totals *totals = context;

	(void)day;
	totals->buckets += count > 0;
	totals->of_key += count;
}

static int
add_key(void *context, uint64_t key, struct key_record *record)
{
	struct totals *totals = context;
	const struct command_job *job = totals->job;

	(void)key;
	totals->of_key = 0;
	tree_key_days(record, job->has_range ? job->from : 0, job->has_range ? job->to : DAY_MAX, add_day, totals);
	const uint64_t sum = job->has_range ? totals->of_key : tree_key_total(record);

	totals->keys++;
	totals->active += sum > 0;
	return __builtin_add_overflow(totals->total, sum, &totals->total) ? SCAN_OVERFLOW : 0;
}

void
v2_job_info(struct job *base)
{
	struct command_job *job = command_job_of(base);
	struct totals totals = { .job = job };

	if (v2_scan_keys(job, add_key, &totals) == 0) {
		reply_begin(job);
		append_member(&job->reply, "key_count", totals.keys);
		append_member(&job->reply, "bucket_count", totals.buckets);
		append_member(&job->reply, "total", totals.total);
		append_member(&job->reply, "branches", DUMP_BRANCHES);
		reply_end(job, "}");
	}
	command_job_settle_reply(job);
}

void
v2_job_summary(struct job *base)
{
	struct command_job *job = command_job_of(base);
	struct totals totals = { .job = job };

	if (v2_scan_keys(job, add_key, &totals) == 0) {
		reply_begin(job);
		if (job->has_range) {
			append_member(&job->reply, "range_from", job->from);
			append_member(&job->reply, "range_to", job->to);
		}
		append_member(&job->reply, "total", totals.total);
		append_member(&job->reply, "active_keys", job->has_range ? totals.active : totals.keys);
		append_member(&job->reply, "bucket_count", totals.buckets);
		reply_end(job, "}");
	}
	command_job_settle_reply(job);
}

/* ---- tree.keys, tree.top ---- */

struct selection {
	const struct command_job *job;
	struct v2_select select;
};

static void
append_picks(struct buffer *out, const struct v2_select *select, const char *value_name)
{
	for (size_t i = 0; i < select->count; i++) {
		if (i > 0)
			buffer_append_byte(out, ',');
		buffer_append_literal(out, "{\"key\":");
		buffer_append_u64(out, select->at[i].key);
		append_member(out, value_name, select->at[i].value);
		buffer_append_byte(out, '}');
	}
}

static int
select_key(void *context, uint64_t key, struct key_record *record)
{
	struct selection *selection = context;
	const struct v2_page *page = &selection->job->page;

	if ((page->has_cursor && key <= page->cursor) || v2_select_passes(&selection->select, key))
		return 0;
	v2_select_add(&selection->select, key, tree_key_total(record));
	return 0;
}

static void
reply_keys(struct command_job *job, struct v2_select *select)
{
	const struct v2_page *page = &job->page;

	v2_select_finish(select);
	reply_begin(job);
	append_member(&job->reply, "limit", page->limit);
	append_member_if(&job->reply, "cursor", page->has_cursor, page->cursor);
	append_member_if(&job->reply, "next_cursor", select->more,
	                 select->more ? select->at[select->count - 1].key : 0);
	buffer_append_literal(&job->reply, ",\"keys\":[");
	append_picks(&job->reply, select, "total");
	reply_end(job, "]}");
}

void
v2_job_keys(struct job *base)
{
	struct command_job *job = command_job_of(base);
	struct selection selection = { .job = job };

	if (v2_select_init(&selection.select, ORDER_KEY, job->page.limit) < 0)
		v2_scan_no_memory(job);
	else if (v2_scan_keys(job, select_key, &selection) == 0)
		reply_keys(job, &selection.select);
	v2_select_deinit(&selection.select);
	command_job_settle_reply(job);
}

static void
sum_day(void *context, uint32_t day, uint64_t count)
{
	(void)day;
	*(uint64_t *)context += count;
}

static int
select_value(void *context, uint64_t key, struct key_record *record)
{
	struct selection *selection = context;
	const struct command_job *job = selection->job;
	uint64_t sum = 0;

	if (job->has_range)
		tree_key_days(record, job->from, job->to, sum_day, &sum);
	else
		sum = tree_key_total(record);
	if (sum > 0)
		v2_select_add(&selection->select, key, sum);
	return 0;
}

static void
reply_top(struct command_job *job, struct v2_select *select)
{
	v2_select_finish(select);
	reply_begin(job);
	append_member(&job->reply, "limit", job->page.limit);
	buffer_append_literal(&job->reply, ",\"items\":[");
	append_picks(&job->reply, select, "value");
	reply_end(job, "]}");
}

void
v2_job_top(struct job *base)
{
	struct command_job *job = command_job_of(base);
	struct selection selection = { .job = job };

	if (v2_select_init(&selection.select, ORDER_VALUE, job->page.limit) < 0)
		v2_scan_no_memory(job);
	else if (v2_scan_keys(job, select_value, &selection) == 0)
		reply_top(job, &selection.select);
	v2_select_deinit(&selection.select);
	command_job_settle_reply(job);
}

/* ---- tree.series ---- */

struct listing {
	struct command_job *job;
	bool more; /* this is not the first key */
};

static int
append_key(void *context, uint64_t key, struct key_record *record)
{
	struct listing *listing = context;
	struct buffer *reply = &listing->job->reply;
	struct v2_day_list days = { .out = reply };

	buffer_append(reply, ",\"", listing->more ? 2 : 0);
	buffer_append(reply, "\"", listing->more ? 0 : 1);
	listing->more = true;
	buffer_append_u64(reply, key);
	buffer_append_literal(reply, "\":{");
	tree_key_days(record, listing->job->from, listing->job->to, v2_append_day, &days);
	buffer_append_byte(reply, '}');
	return reply->failed ? SCAN_FULL : 0;
}

void
v2_job_series(struct job *base)
{
	struct command_job *job = command_job_of(base);
	struct listing listing = { .job = job };

	json_v2_reply_begin(&job->reply);
	buffer_append_byte(&job->reply, '{');
	if (v2_scan_keys(job, append_key, &listing) == 0)
		reply_end(job, "}");
	command_job_settle_reply(job);
}
