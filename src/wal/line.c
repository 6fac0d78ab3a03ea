#include "wal/line.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- files ---- */

struct listing {
	struct wal_line *line;
	size_t capacity;
};

static int
list_name(void *context, const char *name)
{
	struct listing *listing = context;
	struct wal_line *line = listing->line;
	uint64_t number = 0;

	if (!wal_name_sequence(name, &number) && !wal_name_is_spare(name))
		return 0;
	if (line->file_count == listing->capacity) {
		size_t capacity = listing->capacity > 0 ? 2 * listing->capacity : 32;
		struct wal_file *files = mem_realloc(line->files, capacity * sizeof(*files));

		if (files == NULL)
			return -ENOMEM;
		line->files = files;
		listing->capacity = capacity;
	}
	struct wal_file *file = &line->files[line->file_count++];

	*file = (struct wal_file){ .spare = number == 0, .number = number };
	assert(strlen(name) < sizeof(file->name));
	memcpy(file->name, name, strlen(name) + 1);
	return 0;
}

static int
name_compare(const void *a, const void *b)
{
	const struct wal_file *first = a;
	const struct wal_file *second = b;

	return strcmp(first->name, second->name);
}

static int
read_whole(const struct wal_device *device, int file, uint8_t *data, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t r = device->read(device->context, file, data + done, bytes - done, done);

		if (r <= 0)
			return r < 0 ? (int)r : -EIO;
		done += (size_t)r;
	}
	return 0;
}

static int
read_header(const struct wal_device *device, int handle, const uint8_t *identity, struct wal_file *file)
{
	uint8_t data[WAL_HEADER_BYTES];
	int r = device->reread != NULL ? device->reread(device->context, handle) : 0;

	if (r == 0)
		r = device->size(device->context, handle, &file->bytes);
	if (r < 0 || file->bytes < sizeof(data))
		return r;
	r = read_whole(device, handle, data, sizeof(data));
	if (r < 0 || !wal_segment_header_decode(data, &file->header))
		return r;
	file->valid = memcmp(file->header.identity, identity, WAL_IDENTITY_BYTES) == 0 &&
	              file->header.sequence <= WAL_SEQUENCE_MAX;
	file->foreign = !file->valid;
	return 0;
}

int
wal_line_list(struct wal_line *line, const struct wal_device *device, const uint8_t *identity,
              const struct wal_file **ret_file)
{
	struct listing listing = { .line = line };
	int r = device->list(device->context, list_name, &listing);

	*ret_file = NULL;
	if (r < 0)
		return r;
	if (line->file_count > 0)
		qsort(line->files, line->file_count, sizeof(*line->files), name_compare);
	for (size_t i = 0; i < line->file_count; i++) {
		struct wal_file *file = &line->files[i];
		int handle = device->open(device->context, file->name, false);

		*ret_file = file;
		if (handle < 0)
			return handle;
		r = read_header(device, handle, identity, file);
		device->close(device->context, handle);
		if (r < 0)
			return r;
	}
	*ret_file = NULL;
	return 0;
}

/* ---- the line ---- */

/* The valid segment with the highest sequence of at most `most`. Of two with the same, the one that is named so. */
static struct wal_file *
highest(const struct wal_line *line, uint64_t most)
{
	struct wal_file *found = NULL;

	for (size_t i = 0; i < line->file_count; i++) {
		struct wal_file *file = &line->files[i];

		if (!file->valid || file->spare || file->header.sequence > most)
			continue;
		if (found == NULL || file->header.sequence > found->header.sequence ||
		    (file->header.sequence == found->header.sequence && file->number == file->header.sequence))
			found = file;
	}
	return found;
}

static void
reverse(struct wal_file **segments, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		struct wal_file *other = segments[i];

		segments[i] = segments[count - 1 - i];
		segments[count - 1 - i] = other;
	}
}

/* From the newest backwards. A gap leaves what is newer behind it, and the search begins anew below. */
static void
follow(struct wal_line *line, uint64_t sequence_first)
{
	struct wal_file *at = highest(line, UINT64_MAX);
	uint64_t wanted = at != NULL ? at->header.sequence : sequence_first;
	uint64_t wanted_by = 0;

	for (;;) {
		/* What the newest one left does not lead to, or leads past, is the first segment itself. */
		if (wanted < sequence_first)
			wanted = sequence_first;
		at = highest(line, wanted);
		if (at == NULL || at->header.sequence != wanted) {
			line->missing = wanted;
			line->missing_by = wanted_by;
			line->count = 0;
		}
		if (at == NULL || at->header.sequence < sequence_first)
			return;
		at->in_line = true;
		line->segments[line->count_all++] = at;
		line->count++;
		if (at->header.sequence == sequence_first)
			return;
		wanted = at->header.previous.sequence;
		wanted_by = at->header.sequence;
	}
}

int
wal_line_find(struct wal_line *line, uint64_t sequence_first)
{
	assert(sequence_first > 0);
	line->segments = mem_alloc((line->file_count + 1) * sizeof(struct wal_file *));
	if (line->segments == NULL)
		return -ENOMEM;
	follow(line, sequence_first);
	reverse(line->segments, line->count_all);
	return 0;
}

const struct wal_file *
wal_line_named(const struct wal_line *line, uint64_t sequence)
{
	for (size_t i = 0; i < line->file_count; i++) {
		if (line->files[i].number == sequence && !line->files[i].spare)
			return &line->files[i];
	}
	return NULL;
}

void
wal_line_deinit(struct wal_line *line)
{
	mem_free(line->files);
	mem_free(line->segments);
	*line = (struct wal_line){ 0 };
}
