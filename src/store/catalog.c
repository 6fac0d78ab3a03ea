#include "store/catalog.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void
catalog_deinit(struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->count; i++)
		mem_free(catalog->entries[i]);
	mem_free(catalog->entries);
	*catalog = (struct catalog){ 0 };
}

static int
name_compare(const struct manifest_tree *tree, const char *name, size_t bytes)
{
	int order = memcmp(tree->name, name, tree->name_bytes < bytes ? tree->name_bytes : bytes);

	return order != 0 ? order : (tree->name_bytes > bytes) - (tree->name_bytes < bytes);
}

/* The index of the name, or where it would stand. */
static size_t
catalog_index(const struct catalog *catalog, const char *name, size_t bytes)
{
	size_t low = 0;
	size_t high = catalog->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (name_compare(&catalog->entries[middle]->tree, name, bytes) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
index_holds(const struct catalog *catalog, size_t index, const char *name, size_t bytes)
{
	return index < catalog->count && name_compare(&catalog->entries[index]->tree, name, bytes) == 0;
}

struct catalog_entry *
catalog_find(const struct catalog *catalog, const char *name, size_t bytes)
{
	size_t index = catalog_index(catalog, name, bytes);

	return index_holds(catalog, index, name, bytes) ? catalog->entries[index] : NULL;
}

static struct catalog_entry *
entry_create(const struct manifest_tree *tree, uint64_t cut)
{
	size_t file_bytes = strlen(tree->file) + 1;
	struct catalog_entry *entry = mem_alloc(sizeof(*entry) + file_bytes + tree->name_bytes);

	if (entry == NULL)
		return NULL;
	memcpy(entry->texts, tree->file, file_bytes);
	if (tree->name_bytes > 0)
		memcpy(entry->texts + file_bytes, tree->name, tree->name_bytes);
	entry->tree = *tree;
	entry->tree.file = entry->texts;
	entry->tree.name = entry->texts + file_bytes;
	entry->cut = cut;
	entry->live = true;
	return entry;
}

int
catalog_put(struct catalog *catalog, const struct manifest_tree *tree, uint64_t cut)
{
	size_t index = catalog_index(catalog, tree->name, tree->name_bytes);

	if (catalog->count == catalog->capacity) {
		size_t capacity = catalog->capacity > 0 ? 2 * catalog->capacity : 16;
		struct catalog_entry **entries =
		    mem_realloc(catalog->entries, capacity * sizeof(struct catalog_entry *));

		if (entries == NULL)
			return -ENOMEM;
		catalog->entries = entries;
		catalog->capacity = capacity;
	}
	struct catalog_entry *entry = entry_create(tree, cut);

	if (entry == NULL)
		return -ENOMEM;
	if (index_holds(catalog, index, tree->name, tree->name_bytes)) {
		mem_free(catalog->entries[index]);
	} else {
		memmove(&catalog->entries[index + 1], &catalog->entries[index],
		        (catalog->count - index) * sizeof(struct catalog_entry *));
		catalog->count++;
	}
	catalog->entries[index] = entry;
	return 0;
}

size_t
catalog_sweep(struct catalog *catalog)
{
	size_t kept = 0;
	size_t count = catalog->count;

	for (size_t i = 0; i < count; i++) {
		if (catalog->entries[i]->live)
			catalog->entries[kept++] = catalog->entries[i];
		else
			mem_free(catalog->entries[i]);
	}
	catalog->count = kept;
	return count - kept;
}

static int
order_compare(const void *a, const void *b)
{
	const struct manifest_tree *first = a;
	const struct manifest_tree *second = b;

	return (first->order > second->order) - (first->order < second->order);
}

struct manifest_tree *
catalog_list(const struct catalog *catalog)
{
	struct manifest_tree *list = mem_alloc(catalog->count * sizeof(*list));

	assert(catalog->count > 0);
	if (list == NULL)
		return NULL;
	for (size_t i = 0; i < catalog->count; i++)
		list[i] = catalog->entries[i]->tree;
	qsort(list, catalog->count, sizeof(*list), order_compare);
	return list;
}
