/*
 * memory_device.h - a disk in memory, for tests of the log: it can write short, be full, fail, and lose what was not synced
 *
 *   file     the bytes as a reader sees them, and beside them the bytes as they stand on the disk. Unsynced is what differs, by
 *            sectors of 512 bytes; a crash keeps any subset of them, and the old size or the new.
 *   names    as a reader sees them, and as they stand on the disk. A crash keeps any number of the first of the changes
 *            (create, rename, remove) since the directory was synced.
 *
 * A sync that fails writes some of what was unsynced and makes the rest look synced: readers see it, the disk never gets it
 * (but with `forever`, which stands for a process that is dead).
 *
 * A file's sync makes nothing of its name durable. All calls lock, so threads may use the device; fields are set between their
 * calls. What fails inside aborts.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wal/device.h"

enum {
	MEMORY_SECTOR = 512,
	MEMORY_FILES_MAX = 4096, /* also of those that were removed; a handle is an index */
	MEMORY_CHANGES_MAX = 4096,
	MEMORY_NAME_MAX = 64,
};

enum memory_call {
	MEMORY_OPEN,
	MEMORY_SIZE,
	MEMORY_READ,
	MEMORY_WRITE,
	MEMORY_SYNC,
	MEMORY_PUSH,
	MEMORY_ALLOCATE,
	MEMORY_TRUNCATE,
	MEMORY_RENAME,
	MEMORY_REMOVE,
	MEMORY_SYNC_DIRECTORY,
	MEMORY_LIST,
	MEMORY_CALLS,
};

struct memory_file {
	uint8_t *data;
	uint64_t bytes;
	uint8_t *durable; /* of capacity as data */
	uint64_t durable_bytes;
	uint64_t capacity;
	uint8_t *dirty; /* per sector */
	uint64_t dirty_first, dirty_end;
	uint64_t allocated; /* counted against room */
	int opened;
	bool synced; /* since the last write; false also for one never written */
};

struct memory_name {
	char name[MEMORY_NAME_MAX];
	int file;
};

struct memory_names {
	struct memory_name *names;
	size_t count;
};

struct memory_change {
	enum memory_call kind; /* OPEN: created; RENAME; REMOVE */
	char from[MEMORY_NAME_MAX];
	char to[MEMORY_NAME_MAX];
	int file;
};

struct memory_device {
	struct memory_file files[MEMORY_FILES_MAX];
	int file_count;
	struct memory_names now, durable;
	struct memory_change changes[MEMORY_CHANGES_MAX];
	size_t change_count;
	pthread_mutex_t lock;

	/* Set by the test. */
	uint64_t random;      /* state; what is short and what a crash keeps */
	bool direct;          /* files can be written around the cache */
	bool short_transfers; /* reads and writes do any part of what they could */
	uint64_t room;        /* bytes that allocations and writes may take; -ENOSPC beyond. UINT64_MAX at first */
	struct {
		uint64_t countdown; /* the call that fails, 1 the next; 0: none */
		int error;          /* negative errno */
		bool forever;       /* those after it as well */
	} fault[MEMORY_CALLS];
	/* Called before a call does anything, without the lock; name is NULL where there is none. */
	void (*before)(void *context, enum memory_call call, const char *name);
	void *before_context;
	uint64_t calls[MEMORY_CALLS]; /* so far */
};

struct memory_device *memory_device_create(uint64_t seed);
void memory_device_destroy(struct memory_device *memory);

struct wal_device memory_device_wal(struct memory_device *memory);

/* Makes or replaces a file, on the disk at once. */
void memory_device_put(struct memory_device *memory, const char *name, const void *data, size_t bytes);

/* NULL: no such file. Changing its data changes what a reader sees, and, with the second, what the disk has. */
struct memory_file *memory_device_file(struct memory_device *memory, const char *name);
void memory_device_store(struct memory_device *memory);

/* All that was not synced and the changes of names survive or not, as the seed has it. Handles are closed. */
void memory_device_crash(struct memory_device *memory);

/* The same, but nothing, or all, survives. */
void memory_device_crash_all(struct memory_device *memory, bool keep);

/* Open handles: 0 when everybody closed what he opened. */
int memory_device_opened(struct memory_device *memory);
