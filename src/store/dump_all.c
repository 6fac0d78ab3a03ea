/*
 * dump_all.c - every tree to a file, so that the log before can go
 *
 *   1 rotate     whatever is in the log before has been done, so the cuts of 2 hold it
 *   2 dump       each tree: cut, file, wait until the log has on disk what the file holds, final name
 *   3 ledger     its records, to a file of their own: whatever of them is in the log before has been done, too
 *   4 manifest   names these files and the segment of 1 as the first that is needed
 *   5 forget     the segments before, and old dumps
 *
 * A crash before 4 leaves the old manifest and all that it needs, with newer dumps of the same trees: these are used, and
 * the log's records that they hold are skipped. After 4 what 5 would have removed is not looked at. When a tree or the ledger cannot be
 * dumped the log goes on from where it was needed, and nothing of it goes.
 */
#include "store/dump.h"

#include "log/log.h"
#include "store/fault.h"
#include "store/journal.h"
#include "store/ledger_file.h"
#include "store/names.h"

/* Dumps what can be dumped. Returns how many trees could not, the first one's fault in *ret_fault. */
static uint64_t
dump_trees(struct store *store, const struct file_list *files, const struct tree_names *names,
           struct store_fault *ret_fault)
{
	uint64_t failed = 0;
	size_t cursor = 0, bytes;
	const char *name;

	while ((name = tree_names_next(names, &cursor, &bytes)) != NULL) {
		struct store_fault fault;

		/* Dropped meanwhile is no failure. */
		if (dump_one(store, files, name, bytes, &fault) < 0 && failed++ == 0)
			*ret_fault = fault;
		store_keep_up(store);
	}
	return failed;
}

/* What a recovery needs of the log once everything is dumped: a new segment, or none without a log. */
static int
log_rotate(struct store *store, uint64_t *ret_first, struct store_fault *ret_fault)
{
	*ret_first = 0;
	if (store->wal == NULL)
		return 0;
	int r = wal_rotate(store->wal, ret_first);

	if (r == 0)
		return 0;
	store_fault_set(ret_fault, "The log could not go on in a new segment: %s", store_error_text(r));
	(void)journal_check_dump(store, ret_fault); /* it says more */
	log_error("full dump failed", log_string("problem", ret_fault->text));
	return -1;
}

/* Behind the one that the manifest names, which a crash would go back to. None without records. */
static int
dump_ledger(struct store *store, uint64_t *ret_number, struct store_fault *ret_fault)
{
	uint64_t records;

	*ret_number = store->ledger_number;
	if (store->options.ledger == NULL)
		return 0;
	int r = ledger_file_write(store->directory_fd, store->ledger_number + 1, store->identity, store->options.ledger,
	                          &records);

	if (r == 0) {
		*ret_number = records > 0 ? store->ledger_number + 1 : 0;
		return 0;
	}
	store_fault_set(ret_fault, "The ledger's records could not be written: %s", store_error_text(r));
	log_error("ledger not dumped", log_string("problem", ret_fault->text));
	return -1;
}

static int
publish_dumped(struct store *store, uint64_t first, uint64_t ledger_number, struct store_fault *ret_fault)
{
	uint64_t first_before = store->log.first, ledger_before = store->ledger_number;

	store->log.first = first;
	store->ledger_number = ledger_number;
	int r = dump_publish(store, ret_fault);

	if (r < 0) {
		store->log.first = first_before;
		store->ledger_number = ledger_before;
	}
	return r;
}

static size_t
forget(struct store *store, bool all)
{
	if (store->keeps_files)
		return 0;
	(void)ledger_files_forget(store->directory_fd, store->ledger_number);
	if (all && store->wal != NULL) {
		/* Relaxed, and before: growth from now on is a new one. */
		atomic_store_explicit(&store->log_grown, false, memory_order_relaxed);
		wal_forget(store->wal, store->log.first);
	}
	return retention_run(store->directory_fd, store->options.dump_retention_per_tree, &store->catalog);
}

static int
dump_all(struct store *store, const struct file_list *files, struct tree_names *names, struct store_fault *ret_fault)
{
	struct store_fault later_fault; /* the first one is told */
	uint64_t first, ledger_number;

	if (log_rotate(store, &first, ret_fault) < 0)
		return -1;
	if (tree_names_init(names, store->engine) < 0) {
		store_fault_set(ret_fault, "out of memory");
		log_error("full dump failed", log_string("problem", ret_fault->text));
		return -1;
	}
	uint64_t failed = dump_trees(store, files, names, ret_fault);

	if (dump_ledger(store, &ledger_number, failed > 0 ? &later_fault : ret_fault) < 0)
		failed++;
	if (publish_dumped(store, failed > 0 ? store->log.first : first, ledger_number,
	                   failed > 0 ? &later_fault : ret_fault) < 0)
		return -1;
	size_t removed = forget(store, failed == 0);

	log_info("full dump done", log_u64("trees", names->count), log_u64("failed", failed),
	         log_u64("old_files_removed", removed));
	return failed > 0 ? -1 : 0;
}

int
store_dump_all_joined(struct store *store, uint64_t ticket, struct store_fault *ret_fault)
{
	struct file_list files;
	struct tree_names names = { 0 };

	if (store->full_cut > ticket)
		return 0; /* if it failed, that was logged: trying again for each request that waits would be no better */
	if (dump_check(store, ret_fault) < 0)
		return -1;
	/* A number of its own, so that with no trees, too, later requests are told from earlier ones. */
	store->full_cut = dump_cut_begin(store);
	if (dump_list_files(store, &files, ret_fault) < 0)
		return -1;
	int r = dump_all(store, &files, &names, ret_fault);

	tree_names_deinit(&names);
	file_list_deinit(&files);
	return r;
}

int
store_dump_all(struct store *store, struct store_fault *ret_fault)
{
	return store_dump_all_joined(store, UINT64_MAX, ret_fault);
}
