/*
 * restore.c - which files make up the database at start
 *
 *   manifest   for each tree it lists, the newest dump of this directory's identity and of that tree id, never one of an
 *              older generation than the manifest says. A tree listed with id 0 is exactly the file it names.
 *   none       a directory of the original's, or one that starts over: the newest file of each tree name, whatever it
 *              is. Until their next dump these trees are in the manifest with id 0.
 *
 * A file that is damaged or missing stops the start, by name. With restore_skip_damaged the next older one serves; such a
 * tree gets a new id, so that no later start picks the damaged file again, and the start ends with a full dump. A damaged
 * manifest is set aside then, and the start goes on as without one: trees that were dropped may be back.
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
#include "store/files.h"

static int
restore_listed(struct restoration *restoration, const struct manifest_tree *tree)
{
	const struct wanted wanted = {
		.name = tree->name,
		.name_bytes = tree->name_bytes,
		.id = tree->id,
		.generation = tree->generation,
	};
	struct candidate_range others;

	if (tree->id != 0) {
		others = candidates_of_id(&restoration->candidates, tree->id);
		bool newer = others.count > 0 && others.first[0]->generation >= tree->generation;

		/* Without a fit one the file that should be is tried, to say what is wrong with it. */
		return restore_tree(restoration, newer ? NULL : tree->file, others, &wanted);
	}
	others = candidates_of_name(&restoration->candidates, tree->name, tree->name_bytes);
	/* What is newer than the file listed came from elsewhere since. */
	while (others.count > 0 && strcmp(others.first[0]->file, tree->file) != 0) {
		others.first++;
		others.count--;
	}
	return restore_tree(restoration, tree->file, others, &wanted);
}

static int
restore_manifest(struct restoration *restoration, const struct manifest *manifest)
{
	for (size_t i = 0; i < manifest->count; i++) {
		if (restore_listed(restoration, &manifest->trees[i]) < 0)
			return -1;
	}
	return 0;
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
restore_range(struct restoration *restoration, struct candidate_range range)
{
	const struct wanted wanted = { .name = range.first[0]->name, .name_bytes = range.first[0]->name_bytes };

	if (!utf8_valid(wanted.name, wanted.name_bytes)) {
		log_warn("dump not loaded: the tree's name is not UTF-8", log_string("file", range.first[0]->file));
		return 0;
	}
	return restore_tree(restoration, NULL, range, &wanted);
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
	if (ranges == NULL) {
		store_fault_set(restoration->fault, "there is not enough memory to restore");
		return -1;
	}
	for (size_t i = 0; i < candidates->count; i += ranges[count++].count)
		ranges[count] = candidates_at(candidates, i);
	qsort(ranges, count, sizeof(*ranges), range_order);
	for (size_t i = 0; i < count && r == 0; i++)
		r = restore_range(restoration, ranges[i]);
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
		bool unknown = entry == NULL;

		if (!unknown && (newest->own || strcmp(newest->file, entry->tree.file) == 0))
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

/* Also for a start without restoring: what stands there is moved away, as a whole and by name. */
static int
manifest_set_aside(struct store *store, struct store_fault *fault)
{
	char directory[SET_ASIDE_NAME_MAX];
	int r = file_set_aside(store->directory_fd, MANIFEST_FILE, directory);

	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		store_fault_set(fault, "\"%s/" MANIFEST_FILE "\" could not be set aside: %s", store->options.directory,
		                store_error_text(r));
		return -1;
	}
	log_warn("manifest set aside", log_string("directory", directory));
	return 0;
}

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

/* Returns MANIFEST_OK, MANIFEST_MISSING (also when a damaged one was set aside), or -1 with the fault. */
static int
manifest_take(struct restoration *restoration, struct manifest *manifest)
{
	struct store *store = restoration->store;
	struct dump_fault fault;
	int r = manifest_read(store->directory_fd, manifest, &fault);

	if (r == MANIFEST_OK) {
		memcpy(store->identity, manifest->identity, sizeof(store->identity));
		engine_today_advance(store->engine, manifest->today);
		engine_tree_id_raise(store->engine, manifest->tree_id_next);
		return r;
	}
	if (r != MANIFEST_MISSING && !store->options.restore_skip_damaged) {
		store_fault_set(restoration->fault,
		                "%s (--restore-skip-damaged goes on with the newest dump of each name)", fault.text);
		return -1;
	}
	if (r != MANIFEST_MISSING) {
		log_warn("damaged manifest skipped", log_string("problem", fault.text));
		restoration->damage = true;
		if (manifest_set_aside(store, restoration->fault) < 0)
			return -1;
	}
	return identity_make(store, restoration->fault) < 0 ? -1 : MANIFEST_MISSING;
}

static int
restore_all(struct restoration *restoration)
{
	struct store *store = restoration->store;
	struct manifest manifest = { 0 };
	int found = manifest_take(restoration, &manifest);

	if (found < 0)
		return -1;
	int r = candidates_read(store->directory_fd, store->identity, &restoration->candidates);

	if (r < 0) {
		store_fault_set(restoration->fault, "directory \"%s\" could not be read: %s", store->options.directory,
		                store_error_text(r));
		r = -1;
	} else {
		engine_tree_id_raise(store->engine, candidates_id_next(&restoration->candidates));
		r = found == MANIFEST_OK ? restore_manifest(restoration, &manifest) : restore_newest(restoration);
		if (r == 0)
			warn_of_others(restoration);
	}
	manifest_deinit(&manifest);
	candidates_deinit(&restoration->candidates);
	return r;
}

int
store_restore(struct store *store, bool *ret_damage, struct store_fault *ret_fault)
{
	struct restoration restoration = { .store = store, .fault = ret_fault };
	struct timespec start;

	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	*ret_damage = false;
	if (!store->options.restore) {
		log_info("started without restoring", log_string("directory", store->options.directory));
		return manifest_set_aside(store, ret_fault) < 0 ? -1 : identity_make(store, ret_fault);
	}
	if (restore_all(&restoration) < 0)
		return -1;
	log_info("restored", log_string("directory", store->options.directory), log_u64("trees", restoration.trees),
	         log_u64("keys", restoration.keys), log_u64("days", restoration.days), log_u64("ms", ms_since(&start)));
	*ret_damage = restoration.damage;
	return 0;
}
