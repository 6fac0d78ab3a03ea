/*
 * command_v2_fingerprint.c - what a request is, for its idempotency key
 *
 * The lines follow from what the operation reads, in one order for all: series, then keys, items, or the one key (absent: the
 * whole series), bucket and value, range.
 */
#include "command/command_v2.h"

#include <assert.h>
#include <string.h>

#include "ledger/fingerprint.h"

static void
add_keys(struct fingerprint *fingerprint, const struct v2_keys *keys)
{
	fingerprint_count(fingerprint, "keys_count", keys->count);
	for (uint32_t i = 0; i < keys->count; i++)
		fingerprint_number(fingerprint, "key_value", keys->at[i]);
}

static void
add_items(struct fingerprint *fingerprint, const struct v2_items *items)
{
	fingerprint_count(fingerprint, "items_count", items->count);
	for (uint32_t i = 0; i < items->count; i++) {
		fingerprint_number(fingerprint, "item_key", items->at[i].key);
		fingerprint_number(fingerprint, "item_bucket", items->at[i].bucket);
		fingerprint_number(fingerprint, "item_value", items->at[i].value);
	}
}

static enum ledger_operation
operation_of(const struct v2_operation *operation)
{
	enum ledger_operation found = LEDGER_OPERATIONS;
	bool is_there = ledger_operation_find(operation->internal, strlen(operation->internal), &found);

	assert(is_there);
	(void)is_there;
	return found;
}

enum ledger_operation
v2_fingerprint(const struct command_entry *entry, uint8_t ret[FINGERPRINT_BYTES])
{
	const struct v2_request *request = entry->v2;
	const struct v1_request *target = &entry->request;
	const enum ledger_operation operation = operation_of(request->operation);
	const unsigned reads = request->operation->reads;
	struct fingerprint fingerprint;

	fingerprint_init(&fingerprint, operation);
	fingerprint_text(&fingerprint, "series", target->tree.data, target->tree.bytes);
	if ((reads & READ_KEYS) != 0)
		add_keys(&fingerprint, &request->keys);
	else if ((reads & READ_ITEMS) != 0)
		add_items(&fingerprint, &request->items);
	else if ((reads & READ_KEY) != 0)
		fingerprint_number(&fingerprint, "key", target->key);
	else
		fingerprint_absent(&fingerprint, "key");
	if ((reads & READ_CHANGE) != 0) {
		assert(request->has_bucket);
		fingerprint_number(&fingerprint, "bucket", request->bucket);
		fingerprint_number(&fingerprint, "value", request->value);
	}
	if ((reads & READ_RANGE) != 0) {
		fingerprint_number(&fingerprint, "range_from", target->from);
		fingerprint_number(&fingerprint, "range_to", target->to);
	}
	fingerprint_final(&fingerprint, ret);
	return operation;
}
