#include "store/candidates.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/dump_file.h"

static int
name_compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
	int order = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);

	return order != 0 ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

/* Newest, that is highest, first. */
static int
descending(uint64_t a, uint64_t b)
{
	return (a < b) - (a > b);
}

static int
id_order(const void *a, const void *b)
{
	const struct candidate *first = *(const struct candidate *const *)a;
	const struct candidate *second = *(const struct candidate *const *)b;

	if (first->id != second->id)
		return first->id < second->id ? -1 : 1;
	int order = descending(first->generation, second->generation);

	return order != 0 ? order : descending(first->stamp, second->stamp);
}

static int
name_order(const void *a, const void *b)
{
	const struct candidate *first = *(const struct candidate *const *)a;
	const struct candidate *second = *(const struct candidate *const *)b;
	int order = name_compare(first->name, first->name_bytes, second->name, second->name_bytes);

	if (order == 0)
		order = descending(first->stamp, second->stamp);
	return order != 0 ? order : strcmp(first->file, second->file);
}

/* A file whose second object is damaged counts as one of another origin: it is found by name alone. */
static int
candidate_init(struct candidate *candidate, int directory_fd, const uint8_t *identity, const struct file_entry *entry)
{
	struct dump_info info;

	*candidate = (struct candidate){
		.file = entry->file,
		.stamp = entry->stamp,
		.name = entry->part,
		.name_bytes = entry->part_bytes,
	};
	int r = dump_file_info(directory_fd, entry->file, &info);

	if (r < 0)
		return r; /* the disk, not the file: it may be the newest of ours */
	if (r != DUMP_OK || !info.ours)
		return 0;
	candidate->own = memcmp(info.identity, identity, sizeof(info.identity)) == 0;
	candidate->id = info.tree_id;
	candidate->generation = info.generation;
	if (name_compare(info.name, info.name_bytes, candidate->name, candidate->name_bytes) == 0)
		return 0;
	candidate->name_copy = mem_alloc(info.name_bytes + 1);
	if (candidate->name_copy == NULL)
		return -ENOMEM;
	memcpy(candidate->name_copy, info.name, info.name_bytes);
	candidate->name = candidate->name_copy;
	candidate->name_bytes = info.name_bytes;
	return 0;
}

static int
candidates_build(int directory_fd, const uint8_t *identity, struct candidates *candidates)
{
	size_t count = candidates->list.count;

	if (count == 0)
		return 0;
	candidates->items = mem_alloc(count * sizeof(*candidates->items));
	candidates->by_id = mem_alloc(count * sizeof(const struct candidate *));
	candidates->by_name = mem_alloc(count * sizeof(const struct candidate *));
	if (candidates->items == NULL || candidates->by_id == NULL || candidates->by_name == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct candidate *candidate = &candidates->items[i];
		int r = candidate_init(candidate, directory_fd, identity, &candidates->list.entries[i]);

		if (r < 0)
			return r;
		candidates->by_name[candidates->count++] = candidate;
		if (candidate->own)
			candidates->by_id[candidates->own_count++] = candidate;
	}
	qsort(candidates->by_id, candidates->own_count, sizeof(const struct candidate *), id_order);
	qsort(candidates->by_name, count, sizeof(const struct candidate *), name_order);
	return 0;
}

int
candidates_read(int directory_fd, const uint8_t *identity, struct candidates *ret)
{
	*ret = (struct candidates){ 0 };
	int r = file_list_read(directory_fd, &ret->list);

	if (r == 0)
		r = candidates_build(directory_fd, identity, ret);
	if (r < 0)
		candidates_deinit(ret);
	return r;
}

void
candidates_deinit(struct candidates *candidates)
{
	for (size_t i = 0; i < candidates->count; i++)
		mem_free(candidates->items[i].name_copy);
	mem_free(candidates->items);
	mem_free((void *)candidates->by_id);
	mem_free((void *)candidates->by_name);
	file_list_deinit(&candidates->list);
	*candidates = (struct candidates){ 0 };
}

struct candidate_range
candidates_of_id(const struct candidates *candidates, uint64_t id)
{
	struct candidate_range range = { .first = candidates->by_id };
	size_t low = 0;
	size_t high = candidates->own_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (candidates->by_id[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	range.first += low;
	while (low + range.count < candidates->own_count && range.first[range.count]->id == id)
		range.count++;
	return range;
}

struct candidate_range
candidates_at(const struct candidates *candidates, size_t index)
{
	struct candidate_range range = { .first = candidates->by_name + index, .count = 1 };
	const struct candidate *first = range.first[0];

	assert(index < candidates->count);
	while (index + range.count < candidates->count) {
		const struct candidate *next = range.first[range.count];

		if (name_compare(first->name, first->name_bytes, next->name, next->name_bytes) != 0)
			break;
		range.count++;
	}
	return range;
}

struct candidate_range
candidates_of_name(const struct candidates *candidates, const char *name, size_t bytes)
{
	size_t low = 0;
	size_t high = candidates->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct candidate *candidate = candidates->by_name[middle];

		if (name_compare(candidate->name, candidate->name_bytes, name, bytes) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < candidates->count) {
		struct candidate_range range = candidates_at(candidates, low);

		if (name_compare(range.first[0]->name, range.first[0]->name_bytes, name, bytes) == 0)
			return range;
	}
	return (struct candidate_range){ 0 };
}

uint64_t
candidates_id_next(const struct candidates *candidates)
{
	if (candidates->own_count == 0)
		return 0;
	return candidates->by_id[candidates->own_count - 1]->id + 1; /* files hold ids below UINT64_MAX */
}
