#include "tree_names.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"

/* Where the id is, or belongs. */
static size_t
place_of(const struct tree_names *names, uint64_t id)
{
	size_t low = 0;
	size_t high = names->count;

	if (high > 0 && names->items[high - 1].id < id)
		return high; /* ids count up */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (names->items[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct tree_name *
tree_names_find(const struct tree_names *names, uint64_t id)
{
	size_t place = place_of(names, id);

	return place < names->count && names->items[place].id == id ? &names->items[place] : NULL;
}

static int
insert(struct tree_names *names, size_t place, const struct tree_name *name)
{
	if (names->count == names->capacity) {
		size_t capacity = names->capacity > 0 ? 2 * names->capacity : 64;
		struct tree_name *items = mem_realloc(names->items, capacity * sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		names->items = items;
		names->capacity = capacity;
	}
	memmove(names->items + place + 1, names->items + place, (names->count - place) * sizeof(*name));
	names->items[place] = *name;
	names->count++;
	return 0;
}

int
tree_names_put(struct tree_names *names, uint64_t id, const char *name, size_t bytes)
{
	struct tree_name put = { .id = id, .bytes = bytes, .name = mem_alloc(bytes + 1) };
	size_t place = place_of(names, id);

	if (put.name == NULL)
		return -ENOMEM;
	memcpy(put.name, name, bytes);
	if (place < names->count && names->items[place].id == id) {
		mem_free(names->items[place].name);
		names->items[place] = put;
		return 0;
	}
	int r = insert(names, place, &put);

	if (r < 0)
		mem_free(put.name);
	return r;
}

void
tree_names_deinit(struct tree_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		mem_free(names->items[i].name);
	mem_free(names->items);
	*names = (struct tree_names){ 0 };
}
