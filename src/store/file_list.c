#include "store/file_list.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "snapshot/dump_file.h"
#include "store/files.h"

struct list_build {
	struct file_list *list;
	size_t capacity;
};

static int
list_add(void *context, int directory_fd, const struct dirent *entry)
{
	struct list_build *build = context;
	struct file_list *list = build->list;
	const char *name = entry->d_name;
	struct file_entry added;

	if (!dump_name_split(name, &added.stamp, &added.part, &added.part_bytes) || !utf8_valid(name, strlen(name)) ||
	    !directory_is_file(directory_fd, entry))
		return 0;
	if (list->count == build->capacity) {
		size_t capacity = build->capacity > 0 ? 2 * build->capacity : 64;
		struct file_entry *entries = mem_realloc(list->entries, capacity * sizeof(*entries));

		if (entries == NULL)
			return -ENOMEM;
		list->entries = entries;
		build->capacity = capacity;
	}
	size_t bytes = strlen(name) + 1;

	added.file = mem_alloc(bytes);
	if (added.file == NULL)
		return -ENOMEM;
	memcpy(added.file, name, bytes);
	added.part = added.file + (added.part - name);
	list->entries[list->count++] = added;
	return 0;
}

static int
part_compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
	int order = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);

	return order != 0 ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

static int
entry_compare(const void *a, const void *b)
{
	const struct file_entry *first = a;
	const struct file_entry *second = b;
	int order = part_compare(first->part, first->part_bytes, second->part, second->part_bytes);

	if (order != 0)
		return order;
	if (first->stamp != second->stamp)
		return first->stamp > second->stamp ? -1 : 1;
	return strcmp(first->file, second->file); /* leading zeros */
}

int
file_list_read(int directory_fd, struct file_list *ret_list)
{
	struct list_build build = { .list = ret_list };

	*ret_list = (struct file_list){ 0 };
	int r = directory_each(directory_fd, list_add, &build);

	if (r < 0) {
		file_list_deinit(ret_list);
		return r;
	}
	if (ret_list->count > 0)
		qsort(ret_list->entries, ret_list->count, sizeof(*ret_list->entries), entry_compare);
	return 0;
}

void
file_list_deinit(struct file_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		mem_free(list->entries[i].file);
	mem_free(list->entries);
	*list = (struct file_list){ 0 };
}

static int
stamp_compare(const void *a, const void *b)
{
	const struct file_entry *first = a;
	const struct file_entry *second = b;

	if (first->stamp != second->stamp)
		return first->stamp > second->stamp ? -1 : 1;
	return strcmp(first->file, second->file);
}

int
file_list_names(int directory_fd, char ***ret_names, size_t *ret_count)
{
	struct file_list list;
	int r = file_list_read(directory_fd, &list);

	if (r < 0)
		return r;
	char **names = mem_alloc((list.count + 1) * sizeof(char *));

	if (names == NULL) {
		file_list_deinit(&list);
		return -ENOMEM;
	}
	if (list.count > 0)
		qsort(list.entries, list.count, sizeof(*list.entries), stamp_compare);
	for (size_t i = 0; i < list.count; i++)
		names[i] = list.entries[i].file;
	mem_free(list.entries); /* the names go to the caller */
	*ret_names = names;
	*ret_count = list.count;
	return 0;
}

size_t
file_list_part_end(const struct file_list *list, size_t first)
{
	const struct file_entry *entry = &list->entries[first];
	size_t end = first + 1;

	assert(first < list->count);
	while (end < list->count && part_compare(entry->part, entry->part_bytes, list->entries[end].part,
	                                         list->entries[end].part_bytes) == 0)
		end++;
	return end;
}

bool
file_list_stamp(const struct file_list *list, const char *tree, size_t tree_bytes, uint64_t *ret_stamp)
{
	char file[DUMP_FILE_NAME_MAX + 1];
	uint64_t ignored;
	const char *part = NULL;
	size_t part_bytes = 0;
	size_t low = 0;
	size_t high = list->count;

	dump_name_encode(0, tree, tree_bytes, file);
	bool split = dump_name_split(file, &ignored, &part, &part_bytes);

	assert(split);
	(void)split;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct file_entry *entry = &list->entries[middle];

		if (part_compare(entry->part, entry->part_bytes, part, part_bytes) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == list->count ||
	    part_compare(list->entries[low].part, list->entries[low].part_bytes, part, part_bytes) != 0)
		return false;
	*ret_stamp = list->entries[low].stamp;
	return true;
}
