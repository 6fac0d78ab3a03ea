/*
 * restore.c - which files make up the database at start
 *
 *   manifest   for each tree it lists, the newest dump of this directory's identity and of that tree id, never one of an
 *              older generation than the manifest says; then the log, which also tells of trees that came and went since.
 *              A tree listed with generation 0 is exactly the file named, unless there is a dump of its id. The ledger's
 *              records from the file that it names, then from the log.
 *   none       a directory of the original's, or one that starts over: the newest file of each tree name, whatever it
 *              is. These trees get ids, and are in the manifest with generation 0 until their next dump.
 *
 * Nothing in the directory is changed here. What start.c writes then says the same, so the same directory restores to the
 * same state any number of times.
 *
 * A file that is damaged or missing stops the start, by name. With restore_skip_damaged the next older one serves. Is that
 * one older than the manifest says, the log before it may be gone: such a tree is restored without its log, under a new
 * id, so that no later start picks the damaged file again, and the start ends with a full dump. With a
 * damaged manifest the start goes on as without one: trees that were dropped may be back, and the log, which nobody can
 * tell to belong to which dumps, is not replayed.
 */
#include "store/restore_tree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "log/log.h"
#include "store/fault.h"
#include "store/publish_found.h"
#include "store/replay.h"
#include "store/restore_ledger.h"
#include "store/set_aside.h"

static int
out_of_memory(struct restoration *restoration)
{
	store_fault_set(restoration->fault, "there is not enough memory to restore");
	return -1;
}

/* ---- with a manifest ---- */

/* Without an id last: they get ids above all others. */
static int
by_id(const void *a, const void *b)
{
	uint64_t first = ((const struct manifest_tree *)a)->id - 1;
	uint64_t second = ((const struct manifest_tree *)b)->id - 1;

	return (first > second) - (first < second);
}

static int
restore_staged(struct restoration *restoration, const struct manifest_tree *staged)
{
	struct found_tree *found = tree_set_add(&restoration->trees, staged->id);

	if (found == NULL)
		return out_of_memory(restoration);
	found->listed = *staged;
	found->state = FOUND_STAGED;
	return 0;
}

static int
restore_tree(struct restoration *restoration, const struct manifest_tree *tree)
{
	struct found_tree *found;

	if (tree->id == 0) {
		restoration->store->manifest_stale = true; /* it gets an id now */
		return restore_taken(restoration, tree, (struct candidate_range){ 0 });
	}
	found = tree_set_add(&restoration->trees, tree->id);
	if (found == NULL)
		return out_of_memory(restoration);
	found->listed = *tree;
	found->state = FOUND_LIVE;
	return restore_listed(restoration, found);
}

static int
restore_manifest(struct restoration *restoration, struct manifest *manifest)
{
	int r = 0;

	if (manifest->count > 0)
		qsort(manifest->trees, manifest->count, sizeof(*manifest->trees), by_id);
	for (size_t i = 0; i < manifest->count && r == 0; i++)
		r = restore_tree(restoration, &manifest->trees[i]);
	for (size_t i = 0; i < manifest->staged_count && r == 0; i++)
		r = restore_staged(restoration, &manifest->staged[i]);
	return r;
}

/* ---- without a manifest ---- */

static int
range_order(const void *a, const void *b)
{
	const struct candidate *first = ((const struct candidate_range *)a)->first[0];
	const struct candidate *second = ((const struct candidate_range *)b)->first[0];

	if (first->stamp != second->stamp)
		return first->stamp < second->stamp ? -1 : 1;
	return strcmp(first->file, second->file);
}

static int
restore_range(struct restoration *restoration, struct candidate_range range, uint64_t order)
{
	const struct manifest_tree tree = {
		.name = range.first[0]->name,
		.name_bytes = range.first[0]->name_bytes,
		.order = order,
	};

	if (!utf8_valid(tree.name, tree.name_bytes)) {
		log_warn("dump not loaded: the tree's name is not UTF-8", log_string("file", range.first[0]->file));
		return 0;
	}
	return restore_taken(restoration, &tree, range);
}

/* Nobody knows the order of creation, so that of the newest dumps stands for it. */
static int
restore_newest(struct restoration *restoration)
{
	const struct candidates *candidates = &restoration->candidates;
	struct candidate_range *ranges;
	size_t count = 0;
	int r = 0;

	if (candidates->count == 0)
		return 0;
	ranges = mem_alloc(candidates->count * sizeof(*ranges));
	if (ranges == NULL)
		return out_of_memory(restoration);
	for (size_t i = 0; i < candidates->count; i += ranges[count++].count)
		ranges[count] = candidates_at(candidates, i);
	qsort(ranges, count, sizeof(*ranges), range_order);
	for (size_t i = 0; i < count && r == 0; i++)
		r = restore_range(restoration, ranges[i], i);
	mem_free(ranges);
	return r;
}

/* ---- what was left alone ---- */

