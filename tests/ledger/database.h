/*
 * database.h - a store's kit with a ledger, and idempotent requests as a worker makes them
 */
#pragma once

#include "store/kit.h"

#include "ledger/durable.h"
#include "ledger/ledger.h"

struct database {
	struct kit *kit;
	struct ledger_options options;
	struct ledger *ledger;
	struct store_ledger *hooks; /* apart: when a test fails the store goes on with them until the kit is closed */
};

/* What fails inside fails the test, but for store_open(): -1, with the kit's fault. */
int database_open(struct database *database);
void database_close(struct database *database);
void database_crash(struct database *database); /* and no open */

/* Adds amount to key 1 of tree "t", once for each idempotency key. True: it was counted, else it had been. Durable then. */
bool database_add(struct database *database, const char *key, uint64_t amount);

/* The same, up to the log, which is not waited for. */
bool database_add_unsynced(struct database *database, const char *key, uint64_t amount);

/* Removes all records that came before, durably. Returns how many. */
uint64_t database_prune(struct database *database, uint64_t before_unix);

/* Is there a record? */
bool database_knows(struct database *database, const char *key);
