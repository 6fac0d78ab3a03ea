/*
 * line.h - the files of a log, and which of them form the line that recovery follows
 *
 *   karma-…3  ◄── karma-…4      karma-…5       karma-…6        `previous` of each header
 *                    ▲            off the line    │
 *                    └────────────────────────────┘
 *
 * The line goes backwards from the valid header with the highest sequence to the first segment needed. Order comes from
 * headers, not from names; but a name tells which file a missing one would have been.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wal/recover.h"

struct wal_file {
	char name[64];
	bool spare;
	bool valid;      /* header of our identity */
	bool foreign;    /* header of another one: not looked at again */
	bool in_line;    /* also behind a gap */
	uint64_t number; /* of the name; 0 for a spare */
	uint64_t bytes;
	struct wal_segment_header header; /* if valid */
};

struct wal_line {
	struct wal_file *files; /* in order of their names */
	size_t file_count;
	struct wal_file **segments; /* in order of sequence; those from `count` on are behind a gap */
	size_t count;
	size_t count_all;
	uint64_t missing;    /* sequence of the segment that is missing, the lowest such; 0: none */
	uint64_t missing_by; /* sequence of the one that goes on from it; 0: the manifest names it */
};

/*
 * Lists the files and reads their headers. Zeros before. 0, or negative errno and *ret_file names the file, or is NULL when it
 * was the directory. The line is to be deinited in either case.
 */
int wal_line_list(struct wal_line *line, const struct wal_device *device, const uint8_t *identity,
                  const struct wal_file **ret_file);

/* Finds the line down to sequence_first (not 0). 0 or -ENOMEM. */
int wal_line_find(struct wal_line *line, uint64_t sequence_first);

/* The file whose name tells this sequence, or NULL. */
const struct wal_file *wal_line_named(const struct wal_line *line, uint64_t sequence);

void wal_line_deinit(struct wal_line *line);
