/*
 * publish.c - when the manifest is written, and what it says
 *
 * With a log it names each live tree that has a dump, by id and dump, and the first segment of the log that is needed on
 * top; the log has the rest. It is written at the end of a dump, by a load and by the start, and only when everything that
 * it says, or that its files hold, is in the log on disk: so no manifest knows more than the log.
 *
 * Without a log a crash goes back to the last dumps. So it names, for each tree that lives, the last dump of that name:
 *
 *   dump, full dump       written at its end, before the client hears of it
 *   drop                  written by the next idle tick, half a second later, or between two trees of a full dump (one
 *                         long job delays it): from then on a dropped tree stays dropped
 *   create, reset, load   nothing to write: until its next dump a new tree has no entry, one that was reset or replaced
 *                         keeps the entry of its name, and after a crash its state of then
 *
 * A name that is dropped and created again within one tick looks like a reset.
 */
#include "store/journal.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "store/fault.h"

/* With a log only the dump of this very tree counts: the log does not have what came before it was created. */
static int
mark_live(void *context, struct tree *tree, const char *name, size_t bytes)
{
	const struct store *store = context;
	struct catalog_entry *entry = catalog_find(&store->catalog, name, bytes);

	if (entry == NULL || (store->log.first != 0 && entry->tree.id != tree_id(tree)))
		return 0;
	entry->live = true;
	entry->tree.order = tree_order(tree);
	return 0;
}

/* Drops what no longer lives. Returns how many entries went, or a negative errno. */
static int64_t
catalog_refresh(struct store *store)
{
	/* Loaded before the names: a tree that goes meanwhile is met by the next tick. */
	uint64_t version = engine_directory_version(store->engine);

	for (size_t i = 0; i < store->catalog.count; i++)
		store->catalog.entries[i]->live = false;
	int r = engine_names(store->engine, mark_live, store);

	if (r < 0)
		return r;
	store->directory_seen = version;
	return (int64_t)catalog_sweep(&store->catalog);
}

/* The log as the manifest tells of it, once all that was looked at for the manifest is durable. */
static int
fill_log(struct store *store, struct manifest *manifest)
{
	manifest->log = store->log;
	if (store->wal == NULL)
		return 0;
	manifest->log.epoch = engine_log_epoch(store->engine); /* after the last look */
	int r = wal_sync(store->wal, manifest->log.epoch);

	if (r == 0)
		manifest->log.synced = wal_synced(store->wal);
	return r;
}

static int
write_catalog(struct store *store)
{
	struct manifest manifest = {
		.tree_id_next = engine_tree_id_next(store->engine),
		.today = engine_today(store->engine),
		.count = store->catalog.count,
		.staged = (struct manifest_tree *)(uintptr_t)store->staged, /* only read */
		.staged_count = store->staged != NULL ? 1 : 0,
		.ledger = store->ledger_number,
	};

	memcpy(manifest.identity, store->identity, sizeof(manifest.identity));
	if (manifest.count > 0) {
		manifest.trees = catalog_list(&store->catalog);
		if (manifest.trees == NULL)
			return -ENOMEM;
	}
	int r = fill_log(store, &manifest);

	if (r == 0)
		r = manifest_write(store->directory_fd, &manifest);
	mem_free(manifest.trees);
	return r;
}

static int
publish(struct store *store, bool needed, struct store_fault *ret_fault)
{
	int64_t gone = catalog_refresh(store);
	int r = gone < 0 ? (int)gone : 0;

	if (gone > 0)
		store->manifest_stale = true;
	if (r == 0 && (needed || store->manifest_stale))
		r = write_catalog(store);
	if (r < 0) {
		store->manifest_stale = true;
		store_fault_set(ret_fault, "\"%s/" MANIFEST_FILE "\" could not be written: %s",
		                store->options.directory, store_error_text(r));
		(void)journal_check_dump(store, ret_fault); /* it says more */
		return -1;
	}
	store->manifest_stale = false;
	return 0;
}

int
store_publish(struct store *store, struct store_fault *ret_fault)
{
	return publish(store, true, ret_fault);
}

int
store_publish_changes(struct store *store, struct store_fault *ret_fault)
{
	return publish(store, false, ret_fault);
}
