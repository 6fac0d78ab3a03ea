#include "store/publish_found.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "log/log.h"
#include "store/fault.h"

enum { FAULT_NAME_MAX = 200 };

static int
name_shown(const struct found_tree *found)
{
	return (int)(found->listed.name_bytes < FAULT_NAME_MAX ? found->listed.name_bytes : FAULT_NAME_MAX);
}

static int
fail(struct restoration *restoration, const struct found_tree *found, const char *problem)
{
	store_fault_set(restoration->fault, "tree \"%.*s\" could not be restored: %s", name_shown(found),
	                found->listed.name, problem);
	return -1;
}

/* One above all that was met of this id, also in files that were passed over as damaged: the next dump is the newest. */
static uint64_t
generation_next(const struct restoration *restoration, const struct found_tree *found)
{
	uint64_t highest = found->generation;
	struct candidate_range range = { 0 };

	if (tree_id(found->tree) == found->id)
		range = candidates_of_id(&restoration->candidates, found->id);
	if (range.count > 0 && range.first[0]->generation > highest)
		highest = range.first[0]->generation;
	return highest + 1;
}

static int
finish(struct restoration *restoration, struct found_tree *found)
{
	uint64_t generation = generation_next(restoration, found);
	uint64_t key = 0;

	if (found->records == 0 && generation == tree_generation(found->tree))
		return 0; /* as its dump, which was judged when it was read */
	int r = tree_load_finish(found->tree, generation, &key);

	if (r == 0)
		return 0;
	if (r < 0)
		return fail(restoration, found, store_error_text(r));
	if (found->alone) { /* it was loaded from a file, whose counts are not in the log */
		log_warn("tree not restored", log_bytes("tree", found->listed.name, found->listed.name_bytes));
		found_tree_drop(found);
		return 0;
	}
	store_fault_set(
	    restoration->fault,
	    "tree \"%.*s\", key %" PRIu64
	    ": dump and log together give a count that cannot be, so one of them is not what was written; "
	    "nothing was changed. Restore the directory from a copy, or start with --restore=false and load "
	    "single dumps",
	    name_shown(found), found->listed.name, key);
	return -1;
}

/* The engine takes the tree, come what may. */
static int
publish_tree(struct restoration *restoration, struct found_tree *found)
{
	struct store *store = restoration->store;
	const struct manifest_tree *listed = &found->listed;
	struct tree *tree = found->tree;

	if (engine_pin_tree(store->engine, listed->name, listed->name_bytes) != NULL)
		return fail(restoration, found, "two trees have this name");
	found->tree = NULL;
	restoration->keys += tree_key_count(tree);
	int r = tree_load_restore(store->worker, tree, listed->name, listed->name_bytes, listed->order);

	if (r != 0)
		return fail(restoration, found,
		            r == ENGINE_TREES_FULL ? "there are more trees than --max-trees allows"
		                                   : store_error_text(r));
	restoration->published++;
	if (found->dump.file == NULL)
		return 0;
	found->dump.name = listed->name;
	found->dump.name_bytes = listed->name_bytes;
	found->dump.order = listed->order;
	return catalog_put(&store->catalog, &found->dump, 0) == 0 ? 0
	                                                          : fail(restoration, found, store_error_text(-ENOMEM));
}

static int
by_order(const void *a, const void *b)
{
	uint64_t first = (*(struct found_tree *const *)a)->listed.order;
	uint64_t second = (*(struct found_tree *const *)b)->listed.order;

	return (first > second) - (first < second);
}

/* All are judged before the first gets its name. */
static int
publish_list(struct restoration *restoration, struct found_tree **list, size_t count)
{
	int r = 0;

	qsort((void *)list, count, sizeof(struct found_tree *), by_order);
	for (size_t i = 0; i < count && r == 0; i++)
		r = finish(restoration, list[i]);
	for (size_t i = 0; i < count && r == 0; i++) {
		if (list[i]->tree != NULL)
			r = publish_tree(restoration, list[i]);
	}
	return r;
}

int
publish_found(struct restoration *restoration)
{
	const struct tree_set *set = &restoration->trees;
	struct found_tree **list;
	size_t count = 0;
	int r = 0;

	if (set->count == 0)
		return 0;
	list = mem_alloc(set->count * sizeof(struct found_tree *));
	if (list == NULL) {
		store_fault_set(restoration->fault, "there is not enough memory to restore");
		return -1;
	}
	for (size_t i = 0; i < set->count && r == 0; i++) {
		struct found_tree *found = set->entries[i];

		if (found->state != FOUND_LIVE)
			continue;
		if (found->tree == NULL)
			r = restore_older(restoration, found);
		if (found->tree != NULL)
			list[count++] = found;
	}
	if (r == 0 && count > 0)
		r = publish_list(restoration, list, count);
	mem_free((void *)list);
	return r;
}
