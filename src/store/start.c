/*
 * start.c - from what stands in the directory to a store that serves
 *
 *   1 restore    reads all, changes nothing
 *   2 manifest   in a directory that had none, or of a new identity when none was used; only now what was there before
 *                moves aside. So a log is never there without its manifest
 *   3 log        its first segment names the last block that counted: from now on nothing else follows on that
 *   4 manifest   every tree has its id there, and the log its first segment
 *
 * A crash between two steps leaves what the next start restores to the same state. A start that skipped or cut off damage
 * makes a full dump between 2 and 3, after which no log is needed, and sets a damaged one aside: no new segment ever names an
 * end that damage made. So does one that ends a log (--wal=false), and stops there.
 */
#include "store/journal.h"
#include "store/set_aside.h"

#include "store/fault.h"

/* Everything that stood there, into new files. */
static int
dump_everything(struct store *store, struct store_fault *ret_fault)
{
	store->keeps_files = true;
	int r = store_dump_all(store, ret_fault);

	store->keeps_files = false;
	return r;
}

/* `old` is the log that was replayed. */
static int
start_with_log(struct store *store, const struct restored *restored, const struct log_files *old,
               struct store_fault *ret_fault)
{
	if (restored->damage) {
		store->log.first = 0;
		store->log.synced = 0;
		if (dump_everything(store, ret_fault) < 0 ||
		    (restored->log.damage && set_aside_log(store, old, ret_fault) < 0))
			return -1;
	}
	if (journal_open(store, restored, ret_fault) < 0 || store_publish(store, ret_fault) < 0)
		return -1;
	wal_forget(store->wal, store->log.first);
	return 0;
}

static int
start_without_log(struct store *store, const struct restored *restored, const struct log_files *old,
                  struct store_fault *ret_fault)
{
	bool dumps = restored->damage || store->log.first != 0;

	if (dumps ? dump_everything(store, ret_fault) < 0 : store_publish_changes(store, ret_fault) < 0)
		return -1;
	return set_aside_log(store, old, ret_fault);
}

int
store_fill(struct store *store, struct store_fault *ret_fault)
{
	struct restored restored;
	struct log_files old;

	if (store_restore(store, &restored, ret_fault) < 0)
		return -1;
	int r = log_files_read(store->directory_fd, &old);

	if (r < 0) {
		store_fault_set(ret_fault, "directory \"%s\" could not be read: %s", store->options.directory,
		                store_error_text(r));
		return -1;
	}
	/* Also for a later log, when this one is no longer there to be looked at. */
	if (restored.log.epoch_highest > store->log.epoch)
		store->log.epoch = restored.log.epoch_highest;
	if (!restored.manifest)
		r = set_aside_database(store, &old, ret_fault);
	if (r == 0)
		r = store->options.wal ? start_with_log(store, &restored, &old, ret_fault)
		                       : start_without_log(store, &restored, &old, ret_fault);
	log_files_deinit(&old);
	return r;
}
