/*
 * command_v2_decode.c - a line of protocol v2 while the batch is read: steps 2 to 5 of the order of checks
 */
#include "command/command_v2.h"

#include <assert.h>
#include <string.h>

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