/* Says which files were not loaded though somebody may have expected it. */
static void
warn_of_others(const struct restoration *restoration)
{
	enum { LINES_MAX = 20 };
	const struct candidates *candidates = &restoration->candidates;
	struct candidate_range range;
	uint64_t unnamed = 0;
	int lines = 0;

	for (size_t i = 0; i < candidates->count; i += range.count) {
		range = candidates_at(candidates, i);
		const struct candidate *newest = range.first[0];
		const struct catalog_entry *entry =
		    catalog_find(&restoration->store->catalog, newest->name, newest->name_bytes);
		bool unknown = engine_pin_tree(restoration->store->engine, newest->name, newest->name_bytes) == NULL;

		/* A tree that lives without a dump is younger than all of them. */
		if (!unknown && (entry == NULL || newest->own || strcmp(newest->file, entry->tree.file) == 0))
			continue;
		if (++lines > LINES_MAX) {
			unnamed += range.count;
			continue;
		}
		log_warn(unknown ? "dumps of no live tree, not loaded"
		                 : "newer dump not restored: damaged, or of another directory",
		         log_bytes("tree", newest->name, newest->name_bytes), log_string("newest", newest->file),
		         log_u64("files", range.count));
	}
	if (unnamed > 0)
		log_warn("more dumps not loaded", log_u64("files", unnamed));
}

/* ---- the whole ---- */

static int
identity_make(struct store *store, struct store_fault *fault)
{
	/* So few bytes come at once, or not at all. */
	if (getrandom(store->identity, sizeof(store->identity), 0) == (ssize_t)sizeof(store->identity)) {
		store->manifest_stale = true;
		return 0;
	}
	store_fault_set(fault, "no random bytes for a directory identity: %s", store_error_text(-errno));
	return -1;
}

/* A log needs its manifest: without it nobody knows to which dumps it belongs. */
static int
refuse_lone_log(struct restoration *restoration)
{
	const struct store *store = restoration->store;
	char file[SET_ASIDE_FILE_MAX];
	int r = log_file_find(store->directory_fd, file);

	if (r < 0)
		store_fault_set(restoration->fault, "directory \"%s\" could not be read: %s", store->options.directory,
		                store_error_text(r));
	else if (r > 0)
		store_fault_set(restoration->fault,
		                "directory \"%s\" has a log (%s), but no " MANIFEST_FILE
		                ": put that back, or start with --restore-skip-damaged (the newest dump of each "
		                "name) or --restore=false, which set the log aside",
		                store->options.directory, file);
	return r == 0 ? 0 : -1;
}

/* Returns MANIFEST_OK, MANIFEST_MISSING (also when a damaged one was set aside), or -1 with the fault. */
static int
manifest_take(struct restoration *restoration, struct manifest *manifest)
{
	struct store *store = restoration->store;
	bool skips = store->options.restore_skip_damaged;
	struct dump_fault fault;
	int r = manifest_read(store->directory_fd, manifest, &fault);

	if (r == MANIFEST_OK) {
		memcpy(store->identity, manifest->identity, sizeof(store->identity));
		store->log = manifest->log;
		restoration->restored->manifest = true;
		engine_today_advance(store->engine, manifest->today);
		engine_tree_id_raise(store->engine, manifest->tree_id_next);
		return r;
	}
	if (r != MANIFEST_MISSING && !skips) {
		store_fault_set(restoration->fault,
		                "%s (--restore-skip-damaged goes on with the newest dump of each name)", fault.text);
		return -1;
	}
	if (r == MANIFEST_MISSING && !skips && refuse_lone_log(restoration) < 0)
		return -1;
	if (r != MANIFEST_MISSING) {
		log_warn("damaged manifest skipped", log_string("problem", fault.text));
		restoration->restored->damage = true;
	}
	return identity_make(store, restoration->fault) < 0 ? -1 : MANIFEST_MISSING;
}

/* From the files, then the log, then what neither could give. */
static int
restore_trees(struct restoration *restoration, struct manifest *manifest)
{
	struct store *store = restoration->store;
	bool listed = restoration->restored->manifest;

	engine_tree_id_raise(store->engine, candidates_id_next(&restoration->candidates));
	int r = listed ? restore_manifest(restoration, manifest) : restore_newest(restoration);

	if (r == 0 && listed)
		r = restore_ledger(restoration, manifest->ledger);
	if (r == 0 && (store->options.wal || store->log.first != 0))
		r = replay_log(restoration, &store->log);
	if (r == 0)
		r = restore_ledger_end(restoration);
	if (r == 0)
		r = publish_found(restoration);
	if (r == 0)
		warn_of_others(restoration);
	return r;
}

static int
restore_all(struct restoration *restoration)
{
	struct store *store = restoration->store;
	struct manifest manifest = { 0 };

	if (manifest_take(restoration, &manifest) < 0)
		return -1;
	int r = candidates_read(store->directory_fd, store->identity, &restoration->candidates);

	if (r == 0) {
		r = restore_trees(restoration, &manifest);
	} else {
		store_fault_set(restoration->fault, "directory \"%s\" could not be read: %s", store->options.directory,
		                store_error_text(r));
		r = -1;
	}
	tree_set_deinit(&restoration->trees);
	candidates_deinit(&restoration->candidates);
	manifest_deinit(&manifest);
	return r;
}

int
store_restore(struct store *store, struct restored *ret_restored, struct store_fault *ret_fault)
{
	struct restoration restoration = { .store = store, .fault = ret_fault, .restored = ret_restored };
	struct timespec start;

	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	*ret_restored = (struct restored){ 0 };
	if (!store->options.restore) {
		log_info("started without restoring", log_string("directory", store->options.directory));
		return identity_make(store, ret_fault);
	}
	if (restore_all(&restoration) < 0)
		return -1;
	log_info("restored", log_string("directory", store->options.directory), log_u64("trees", restoration.published),
	         log_u64("keys", restoration.keys), log_u64("ms", ms_since(&start)));
	return 0;
}
