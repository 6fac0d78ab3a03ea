/*
 * operation.h - the operations that idempotency records and chunks of ingest streams are about
 *
 * Their names are those of the protocol (upstream's "internal" names): the first line of a fingerprint, and `operation` in
 * upstream's file of records. The numbers stand in logs and ledger files: never change one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum ledger_operation {
	LEDGER_INCREMENT = 1,
	LEDGER_DECREMENT,
	LEDGER_BATCH_ADD,
	LEDGER_BATCH_SET,
	LEDGER_RESET,
	LEDGER_BATCH_RESET,
	LEDGER_DELETE,
	LEDGER_BATCH_DELETE_RANGE,
	LEDGER_INGEST_BEGIN,
	LEDGER_INGEST_CHUNK,
	LEDGER_OPERATIONS,
};

/* A string that lives for ever. */
const char *ledger_operation_name(enum ledger_operation operation);

/* False: there is none of that name. */
bool ledger_operation_find(const char *name, size_t bytes, enum ledger_operation *ret);
