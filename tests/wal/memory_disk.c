#include "wal/memory_disk.h"

#include <string.h>

#include "wal/random.h"

/* ---- names ---- */

int
memory_name_find(const struct memory_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->names[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

static void
name_remove(struct memory_names *names, const char *name)
{
	int at = memory_name_find(names, name);

	if (at >= 0)
		names->names[at] = names->names[--names->count];
}

static void
name_put(struct memory_names *names, const char *name, int file)
{
	MUST(strlen(name) < MEMORY_NAME_MAX);
	name_remove(names, name);
	names->names = realloc(names->names, (names->count + 1) * sizeof(*names->names));
	MUST(names->names != NULL);
	struct memory_name *to = &names->names[names->count++];

	memcpy(to->name, name, strlen(name) + 1);
	to->file = file;
}

void
memory_names_copy(struct memory_names *to, const struct memory_names *from)
{
	to->count = 0;
	for (size_t i = 0; i < from->count; i++)
		name_put(to, from->names[i].name, from->names[i].file);
}

static void
change_apply(struct memory_names *names, const struct memory_change *change)
{
	name_remove(names, change->from);
	if (change->kind != MEMORY_REMOVE)
		name_put(names, change->to, change->file);
}

void
memory_change_add(struct memory_device *memory, enum memory_call kind, const char *from, const char *to, int file)
{
	MUST(memory->change_count < MEMORY_CHANGES_MAX);
	struct memory_change *change = &memory->changes[memory->change_count++];

	*change = (struct memory_change){ .kind = kind, .file = file };
	(void)snprintf(change->from, sizeof(change->from), "%s", from);
	(void)snprintf(change->to, sizeof(change->to), "%s", to);
	change_apply(&memory->now, change);
}

/* ---- files ---- */

static void *
grown(void *data, uint64_t from, uint64_t to)
{
	uint8_t *larger = realloc(data, to);

	MUST(larger != NULL);
	memset(larger + from, 0, to - from);
	return larger;
}

void
memory_file_grow(struct memory_file *file, uint64_t bytes)
{
	if (bytes > file->capacity) {
		uint64_t capacity = (bytes + bytes / 2 + MEMORY_SECTOR) & ~(uint64_t)(MEMORY_SECTOR - 1);

		file->data = grown(file->data, file->capacity, capacity);
		file->durable = grown(file->durable, file->capacity, capacity);
		file->dirty = grown(file->dirty, file->capacity / MEMORY_SECTOR, capacity / MEMORY_SECTOR);
		file->capacity = capacity;
	}
	if (bytes > file->bytes)
		file->bytes = bytes;
}

/* The size gets to the disk with the next sync, or at a crash, as it is. */
void
memory_file_cut(struct memory_file *file, uint64_t bytes)
{
	if (bytes >= file->bytes)
		return;
	memset(file->data + bytes, 0, file->bytes - bytes);
	memset(file->durable + bytes, 0, file->bytes - bytes);
	file->bytes = bytes;
	file->synced = false;
}

void
memory_file_write(struct memory_file *file, const void *data, size_t bytes, uint64_t offset)
{
	uint64_t first = offset / MEMORY_SECTOR;
	uint64_t end = (offset + bytes + MEMORY_SECTOR - 1) / MEMORY_SECTOR;

	memory_file_grow(file, offset + bytes);
	memcpy(file->data + offset, data, bytes);
	memset(file->dirty + first, 1, end - first);
	if (file->dirty_end == 0 || first < file->dirty_first)
		file->dirty_first = first;
	if (end > file->dirty_end)
		file->dirty_end = end;
	file->synced = false;
}

/* Sectors go to the disk for which keep says so; the rest is as it was there before. */
void
memory_file_settle(struct memory_file *file, int keep_percent, uint64_t *random)
{
	for (uint64_t i = file->dirty_first; i < file->dirty_end; i++) {
		if (!file->dirty[i])
			continue;
		if (keep_percent >= 100 || (keep_percent > 0 && random_below(random, 100) < (uint64_t)keep_percent))
			memcpy(file->durable + i * MEMORY_SECTOR, file->data + i * MEMORY_SECTOR, MEMORY_SECTOR);
		file->dirty[i] = 0;
	}
	if (keep_percent >= 100 || (keep_percent > 0 && random_below(random, 2) == 0))
		file->durable_bytes = file->bytes;
	file->dirty_first = file->dirty_end = 0;
}

int
memory_file_new(struct memory_device *memory)
{
	MUST(memory->file_count < MEMORY_FILES_MAX);
	memset(&memory->files[memory->file_count], 0, sizeof(struct memory_file));
	return memory->file_count++;
}

/* ---- what tests call ---- */

struct memory_file *
memory_device_file(struct memory_device *memory, const char *name)
{
	int at = memory_name_find(&memory->now, name);

	return at < 0 ? NULL : &memory->files[memory->now.names[at].file];
}

void
memory_device_store(struct memory_device *memory)
{
	for (int i = 0; i < memory->file_count; i++) {
		struct memory_file *file = &memory->files[i];

		memory_file_settle(file, 100, NULL);
		if (file->capacity > 0)
			memcpy(file->durable, file->data, file->capacity);
	}
}

void
memory_device_put(struct memory_device *memory, const char *name, const void *data, size_t bytes)
{
	struct memory_file *file = memory_device_file(memory, name);

	if (file == NULL) {
		int at = memory_file_new(memory);

		name_put(&memory->now, name, at);
		name_put(&memory->durable, name, at);
		file = &memory->files[at];
	}
	if (file->bytes > bytes)
		memset(file->data + bytes, 0, file->bytes - bytes);
	file->bytes = 0;
	if (bytes > 0)
		memory_file_write(file, data, bytes, 0);
	memory_file_settle(file, 100, NULL);
	if (file->capacity > 0)
		memcpy(file->durable, file->data, file->capacity);
	file->allocated = bytes;
	file->synced = false;
}

void
memory_file_forget(struct memory_file *file)
{
	file->bytes = file->durable_bytes;
	if (file->capacity > 0) {
		/* Behind the end there is nothing, also when the file grows again. */
		memset(file->durable + file->bytes, 0, file->capacity - file->bytes);
		memcpy(file->data, file->durable, file->capacity);
	}
}

static void
crash(struct memory_device *memory, size_t changes_kept, int keep_percent)
{
	for (int i = 0; i < memory->file_count; i++) {
		struct memory_file *file = &memory->files[i];

		memory_file_settle(file, keep_percent, &memory->random);
		memory_file_forget(file);
		file->opened = 0;
	}
	for (size_t i = 0; i < changes_kept; i++)
		change_apply(&memory->durable, &memory->changes[i]);
	memory_names_copy(&memory->now, &memory->durable);
	memory->change_count = 0;
}

void
memory_device_crash(struct memory_device *memory)
{
	static const int percents[] = { 0, 10, 50, 90, 100 };
	int percent = percents[random_below(&memory->random, sizeof(percents) / sizeof(*percents))];

	crash(memory, (size_t)random_below(&memory->random, memory->change_count + 1), percent);
}

void
memory_device_crash_all(struct memory_device *memory, bool keep)
{
	crash(memory, keep ? memory->change_count : 0, keep ? 100 : 0);
}
