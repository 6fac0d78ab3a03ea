/*
 * files.c - the files of the log's directory: needed, spare, or somebody else's
 *
 * A segment that is no longer needed is kept as a spare, two at most: writing into a file whose blocks exist already is
 * twice as fast to sync as into one where they are only reserved. A spare keeps its bytes; what a new header does not lead to
 * does not count, so nothing is wiped.
 *
 * Names follow sequences, but only headers count: a spare that was renamed for use and then not used, because of a crash, has
 * a name above its header. It is recycled when its header's sequence is not needed, and until then its name is left alone.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "wal/recover.h"
#include "wal/wal_internal.h"

enum { NAME_BYTES = 64, DECIMAL = 10, NEEDED_CAPACITY_FIRST = 16 };

static void
spare_name(uint64_t number, char ret[NAME_BYTES])
{
	(void)snprintf(ret, NAME_BYTES, "karma-spare-%020llu.wal", (unsigned long long)number);
}

/* The digits of both kinds of names. */
static uint64_t
name_number(const char *name)
{
	return strtoull(name + strcspn(name, "0123456789"), NULL, DECIMAL);
}

/* ---- the list ---- */

int
wal_needed_reserve(struct wal_files *files)
{
	if (files->needed_count < files->needed_capacity)
		return 0;
	size_t capacity = files->needed_capacity > 0 ? 2 * files->needed_capacity : NEEDED_CAPACITY_FIRST;
	struct wal_needed *needed = mem_realloc(files->needed, capacity * sizeof(*needed));

	if (needed == NULL)
		return -ENOMEM;
	files->needed = needed;
	files->needed_capacity = capacity;
	return 0;
}

void
wal_needed_add(struct wal_files *files, const char *name, uint64_t sequence, uint64_t bytes)
{
	assert(files->needed_count < files->needed_capacity);
	struct wal_needed *needed = &files->needed[files->needed_count++];

	*needed = (struct wal_needed){ .sequence = sequence, .bytes = bytes };
	(void)snprintf(needed->name, sizeof(needed->name), "%s", name);
}

/* Under files_lock. What fails leaves a file behind, which a later start finds. */
static void
recycle(struct wal *wal, const char *name, uint64_t number)
{
	const struct wal_device *device = &wal->options.device;
	char spare[NAME_BYTES];

	if (wal->files.spares_count == WAL_SPARES_MAX) {
		(void)device->remove(device->context, name);
		return;
	}
	spare_name(number, spare);
	if (device->rename(device->context, name, spare) == 0)
		wal->files.spares[wal->files.spares_count++] = number;
}

/* ---- what a start finds ---- */

static int
name_collect(void *context, const char *name)
{
	struct wal_files *files = context;

	if (strlen(name) >= NAME_BYTES || (!wal_name_is_segment(name) && !wal_name_is_spare(name)))
		return 0;
	int r = wal_needed_reserve(files);

	if (r == 0)
		wal_needed_add(files, name, name_number(name), 0);
	return r;
}

/* Reads as much of a header as there is; the rest is zeros. */
static int
header_read(const struct wal_device *device, int file, uint8_t data[WAL_HEADER_BYTES])
{
	size_t bytes = 0;

	memset(data, 0, WAL_HEADER_BYTES);
	while (bytes < WAL_HEADER_BYTES) {
		ssize_t n = device->read(device->context, file, data + bytes, WAL_HEADER_BYTES - bytes, bytes);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		bytes += (size_t)n;
	}
	return 0;
}

static bool
is_zeros(const uint8_t data[WAL_HEADER_BYTES])
{
	static const uint8_t zeros[WAL_HEADER_BYTES];

	return memcmp(data, zeros, WAL_HEADER_BYTES) == 0;
}

enum use { USE_NEEDED, USE_NONE, USE_FOREIGN };

static enum use
segment_use(const struct wal *wal, const uint8_t data[WAL_HEADER_BYTES], struct wal_needed *segment)
{
	const struct wal_options *options = &wal->options;
	struct wal_segment_header header;

	/* Zeros: prepared and never used. Else a torn one, or a damaged one that somebody may want to look at. */
	if (!wal_segment_header_decode(data, &header))
		return is_zeros(data) ? USE_NONE : USE_NEEDED;
	if (memcmp(header.identity, options->identity, WAL_IDENTITY_BYTES) != 0)
		return USE_FOREIGN;
	segment->sequence = header.sequence;
	if (header.sequence == options->last.sequence)
		segment->bytes = options->last.end;
	return header.sequence < options->sequence_needed ? USE_NONE : USE_NEEDED;
}

/* Sets sequence and bytes of the entry. Returns enum use, or negative errno. */
static int
segment_look(const struct wal *wal, struct wal_needed *segment)
{
	const struct wal_device *device = &wal->options.device;
	uint8_t data[WAL_HEADER_BYTES];
	int file = device->open(device->context, segment->name, false);

	if (file < 0)
		return file;
	int r = device->size(device->context, file, &segment->bytes);

	if (r == 0)
		r = header_read(device, file, data);
	device->close(device->context, file);
	return r < 0 ? r : (int)segment_use(wal, data, segment);
}

