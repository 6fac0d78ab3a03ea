#include "store/tree_set.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"

void
found_tree_drop(struct found_tree *found)
{
	tree_load_discard(found->tree);
	found->tree = NULL;
	found->state = FOUND_GONE;
}

void
tree_set_deinit(struct tree_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		found_tree_drop(set->entries[i]);
		mem_free(set->entries[i]->name_copy);
		mem_free(set->entries[i]);
	}
	mem_free((void *)set->entries);
	*set = (struct tree_set){ 0 };
}

/* Where the id stands, or would stand. */
static size_t
set_index(const struct tree_set *set, uint64_t id)
{
	size_t low = 0;
	size_t high = set->count;

	if (high > 0 && set->entries[high - 1]->id < id)
		return high; /* as they mostly come */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->entries[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct found_tree *
tree_set_find(const struct tree_set *set, uint64_t id)
{
	size_t index = set_index(set, id);

	return index < set->count && set->entries[index]->id == id ? set->entries[index] : NULL;
}

struct found_tree *
tree_set_add(struct tree_set *set, uint64_t id)
{
	size_t index = set_index(set, id);
	struct found_tree *found;

	assert(index == set->count || set->entries[index]->id != id);
	if (set->count == set->capacity) {
		size_t capacity = set->capacity > 0 ? 2 * set->capacity : 64;
		struct found_tree **entries = mem_realloc((void *)set->entries, capacity * sizeof(struct found_tree *));

		if (entries == NULL)
			return NULL;
		set->entries = entries;
		set->capacity = capacity;
	}
	found = mem_alloc_zeroed(sizeof(*found));
	if (found == NULL)
		return NULL;
	found->id = id;
	memmove((void *)&set->entries[index + 1], (void *)&set->entries[index],
	        (set->count - index) * sizeof(struct found_tree *));
	set->entries[index] = found;
	set->count++;
	return found;
}

int
found_tree_name(struct found_tree *found, const char *name, size_t bytes)
{
	char *copy = mem_alloc(bytes + 1);

	if (copy == NULL)
		return -ENOMEM;
	if (bytes > 0)
		memcpy(copy, name, bytes);
	mem_free(found->name_copy);
	found->name_copy = copy;
	found->listed.name = copy;
	found->listed.name_bytes = bytes;
	return 0;
}
