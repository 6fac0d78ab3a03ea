/*
 * command_v2.c - the order of checks of protocol v2 (PROTOCOL-v2.md section 3)
 */
#include "command/command_v2.h"

#include <assert.h>
#include <string.h>

/* ---- while the batch is read: steps 2 to 5 ---- */

static void
set_fault(struct v2_request *request, enum v2_error code, const char *fault)
{
	request->operation = NULL;
	request->code = code;
	request->fault = fault;
}

/* The limit is what upstream means it to be when it is not given (its fault F1). */
static const char *
read_page(const struct v2_line *line, unsigned reads, struct v2_page *ret)
{
	enum { PAGE_KEYS = 100, TOP_KEYS = 50 };

	ret->limit = (reads & READ_PAGE) != 0 ? PAGE_KEYS : TOP_KEYS;
	const char *problem = v2_read_limit_if(line, &ret->limit);

	if (problem == NULL && (reads & READ_PAGE) != 0)
		problem = v2_read_cursor(line, &ret->has_cursor, &ret->cursor);
	return problem;
}

/* Step 5, in the one order that all operations follow. NULL or what is wrong. */
static const char *
read_fields(const struct v2_line *line, struct arena *scratch, unsigned reads, struct command_entry *entry,
            struct v2_request *request)
{
	struct v1_request *target = &entry->request;
	struct v2_range range = { 0 };
	const char *problem = NULL;

	if ((reads & READ_RANGE) != 0)
		problem = v2_read_range(line, &range);
	request->has_range = (reads & READ_RANGE) != 0;
	if (problem == NULL && (reads & READ_RANGE_IF) != 0)
		problem = v2_read_range_if(line, &request->has_range, &range);
	target->from = range.from;
	target->to = range.to;
	if (problem == NULL && (reads & READ_SERIES) != 0)
		problem = v2_read_series(line, scratch, &target->tree);
	if (problem == NULL && (reads & READ_KEY) != 0)
		problem = v2_read_unsigned(line, V2_KEY, &target->key);
	if (problem == NULL && (reads & READ_CHANGE) != 0)
		problem = v2_read_bucket(line, scratch, &request->has_bucket, &request->bucket);
	if (problem == NULL && (reads & READ_CHANGE) != 0)
		problem = v2_read_unsigned_if(line, V2_VALUE, &request->value);
	if (problem == NULL && (reads & READ_KEYS) != 0)
		problem = v2_read_keys(line, scratch, &request->keys);
	if (problem == NULL && (reads & READ_ITEMS) != 0)
		problem = v2_read_items(line, scratch, &request->items);
	if (problem == NULL && (reads & READ_SUMS) != 0)
		problem = v2_read_sums(line, scratch, &request->sums);
	if (problem == NULL && (reads & (READ_PAGE | READ_TOP)) != 0)
		problem = read_page(line, reads, &request->page);
	if (problem == NULL && (reads & READ_BEFORE) != 0)
		problem = v2_read_before(line, &target->to);
	return problem;
}

static const char *
read_rest(const struct v2_line *line, struct arena *scratch, struct v2_request *request)
{
	struct v2_idempotency idempotency;
	const char *problem = v2_read_idempotency(line, scratch, &idempotency);

	if (problem == NULL && idempotency.is_given) {
		struct v2_idempotency *kept = arena_take_aligned(scratch, sizeof(*kept));

		assert(kept != NULL); /* command_batch_push() has looked */
		*kept = idempotency;
		request->idempotency = kept;
	}
	return problem != NULL ? problem : v2_read_token(line, scratch, &request->token);
}

static void
read_request(const struct v2_line *line, struct arena *scratch, struct command_entry *entry, struct v2_request *request)
{
	struct text op;

	if (!v2_is_version_2(line)) {
		set_fault(request, V2_UNSUPPORTED_PROTOCOL,
		          "Karma 1.0 accepts only protocol v2 requests with field v=2");
		return;
	}
	const char *problem = v2_read_text(line, V2_OP, scratch, &op);

	if (problem != NULL) {
		set_fault(request, V2_VALIDATION_ERROR, problem);
		return;
	}
	request->operation = v2_operation_find(op);
	if (request->operation == NULL) {
		set_fault(request, V2_UNKNOWN_COMMAND, "Unknown op ");
		request->subject = op;
		return;
	}
	const unsigned reads = request->operation->reads;

	request->understood = true;
	request->value = 1;
	problem = read_fields(line, scratch, reads, entry, request);
	if (problem == NULL)
		problem = read_rest(line, scratch, request);
	if (problem != NULL) {
		set_fault(request, V2_VALIDATION_ERROR, problem);
		return;
	}
	/* Not with a fault: nothing is prefetched for what is not run. */
	entry->request.has_tree = (reads & READ_SERIES) != 0;
	entry->request.has_key = (reads & READ_KEY) != 0;
}

