/*
 * hand_log.h - logs made by hand, and what recovery makes of them
 *
 * The log is built block by block in a memory device; the kit knows which blocks it wrote where, so a test can say which of
 * them are to be seen. What fails inside fails the test.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "wal/memory_device.h"
#include "wal/recover.h"

enum { HAND_BLOCKS_MAX = 256, HAND_SEGMENTS_MAX = 32, HAND_TODAY = 20261124 };

struct hand_block {
	uint64_t sequence;
	uint64_t offset, end;
	uint64_t epoch;
	uint64_t checksum;
};

struct hand_segment {
	char name[64];
	uint64_t sequence;
	size_t bytes; /* of the file */
	size_t end;   /* of what was written */
};

struct hand_log {
	struct memory_device *memory;
	uint8_t identity[WAL_IDENTITY_BYTES];
	struct wal_position position; /* where the next block or segment goes on from */
	uint64_t epoch;               /* of the next block */
	uint64_t synced;              /* what the next block or header says */
	bool syncs;                   /* each block is synced before the next is written */
	uint64_t random;
	uint8_t *file; /* of the segment being written */

	struct hand_segment segments[HAND_SEGMENTS_MAX];
	size_t segment_count;
	struct hand_block blocks[HAND_BLOCKS_MAX];
	size_t block_count;

	/* Of the last recovery. */
	struct wal_recover_options options; /* for the next one */
	struct wal_recovered recovered;
	struct wal_fault fault;
	size_t seen_count;
	size_t stop_at; /* the visitor returns 77 at this block, counted from 1; 0: never */
};

/* cmocka's setup and teardown; *state is the log: empty, syncs is set. */
int hand_setup(void **state);
int hand_teardown(void **state);

/*
 * Begins a segment that goes on where the one before ends. reused: behind what will be written stand whole blocks of an earlier
 * use, with the same identity and lower sequence and epochs. The file is in the device at once, and after each block.
 */
void hand_segment(struct hand_log *log, uint64_t sequence, size_t file_bytes, bool reused);

/* Appends a block of random records. */
void hand_block(struct hand_log *log, size_t payload_bytes);

/* Blocks from `count` on are forgotten: they are on the disk but are not to be seen. The next segment names the one before. */
void hand_accept(struct hand_log *log, size_t count);

/* Three segments, the last two reused, with seven blocks. */
void hand_usual(struct hand_log *log);

/* The present bytes of a segment's file, by index. */
struct memory_file *hand_file(struct hand_log *log, size_t index);

/* Runs recovery. What the visitor sees must be the log's first blocks. */
int hand_recover(struct hand_log *log);

/* All of it in one: 0, so many blocks seen, and the end is told right. cut: something was cut. */
void hand_expect(struct hand_log *log, size_t blocks, bool cut);

/* -EBADMSG, nothing seen, and the fault begins with `text`. */
void hand_expect_damage(struct hand_log *log, const char *text);
