#include "command/command_v2_scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* ---- time ---- */

static uint64_t
now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

struct v2_deadline
v2_deadline_begin(uint32_t timeout_ms)
{
	return (struct v2_deadline){ .begin_ns = timeout_ms > 0 ? now_ns() : 0, .timeout_ms = timeout_ms };
}

bool
v2_deadline_has_passed(struct v2_deadline *deadline)
{
	enum { LOOK_EVERY = 256, NS_PER_MS = 1000000 };

	if (deadline->timeout_ms == 0 || deadline->keys++ % LOOK_EVERY != 0)
		return false;
	return now_ns() - deadline->begin_ns > (uint64_t)deadline->timeout_ms * NS_PER_MS;
}

/* ---- the walk ---- */

struct scan {
	const struct command_job *job;
	struct v2_deadline deadline;
	tree_key_fn *visit;
	void *context;
};

static int
visit_key(void *context, uint64_t key, struct key_record *record)
{
	struct scan *scan = context;

	if (command_job_is_abandoned(scan->job))
		return SCAN_ABANDONED;
	if (v2_deadline_has_passed(&scan->deadline))
		return SCAN_LATE;
	return scan->visit(scan->context, key, record);
}

static void
reply_late(struct buffer *out, uint32_t timeout_ms)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "Query exceeded %" PRIu32 " ms", timeout_ms);
	v2_reply_error(out, V2_QUERY_TIMEOUT, text);
}

static void
reply_end(struct command_job *job, enum v2_scan_end end)
{
	struct buffer *reply = &job->reply;

	buffer_truncate(reply, 0);
	switch (end) {
	case SCAN_OVERFLOW:
		v2_reply_error(reply, V2_VALIDATION_ERROR, "Sum exceeds 18446744073709551615");
		break;
	case SCAN_MISSING:
		v2_reply_not_found(reply, (struct text){ .data = job->tree, .bytes = job->tree_bytes });
		break;
	case SCAN_LATE:
		reply_late(reply, job->owner->options.query_timeout_ms);
		break;
	case SCAN_FULL:
	case SCAN_ABANDONED:
		break;
	}
}

int
v2_scan_keys(struct command_job *job, tree_key_fn *visit, void *context)
{
	struct engine *engine = job->owner->options.engine;
	struct scan scan = {
		.job = job,
		.deadline = v2_deadline_begin(job->owner->options.query_timeout_ms),
		.visit = visit,
		.context = context,
	};

	engine_scan_begin(engine);
	struct tree *tree = engine_scan_tree(engine, job->tree, job->tree_bytes);
	int r = tree == NULL ? SCAN_MISSING : tree_scan_keys(tree, visit_key, &scan);

	engine_scan_end(engine);
	if (r != 0 && r != SCAN_FULL) /* that is settled with the reply as a whole */
		reply_end(job, (enum v2_scan_end)r);
	return r;
}

void
v2_scan_no_memory(struct command_job *job)
{
	v2_reply_error(&job->reply, V2_INTERNAL_ERROR, "Out of memory for the response");
}