/* json_v2_decode(), which leaves room for what it says. */
static bool
decode(const char *text, size_t bytes, struct arena *scratch, struct v2_line *ret, struct v2_problem *ret_problem)
{
	scratch->capacity -= sizeof(*ret_problem);
	const bool taken = json_v2_decode(text, bytes, scratch, ret, ret_problem);

	scratch->capacity += sizeof(*ret_problem);
	return taken;
}

/* Behind decode(), before anything else is taken. */
static const char *
keep_problem(struct arena *scratch, const struct v2_problem *problem)
{
	const size_t bytes = strlen(problem->text) + 1;
	char *kept = arena_take(scratch, bytes);

	assert(kept != NULL);
	return memcpy(kept, problem->text, bytes);
}

static_assert(sizeof(struct v2_request) + sizeof(struct v2_idempotency) + sizeof(struct v2_problem) +
                      2 * ARENA_PADDING_MAX <=
                  COMMAND_V2_BYTES_MAX,
              "what is taken here has room");

void
command_v2_decode(struct command_worker *worker, struct command_entry *entry, const char *text, size_t bytes,
                  const struct v1_fault *v1_fault)
{
	struct arena *scratch = &worker->scratch;
	struct v2_request *request = arena_take_aligned(scratch, sizeof(*request));
	const size_t used = scratch->used;
	struct v2_problem problem;
	struct v2_line line;

	assert(request != NULL); /* command_batch_push() has looked */
	*request = (struct v2_request){ .v1_fault = v1_fault };
	entry->request = (struct v1_request){ 0 };
	entry->v2 = request;
	const bool is_json = decode(text, bytes, scratch, &line, &problem);

	request->is_v1 = is_json && line.is_object && !v2_is_request(&line);
	if (request->is_v1) {
		assert(v1_fault != NULL);
		scratch->used = used;
		return;
	}
	request->no_request = !is_json || !line.is_object;
	if (request->no_request)
		request->guess = command_guess(text, bytes);
	if (!is_json || line.out_of_range)
		set_fault(request, V2_INVALID_JSON, keep_problem(scratch, &problem));
	else if (!line.is_object)
		set_fault(request, V2_VALIDATION_ERROR, "A request is one JSON object");
	if (is_json && line.is_object && !line.out_of_range)
		read_request(&line, scratch, entry, request);
}

/* ---- when its turn has come: steps 6 to 9 ---- */

static const char *
check_items(const struct v2_items *items, unsigned needs)
{
	for (uint32_t i = 0; i < items->count; i++) {
		if (items->at[i].value == 0 && (needs & ZERO_ITEMS) == 0)
			return "Batch item value must be greater than 0";
		if (items->at[i].value > COUNT_MAX)
			return "Batch item value must be at most 2305840810190438400";
	}
	return NULL;
}
static_assert(COUNT_MAX == UINT64_C(2305840810190438400), "the texts name it");

static const char *
check_limit(uint64_t limit, uint64_t limit_max)
{
	if (limit == 0)
		return "Field limit must be greater than 0";
	return limit > limit_max ? "Field limit exceeds max size" : NULL;
}

/* Step 7. NULL or what is wrong. */
static const char *
check_rules(const struct command_entry *entry)
{
	enum { PAGE_KEYS_MAX = 10000, TOP_KEYS_MAX = 1000 };
	const struct v2_request *request = entry->v2;
	const unsigned reads = request->operation->reads;
	const char *problem = NULL;

	if ((reads & READ_CHANGE) != 0 && request->value == 0)
		problem = "Field value must be greater than 0";
	else if ((reads & READ_CHANGE) != 0 && request->value > COUNT_MAX)
		problem = "Field value must be at most 2305840810190438400";
	else if ((reads & READ_KEYS) != 0 && request->keys.at == NULL)
		problem = "Field keys exceeds max size";
	else if (((reads & READ_ITEMS) != 0 && request->items.at == NULL) ||
	         ((reads & READ_SUMS) != 0 && request->sums.at == NULL))
		problem = "Field items exceeds max size";
	else if ((reads & (READ_PAGE | READ_TOP)) != 0)
		problem = check_limit(request->page.limit, (reads & READ_PAGE) != 0 ? PAGE_KEYS_MAX : TOP_KEYS_MAX);
	else if ((reads & READ_ITEMS) != 0)
		problem = check_items(&request->items, request->operation->needs);
	if (problem == NULL && request->has_range)
		problem = v2_check_range(&(struct v2_range){ entry->request.from, entry->request.to });
	return problem;
}

