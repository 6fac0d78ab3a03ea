#include "wal/memory_device.h"

#include <errno.h>
#include <string.h>

#include "wal/memory_disk.h"
#include "wal/random.h"

/* ---- the calls ---- */

/* Counts the call; locked on return. 0 or the error that it is to end with. */
static int
enter(struct memory_device *memory, enum memory_call call, const char *name)
{
	if (memory->before != NULL)
		memory->before(memory->before_context, call, name);
	MUST(pthread_mutex_lock(&memory->lock) == 0);
	memory->calls[call]++;
	if (memory->fault[call].countdown == 0)
		return 0;
	if (memory->fault[call].countdown > 1) {
		memory->fault[call].countdown--;
		return 0;
	}
	if (!memory->fault[call].forever)
		memory->fault[call].countdown = 0;
	return memory->fault[call].error;
}

static ssize_t
leave(struct memory_device *memory, ssize_t r)
{
	MUST(pthread_mutex_unlock(&memory->lock) == 0);
	return r;
}

static struct memory_file *
opened(struct memory_device *memory, int file)
{
	MUST(file >= 0 && file < memory->file_count && memory->files[file].opened > 0);
	return &memory->files[file];
}

static int
memory_open(void *context, const char *name, bool create)
{
	struct memory_device *memory = context;
	int r = enter(memory, MEMORY_OPEN, name);

	if (r == 0) {
		int at = memory_name_find(&memory->now, name);

		if (at < 0 && create) {
			memory_change_add(memory, MEMORY_OPEN, name, name, memory_file_new(memory));
			at = memory_name_find(&memory->now, name);
		}
		r = at < 0 ? -ENOENT : memory->now.names[at].file;
		if (r >= 0)
			memory->files[r].opened++;
	}
	return (int)leave(memory, r);
}

static void
memory_close(void *context, int file)
{
	struct memory_device *memory = context;

	MUST(pthread_mutex_lock(&memory->lock) == 0);
	opened(memory, file)->opened--;
	(void)leave(memory, 0);
}

static int
memory_size(void *context, int file, uint64_t *ret_bytes)
{
	struct memory_device *memory = context;
	int r = enter(memory, MEMORY_SIZE, NULL);

	if (r == 0)
		*ret_bytes = opened(memory, file)->bytes;
	return (int)leave(memory, r);
}

static ssize_t
memory_read(void *context, int handle, void *data, size_t bytes, uint64_t offset)
{
	struct memory_device *memory = context;
	ssize_t r = enter(memory, MEMORY_READ, NULL);

	if (r == 0) {
		struct memory_file *file = opened(memory, handle);
		uint64_t rest = offset < file->bytes ? file->bytes - offset : 0;
		size_t done = bytes < rest ? bytes : (size_t)rest;

		if (memory->short_transfers && done > 1)
			done = 1 + (size_t)random_below(&memory->random, done);
		if (done > 0)
			memcpy(data, file->data + offset, done);
		r = (ssize_t)done;
	}
	return leave(memory, r);
}

/* How many of bytes there is room for; what is allocated already is taken in any case. */
static uint64_t
take_room(struct memory_device *memory, struct memory_file *file, uint64_t offset, uint64_t bytes)
{
	if (offset + bytes <= file->allocated)
		return bytes;
	uint64_t more = offset + bytes - file->allocated;

	if (more > memory->room) {
		uint64_t end = file->allocated + memory->room;

		bytes = end > offset ? end - offset : 0;
		more = bytes > 0 ? memory->room : 0;
	}
	if (memory->room != UINT64_MAX)
		memory->room -= more;
	file->allocated += more;
	return bytes;
}

static size_t
pieces_bytes(const struct iovec *pieces, int count)
{
	size_t bytes = 0;

	for (int i = 0; i < count; i++)
		bytes += pieces[i].iov_len;
	return bytes;
}

static ssize_t
memory_write(void *context, int handle, const struct iovec *pieces, int count, uint64_t offset)
{
	struct memory_device *memory = context;
	ssize_t r = enter(memory, MEMORY_WRITE, NULL);

	if (r == 0) {
		struct memory_file *file = opened(memory, handle);
		size_t wanted = pieces_bytes(pieces, count);
		size_t done = (size_t)take_room(memory, file, offset, wanted);

		if (memory->short_transfers && done > 1)
			done = 1 + (size_t)random_below(&memory->random, done);
		r = done == 0 && wanted > 0 ? -ENOSPC : (ssize_t)done;
		for (int i = 0; done > 0; i++) {
			size_t bytes = pieces[i].iov_len < done ? pieces[i].iov_len : done;

			if (bytes > 0)
				memory_file_write(file, pieces[i].iov_base, bytes, offset);
			offset += bytes;
			done -= bytes;
		}
	}
	return leave(memory, r);
}

static int
memory_sync(void *context, int handle)
{
	struct memory_device *memory = context;
	int r = enter(memory, MEMORY_SYNC, NULL);

	if (r == 0) {
		memory_file_settle(opened(memory, handle), 100, &memory->random);
		memory->files[handle].synced = true;
	} else if (!memory->fault[MEMORY_SYNC].forever) {
		/* Part of it got there; the rest is clean from now on, as readers see it and the disk does not. */
		memory_file_settle(opened(memory, handle), 50, &memory->random);
	}
	return (int)leave(memory, r);
}

static int
memory_direct(void *context, int handle, bool on)
{
	struct memory_device *memory = context;

	MUST(pthread_mutex_lock(&memory->lock) == 0);
	(void)opened(memory, handle);
	return (int)leave(memory, on && !memory->direct ? -EINVAL : 0);
}

