#include "store/manifest_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static int
name_compare(const void *a, const void *b)
{
	const struct manifest_tree *first = a;
	const struct manifest_tree *second = b;
	size_t common = first->name_bytes < second->name_bytes ? first->name_bytes : second->name_bytes;
	int order = memcmp(first->name, second->name, common);

	return order != 0 ? order : (first->name_bytes > second->name_bytes) - (first->name_bytes < second->name_bytes);
}

static int
id_compare(const void *a, const void *b)
{
	const struct manifest_tree *first = a;
	const struct manifest_tree *second = b;

	return (first->id > second->id) - (first->id < second->id);
}

/* `all` is scratch for all of them; a name may be staged beside its live tree, an id may not. */
static int
check_lists(struct source *source, const struct manifest *manifest, struct manifest_tree *all)
{
	size_t count = manifest->count + manifest->staged_count;

	if (manifest->count > 0)
		memcpy(all, manifest->trees, manifest->count * sizeof(*all));
	qsort(all, manifest->count, sizeof(*all), name_compare);
	for (size_t i = 1; i < manifest->count; i++) {
		if (name_compare(&all[i - 1], &all[i]) == 0)
			return source_fault(source, source_offset(source), "one tree is listed twice");
	}
	if (manifest->staged_count > 0)
		memcpy(all + manifest->count, manifest->staged, manifest->staged_count * sizeof(*all));
	qsort(all, count, sizeof(*all), id_compare);
	for (size_t i = 1; i < count; i++) {
		if (all[i].id != 0 && all[i - 1].id == all[i].id)
			return source_fault(source, source_offset(source), "two trees have one id");
	}
	return 0;
}

int
manifest_check(struct source *source, const struct manifest *manifest)
{
	struct manifest_tree *all;
	size_t count = manifest->count + manifest->staged_count;

	if (count == 0)
		return 0;
	all = mem_alloc(count * sizeof(*all));
	if (all == NULL)
		return source_error(source, ENOMEM, "reading");
	int r = check_lists(source, manifest, all);

	mem_free(all);
	return r;
}
