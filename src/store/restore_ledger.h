/*
 * restore_ledger.h - what the files of a start say to the ledger
 */
#pragma once

#include "store/restore_tree.h"

/*
 * Loads the file with this number (0: there is none). A missing or damaged one is the fault, or skipped as the options say:
 * then the bodies before the damage count, and the log goes on from there. Nothing without a ledger. 0 or -1 with the fault.
 */
int restore_ledger(struct restoration *restoration, uint64_t number);

/* A body that the log has: 0, -EBADMSG or -ENOMEM. */
int restore_ledger_body(struct restoration *restoration, const uint8_t *body, size_t bytes);

/* Behind all of them. 0 or -1 with the fault. */
int restore_ledger_end(struct restoration *restoration);
