/*
 * publish.c - when the manifest is written, and what it says
 *
 * Without a write-ahead log a crash goes back to the last dumps. So the manifest names, for each tree that lives, the last
 * dump of that name:
 *
 *   dump, full dump       written at its end, before the client hears of it
 *   drop                  written by the next idle tick, half a second later, or between two trees of a full dump (one
 *                         long job delays it): from then on a dropped tree stays dropped
 *   create, reset, load   nothing to write: until its next dump a new tree has no entry, one that was reset or replaced
 *                         keeps the entry of its name, and after a crash its state of then
 *
 * A name that is dropped and created again within one tick looks like a reset. With the log, whose records tell them
 * apart by tree id, create, reset and load get their entries at once; this is the place for it.
 */
#include "store/store_internal.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "store/fault.h"

struct marking {
	struct catalog *catalog;
	uint64_t order;
};

static int
mark_live(void *context, struct tree *tree, const char *name, size_t bytes)
{
	struct marking *marking = context;
	struct catalog_entry *entry = catalog_find(marking->catalog, name, bytes);

	(void)tree;
	if (entry != NULL)
		entry->order = marking->order++;
	return 0;
}

/* Drops what no longer lives. Returns how many entries went, or a negative errno. */
static int64_t
catalog_refresh(struct store *store)
{
	struct marking marking = { .catalog = &store->catalog };
	/* Loaded before the names: a tree that goes meanwhile is met by the next tick. */
	uint64_t version = engine_directory_version(store->engine);

	for (size_t i = 0; i < store->catalog.count; i++)
		store->catalog.entries[i]->order = UINT64_MAX;
	int r = engine_names(store->engine, mark_live, &marking);

	if (r < 0)
		return r;
	store->directory_seen = version;
	return (int64_t)catalog_sweep(&store->catalog);
}

static int
write_catalog(struct store *store)
{
	struct manifest manifest = {
		.tree_id_next = engine_tree_id_next(store->engine),
		.today = engine_today(store->engine),
		.count = store->catalog.count,
	};

	memcpy(manifest.identity, store->identity, sizeof(manifest.identity));
	if (manifest.count > 0) {
		manifest.trees = catalog_list(&store->catalog);
		if (manifest.trees == NULL)
			return -ENOMEM;
	}
	int r = manifest_write(store->directory_fd, &manifest);

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
