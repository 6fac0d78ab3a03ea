/*
 * memory_disk.h - what the memory device is made of: names and bytes, as a reader sees them and as they stand on the disk
 *
 * For memory_device.c alone. The caller holds the lock.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "wal/memory_device.h"

#define MUST(condition)                                                                               \
	do {                                                                                          \
		if (!(condition)) {                                                                   \
			(void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                      \
		}                                                                                     \
	} while (0)

/* Index, or -1. */
int memory_name_find(const struct memory_names *names, const char *name);
void memory_names_copy(struct memory_names *to, const struct memory_names *from);

/* A change of names as readers see them; the disk has it after the next sync of the directory. */
void memory_change_add(struct memory_device *memory, enum memory_call kind, const char *from, const char *to, int file);

/* The handle of a file without a name. */
int memory_file_new(struct memory_device *memory);
void memory_file_grow(struct memory_file *file, uint64_t bytes);
void memory_file_cut(struct memory_file *file, uint64_t bytes); /* what is behind is zeros, on the disk too */
void memory_file_write(struct memory_file *file, const void *data, size_t bytes, uint64_t offset);

/* What readers see is what the disk has. */
void memory_file_forget(struct memory_file *file);

/* So many of a hundred unsynced sectors go to the disk; the others stay there as they were. */
void memory_file_settle(struct memory_file *file, int keep_percent, uint64_t *random);
