/*
 * command_v2.c - a request of protocol v2 when its turn has come: steps 6 to 9 of the order of checks (PROTOCOL-v2.md section 3)
 */
#include "command/command_v2.h"

#include <assert.h>

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
static bool
wants_gate(struct command_worker *worker, const struct command_entry *entry)
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
write_plain(struct command_worker *worker, const struct command_entry *entry, void *context, struct buffer *out,
            uint64_t *ret_hold)
{
	enum command_status status = entry->v2->operation->run(worker, entry, out);

	(void)context;
	return command_log_settle(worker, entry, status, out, ret_hold);
}

enum command_status
v2_write(struct command_worker *worker, const struct command_entry *entry, v2_write_fn *write, void *context,
         struct buffer *out, uint64_t *ret_hold)
{
	const bool gate = wants_gate(worker, entry) && command_log_gate_enter(worker);
	enum command_status status = COMMAND_DONE;

	switch (command_log_admit(worker, entry, out, ret_hold)) {
	case ADMIT_NOW:
		status = write(worker, entry, context, out, ret_hold);
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
		return v2_write(worker, entry, write_plain, NULL, out, ret_hold);
	return operation->run(worker, entry, out);
}