/* Step 6. False: the reply stands in out. */
static bool
check_token(const struct command_worker *worker, const struct v2_request *request, struct buffer *out)
{
	const struct v2_operation *operation = request->operation;

	switch (command_auth_right(&worker->auth, request->token)) {
	case RIGHT_ALL:
		return true;
	case RIGHT_READ:
		if ((operation->needs & WRITES) == 0)
			return true;
		v2_reply_forbidden(out, operation->internal);
		return false;
	case RIGHT_NONE:
		break;
	}
	v2_reply_error(out, V2_UNAUTHORIZED, "Unauthorized");
	return false;
}

/*
 * Is it more than one operation of the engine? Then these get one tag, and so are one group, only while the log's epoch stands
 * still: who decides loads its own tag, and an add takes that of what its request did before only until compaction has
 * removed a key with a later one. So several items or keys; one that is set, which may have to make its series; and whatever
 * finds its series missing now. One that is dropped between this look and the run is made again by an add in the same tag: no
 * key of a series so new has been compacted.
 */
bool
v2_wants_gate(struct command_worker *worker, const struct command_entry *entry)
{
	const struct v2_request *request = entry->v2;
	const unsigned reads = request->operation->reads;

	if ((reads & READ_KEYS) != 0)
		return request->keys.count > 1;
	if ((reads & READ_ITEMS) != 0 && (request->items.count > 1 || (request->operation->needs & DECIDES) != 0))
		return true;
	return (reads & (READ_KEY | READ_ITEMS)) != 0 && command_find_tree(worker, entry) == NULL;
}

static enum command_status
run_write(struct command_worker *worker, const struct command_entry *entry, struct buffer *out, uint64_t *ret_hold)
{
	const bool gate = v2_wants_gate(worker, entry) && command_log_gate_enter(worker);
	enum command_status status = COMMAND_DONE;

	switch (command_log_admit(worker, entry, out, ret_hold)) {
	case ADMIT_NOW:
		status = entry->v2->operation->run(worker, entry, out);
		status = command_log_settle(worker, entry, status, out, ret_hold);
		break;
	case ADMIT_LATER:
		status = COMMAND_LATER;
		break;
	case ADMIT_REFUSED:
		break;
	}
	if (gate)
		command_log_gate_leave(worker);
	return status;
}

static void
reply_no_request(const struct command_entry *entry, struct buffer *out)
{
	const struct v2_request *request = entry->v2;

	if (command_envelope(entry->client, request->guess) == PROTOCOL_V2)
		v2_reply_error(out, request->code, request->fault);
	else
		v1_reply_error(out, request->v1_fault != NULL ? request->v1_fault->text : request->fault);
}

enum command_protocol
entry_protocol(const struct command_entry *entry)
{
	return entry->v2 != NULL && !entry->v2->is_v1 ? PROTOCOL_V2 : PROTOCOL_V1;
}

enum command_status
command_v2_run(struct command_worker *worker, const struct command_entry *entry, struct buffer *out, uint64_t *ret_hold)
{
	const struct v2_request *request = entry->v2;
	const struct v2_operation *operation = request->operation;
	const char *problem;

	if (request->is_v1) {
		v1_reply_error(out, request->v1_fault->text);
		return COMMAND_DONE;
	}
	if (request->no_request) {
		reply_no_request(entry, out);
		return COMMAND_DONE;
	}
	if (request->understood)
		entry->client->protocol = PROTOCOL_V2;
	if (operation == NULL) {
		json_v2_reply_error_named(out, request->code, request->fault, request->subject, "");
		return COMMAND_DONE;
	}
	if (!check_token(worker, request, out))
		return COMMAND_DONE;
	problem = check_rules(entry);
	if (problem != NULL) {
		v2_reply_error(out, V2_VALIDATION_ERROR, problem);
		return COMMAND_DONE;
	}
	if (request->idempotency != NULL && (operation->needs & ELIGIBLE) != 0)
		return v2_run_idempotent(worker, entry, out, ret_hold);
	if ((operation->needs & WRITES) != 0)
		return run_write(worker, entry, out, ret_hold);
	return operation->run(worker, entry, out);
}