/* As a write and a sync, so a crash in between leaves any part of it. It asserts what a real device would refuse. */
static int
memory_write_through(void *context, int handle, const struct iovec *pieces, int count, uint64_t offset)
{
	struct memory_device *memory = context;
	bool short_transfers = memory->short_transfers;

	MUST(offset % WAL_DIRECT_BYTES == 0);
	for (int i = 0; i < count; i++)
		MUST((uintptr_t)pieces[i].iov_base % WAL_DIRECT_BYTES == 0 &&
		     pieces[i].iov_len % WAL_DIRECT_BYTES == 0);
	memory->short_transfers = false;
	ssize_t r = memory_write(context, handle, pieces, count, offset);

	memory->short_transfers = short_transfers;
	return r < 0 ? (int)r : memory_sync(context, handle);
}

static int
memory_reread(void *context, int handle)
{
	struct memory_device *memory = context;
	int r = memory_sync(context, handle);

	MUST(pthread_mutex_lock(&memory->lock) == 0);
	if (r == 0)
		memory_file_forget(opened(memory, handle));
	return (int)leave(memory, r);
}

static int
memory_push(void *context, int handle, uint64_t offset, uint64_t bytes)
{
	struct memory_device *memory = context;
	int r = enter(memory, MEMORY_PUSH, NULL);

	(void)offset;
	(void)bytes;
	(void)opened(memory, handle);
	return (int)leave(memory, r);
}

static int
memory_allocate(void *context, int handle, uint64_t bytes)
{
	struct memory_device *memory = context;
	int r = enter(memory, MEMORY_ALLOCATE, NULL);

	if (r == 0) {
		struct memory_file *file = opened(memory, handle);

		if (bytes > file->allocated && bytes - file->allocated > memory->room)
			r = -ENOSPC;
		else if (take_room(memory, file, 0, bytes) == bytes)
			memory_file_grow(file, bytes);
	}
	return (int)leave(memory, r);
}

static int
memory_truncate(void *context, int handle, uint64_t bytes)
{
	struct memory_device *memory = context;
	int r = enter(memory, MEMORY_TRUNCATE, NULL);

	if (r == 0) {
		struct memory_file *file = opened(memory, handle);

		memory_file_cut(file, bytes);
		if (memory->room != UINT64_MAX && file->allocated > bytes)
			memory->room += file->allocated - bytes;
		if (file->allocated > bytes)
			file->allocated = bytes;
	}
	return (int)leave(memory, r);
}

static int
memory_rename(void *context, const char *from, const char *to)
{
	struct memory_device *memory = context;
	int r = enter(memory, MEMORY_RENAME, from);
	int at = r == 0 ? memory_name_find(&memory->now, from) : -1;

	if (r == 0 && at < 0)
		r = -ENOENT;
	if (r == 0)
		memory_change_add(memory, MEMORY_RENAME, from, to, memory->now.names[at].file);
	return (int)leave(memory, r);
}

static int
memory_remove(void *context, const char *name)
{
	struct memory_device *memory = context;
	int r = enter(memory, MEMORY_REMOVE, name);
	int at = r == 0 ? memory_name_find(&memory->now, name) : -1;

	if (r == 0 && at < 0)
		r = -ENOENT;
	if (r == 0) {
		struct memory_file *file = &memory->files[memory->now.names[at].file];

		if (memory->room != UINT64_MAX)
			memory->room += file->allocated;
		file->allocated = 0;
		memory_change_add(memory, MEMORY_REMOVE, name, "", 0);
	}
	return (int)leave(memory, r);
}

static int
memory_sync_directory(void *context)
{
	struct memory_device *memory = context;
	int r = enter(memory, MEMORY_SYNC_DIRECTORY, NULL);

	if (r == 0) {
		memory_names_copy(&memory->durable, &memory->now);
		memory->change_count = 0;
	}
	return (int)leave(memory, r);
}

/* The visitor runs without the lock, on a copy. */
static int
memory_list(void *context, wal_name_fn *visit, void *visit_context)
{
	struct memory_device *memory = context;
	struct memory_names names = { 0 };
	int r = enter(memory, MEMORY_LIST, NULL);

	memory_names_copy(&names, &memory->now);
	(void)leave(memory, 0);
	for (size_t i = 0; i < names.count && r == 0; i++)
		r = visit(visit_context, names.names[i].name);
	free(names.names);
	return r;
}

/* ---- what tests call ---- */

struct memory_device *
memory_device_create(uint64_t seed)
{
	struct memory_device *memory = calloc(1, sizeof(*memory));

	MUST(memory != NULL && pthread_mutex_init(&memory->lock, NULL) == 0);
	memory->random = seed;
	memory->room = UINT64_MAX;
	return memory;
}

void
memory_device_destroy(struct memory_device *memory)
{
	if (memory == NULL)
		return;
	for (int i = 0; i < memory->file_count; i++) {
		free(memory->files[i].data);
		free(memory->files[i].durable);
		free(memory->files[i].dirty);
	}
	free(memory->now.names);
	free(memory->durable.names);
	(void)pthread_mutex_destroy(&memory->lock);
	free(memory);
}

struct wal_device
memory_device_wal(struct memory_device *memory)
{
	return (struct wal_device){
		.context = memory,
		.open = memory_open,
		.close = memory_close,
		.size = memory_size,
		.read = memory_read,
		.write = memory_write,
		.sync = memory_sync,
		.direct = memory_direct,
		.write_through = memory_write_through,
		.reread = memory_reread,
		.push = memory_push,
		.allocate = memory_allocate,
		.truncate = memory_truncate,
		.rename = memory_rename,
		.remove = memory_remove,
		.sync_directory = memory_sync_directory,
		.list = memory_list,
	};
}

int
memory_device_opened(struct memory_device *memory)
{
	int count = 0;

	for (int i = 0; i < memory->file_count; i++)
		count += memory->files[i].opened;
	return count;
}
