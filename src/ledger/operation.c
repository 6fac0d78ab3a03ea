#include "ledger/operation.h"

#include <assert.h>
#include <string.h>

static const char *const names[LEDGER_OPERATIONS] = {
	[LEDGER_INCREMENT] = "increment",
	[LEDGER_DECREMENT] = "decrement",
	[LEDGER_BATCH_ADD] = "batch_add",
	[LEDGER_BATCH_SET] = "batch_set",
	[LEDGER_RESET] = "reset",
	[LEDGER_BATCH_RESET] = "batch_reset",
	[LEDGER_DELETE] = "delete",
	[LEDGER_BATCH_DELETE_RANGE] = "batch_delete_range",
	[LEDGER_INGEST_BEGIN] = "ingest_begin",
	[LEDGER_INGEST_CHUNK] = "ingest_chunk",
};

const char *
ledger_operation_name(enum ledger_operation operation)
{
	assert(operation >= LEDGER_INCREMENT && operation < LEDGER_OPERATIONS);
	return names[operation];
}

bool
ledger_operation_find(const char *name, size_t bytes, enum ledger_operation *ret)
{
	for (enum ledger_operation i = LEDGER_INCREMENT; i < LEDGER_OPERATIONS; i++) {
		if (strlen(names[i]) == bytes && memcmp(names[i], name, bytes) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}
