/*
 * journal.h - the store's side of the log: its life, and what the maintenance thread needs of it
 */
#pragma once

#include "store/restore.h"
#include "store/store_internal.h"

/* What every command and every dump says then. */
#define FAULT_READ_ONLY "The log has failed, the server is read-only until restarted"
#define FAULT_DISK_FULL "Disk is full, writes are refused"

/*
 * Makes and starts the log behind what recovery accepted, and the maintenance thread's effects. The manifest does not name it
 * yet. 0 or -1 with the fault.
 */
int journal_open(struct store *store, const struct restored *restored, struct store_fault *ret_fault);

/* Also of a half-opened one. After the store's worker has been destroyed. */
void journal_close(struct store *store);

/* ---- maintenance thread, outside any section; without a log all succeed at once ---- */

/* Waits until everything that was seen done by now is on disk. 0, or -EIO: the log has failed. */
int journal_sync(struct store *store);

/* May a dump be made? May something be changed? 0, or -1 with the fault. */
int journal_check_dump(const struct store *store, struct store_fault *ret_fault);
int journal_check_write(const struct store *store, struct store_fault *ret_fault);

/*
 * Before a change: commits what waits until there is room for a good part of what the log can hold, or with `all` until
 * nothing waits. 0, -EIO (failed) or -ENOSPC (full).
 */
int journal_room(struct store *store, bool all);

/* The same of the log's state alone. To be looked at once more inside the section: the room that the log keeps free when the
 * disk is full is for sections that saw it before. */
int journal_room_error(const struct store *store);

/* For people: what a failed change failed of (-ENOSPC, -EIO, -EAGAIN, -ENOMEM). */
const char *journal_problem(int result);

/* The end of a change, in its section, and what follows outside: the epoch its reply depends on, 0 for none. */
void journal_append(struct store *store);
uint64_t journal_hold(struct store *store);
