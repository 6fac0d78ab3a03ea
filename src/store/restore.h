/*
 * restore.h - what a start found
 */
#pragma once

#include <stdbool.h>

#include "store/store_internal.h"
#include "wal/recover.h"

struct restored {
	bool manifest; /* there was one */
	bool damage;   /* something was skipped or cut off: everything is to be dumped before serving */
	struct wal_recovered log;
};

/* Restores into the empty engine, fills identity, catalog and log. 0, or -1 with *ret_fault. */
int store_restore(struct store *store, struct restored *ret_restored, struct store_fault *ret_fault);