static void
spare_found(struct wal *wal, const struct wal_needed *found)
{
	const struct wal_device *device = &wal->options.device;

	if (wal->files.spares_count < WAL_SPARES_MAX)
		wal->files.spares[wal->files.spares_count++] = found->sequence;
	else
		(void)device->remove(device->context, found->name);
}

/* Sorts one of the names found in: true if it stays in the list. Negative errno. */
static int
found_sort(struct wal *wal, struct wal_needed *found)
{
	uint64_t number = name_number(found->name);

	if (wal_name_is_spare(found->name)) {
		spare_found(wal, found);
		return false;
	}
	int use = segment_look(wal, found);

	if (use < 0)
		return use;
	if (use == USE_NONE) {
		recycle(wal, found->name, found->sequence);
		return false;
	}
	if (number >= wal->sequence_next && number < UINT64_MAX)
		wal->sequence_next = number + 1;
	return use == USE_NEEDED;
}

int
wal_files_begin(struct wal *wal)
{
	const struct wal_device *device = &wal->options.device;
	struct wal_files *files = &wal->files;
	int r = device->list(device->context, name_collect, files);
	size_t found = files->needed_count;

	files->needed_count = 0;
	for (size_t i = 0; r >= 0 && i < found; i++) {
		struct wal_needed one = files->needed[i];

		r = found_sort(wal, &one);
		if (r == true) {
			files->needed[files->needed_count++] = one;
			atomic_fetch_add_explicit(&wal->bytes, one.bytes, memory_order_relaxed);
		}
	}
	return r < 0 ? r : 0;
}

void
wal_files_trim(struct wal *wal)
{
	const struct wal_device *device = &wal->options.device;
	const struct wal_position *last = &wal->options.last;

	for (size_t i = 0; i < wal->files.needed_count; i++) {
		const struct wal_needed *needed = &wal->files.needed[i];

		if (last->sequence == 0 || needed->sequence != last->sequence)
			continue;
		int file = device->open(device->context, needed->name, false);

		if (file < 0)
			continue;
		(void)device->truncate(device->context, file, last->end);
		device->close(device->context, file);
	}
}

/* ---- making one ---- */

/* A spare gets the name. If none can, one will be created. */
static void
spare_reuse(struct wal *wal, const char *name)
{
	const struct wal_device *device = &wal->options.device;
	struct wal_files *files = &wal->files;

	while (files->spares_count > 0) {
		char spare[NAME_BYTES];

		spare_name(files->spares[--files->spares_count], spare);
		if (device->rename(device->context, spare, name) == 0)
			return;
	}
}

static int
room_make(struct wal *wal, int file, bool *ret_reused, const char **ret_doing)
{
	const struct wal_device *device = &wal->options.device;
	uint64_t bytes;

	*ret_doing = "size of a segment";
	int r = device->size(device->context, file, &bytes);

	if (r < 0)
		return r;
	*ret_reused = bytes > 0;
	*ret_doing = "allocate a segment";
	r = device->allocate(device->context, file, wal->segment_bytes);
	if (r < 0)
		return r;
	*ret_doing = "sync a new segment";
	r = device->sync(device->context, file);
	if (r < 0)
		return r;
	*ret_doing = "sync the directory";
	return device->sync_directory(device->context);
}

int
wal_file_make(struct wal *wal, uint64_t sequence, struct wal_segment *ret, const char **ret_doing)
{
	const struct wal_device *device = &wal->options.device;
	bool reused = false;
	char name[NAME_BYTES];

	wal_segment_name(sequence, name);
	spare_reuse(wal, name);
	*ret_doing = "create a segment";
	int file = device->open(device->context, name, true);

	if (file < 0)
		return file;
	int r = room_make(wal, file, &reused, ret_doing);

	if (r < 0) {
		device->close(device->context, file);
		(void)device->remove(device->context, name); /* gives back what room it got */
		return r;
	}
	*ret = (struct wal_segment){ .file = file, .reused = reused, .sequence = sequence };
	ret->direct = wal->stage.data != NULL && device->direct(device->context, file, true) == 0;
	return 0;
}

/* ---- forgetting ---- */

/* Under lock. */
static bool
forgotten_take(struct wal_files *files, uint64_t sequence, struct wal_needed *ret)
{
	for (size_t i = 0; i < files->needed_count; i++) {
		if (files->needed[i].sequence < sequence) {
			*ret = files->needed[i];
			files->needed[i] = files->needed[--files->needed_count];
			return true;
		}
	}
	return false;
}

void
wal_forget(struct wal *wal, uint64_t sequence)
{
	struct wal_needed segment;

	(void)pthread_mutex_lock(&wal->files_lock);
	(void)pthread_mutex_lock(&wal->lock);
	while (forgotten_take(&wal->files, sequence, &segment)) {
		(void)pthread_mutex_unlock(&wal->lock);
		atomic_fetch_sub_explicit(&wal->bytes, segment.bytes, memory_order_relaxed);
		recycle(wal, segment.name, segment.sequence);
		(void)pthread_mutex_lock(&wal->lock);
	}
	wal->grown_told =
	    false; /* if it is too large already, because much was written meanwhile, the next commit says so */
	wal->prepare_asked++; /* a full disk may have room now */
	(void)pthread_cond_signal(&wal->prepare);
	(void)pthread_mutex_unlock(&wal->lock);
	(void)pthread_mutex_unlock(&wal->files_lock);
}
