/*
 * log_kit.h - a log on a disk in memory, without threads, and what it says when it is read back
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdbool.h>

#include "epoch/epoch.h"
#include "wal/memory_device.h"
#include "wal/recover.h"
#include "wal/wal.h"
#include "wal/wal_internal.h"

enum { LOG_KIT_WRITER_BYTES = 1000, LOG_KIT_WRITERS = 3, LOG_KIT_TODAY = 20240229, LOG_KIT_BLOCKS_MAX = 4096 };

struct log_kit {
	struct memory_device *memory;
	struct wal_options options; /* may be changed before log_kit_open() */
	struct wal *wal;
	struct epoch_worker *worker;
	_Atomic uint64_t epoch; /* the word that tags are loaded from */
	unsigned grown;
	unsigned states_said;
	enum wal_state state_said;
	int error_said;
};

/* A fresh disk, options of a small log with fsync=true that begins with epoch 10 and sequence 5. */
void log_kit_begin(struct log_kit *kit);
void log_kit_open(struct log_kit *kit);
void log_kit_close(struct log_kit *kit); /* the log alone */
void log_kit_end(struct log_kit *kit);

/* Counts calls, for wake(). */
void log_kit_wake(void *count);

struct wal_writer *log_kit_writer(struct log_kit *kit, unsigned *woken);

/* One group of `records` plain adds to key, in a section of its own. Returns its tag. */
uint64_t log_kit_append(struct log_kit *kit, struct wal_writer *writer, uint64_t key, unsigned records);

/* Appends groups until there is no room for another of the most bytes. */
uint64_t log_kit_fill(struct log_kit *kit, struct wal_writer *writer, uint64_t key);

/* What recovery finds. */
struct log_kit_block {
	struct wal_block_header header;
	uint64_t keys_sum; /* of all records */
	unsigned records;
	unsigned groups;
};
struct log_kit_read {
	struct wal_recovered recovered;
	size_t count;
	struct log_kit_block blocks[LOG_KIT_BLOCKS_MAX];
};
/* From sequence_first on; every group must be whole. To be freed. */
struct log_kit_read *log_kit_read(struct log_kit *kit, uint64_t sequence_first);

/* The header of a segment's file. */
struct wal_segment_header log_kit_header(struct log_kit *kit, uint64_t sequence);
