/*
 * durable.h - the ledger as the store keeps it
 */
#pragma once

#include "store/store.h"

struct ledger;

/* What store_open() takes for it: loads it, and gives its records to full dumps. Borrows the ledger until store_close(). */
struct store_ledger ledger_durable(struct ledger *ledger);
