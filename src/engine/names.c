/*
 * The names of all trees in order of creation: pointers are copied under the directory's lock, visited outside it. The
 * caller's walk (or its being the thread that frees) keeps what was copied alive.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/memory.h"
#include "engine/engine_internal.h"

struct named_tree {
	uint64_t order;
	struct directory_entry *entry;
	struct tree *tree;
};

static int
by_order(const void *left, const void *right)
{
	const struct named_tree *a = left, *b = right;

	return a->order < b->order ? -1 : a->order > b->order;
}

/* Copies what the directory holds, up to capacity; returns how many there are. */
static size_t
collect(struct directory *directory, struct named_tree *ret, size_t capacity)
{
	ck_hs_iterator_t cursor = CK_HS_ITERATOR_INITIALIZER;
	void *found = NULL;
	size_t count = 0;

	lock_take(&directory->lock);
	size_t there = directory->count;

	while (there <= capacity && count < there && ck_hs_next(&directory->hs, &cursor, &found)) {
		struct directory_entry *entry = found;

		ret[count++] = (struct named_tree){
			.order = entry->order,
			.entry = entry,
			.tree = atomic_load_explicit(&entry->tree, memory_order_acquire),
		};
	}
	lock_release(&directory->lock);
	return there;
}

int
engine_names(struct engine *engine, tree_name_fn *visit, void *context)
{
	struct named_tree *trees = NULL;
	size_t capacity = 0, count;

	/* Trees may appear between two rounds; there is room to spare, so that it ends soon. */
	while ((count = collect(&engine->directory, trees, capacity)) > capacity) {
		mem_free(trees);
		capacity = count + count / 8 + 8;
		trees = mem_alloc(capacity * sizeof(*trees));
		if (trees == NULL)
			return -ENOMEM;
	}
	if (count > 0)
		qsort(trees, count, sizeof(*trees), by_order);
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = visit(context, trees[i].tree, trees[i].entry->name.data, trees[i].entry->name.bytes);
	mem_free(trees);
	return r;
}

int
engine_scan_names(struct engine *engine, tree_name_fn *visit, void *context)
{
	return engine_names(engine, visit, context);
}
