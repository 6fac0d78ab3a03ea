/*
 * rest.h - what stands behind the end of a chain
 *
 * A chain ends where nothing was written yet, where the last write was torn, or at damage. Which one, only what stands behind
 * can tell: whole blocks of the same segment say which epochs were known to be synced when they were written.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wal/block.h"
#include "wal/window.h"

struct wal_rest {
	/* In: where to look. */
	uint8_t identity[WAL_IDENTITY_BYTES];
	uint64_t sequence_min, sequence_max; /* of blocks that are of interest */
	uint64_t from, to;                   /* offsets; from is a multiple of 8 */
	bool zeros;                          /* the file had only zeros there before */

	/* Out. */
	uint64_t end;    /* behind the last that is told to be of the segment; `from`: nothing is */
	uint64_t blocks; /* whole ones */
	uint64_t synced; /* the highest claim */
	uint64_t epoch;  /* the highest of a block */
	uint64_t sequence;
};

/* Finds whole blocks by their magic, in steps of eight bytes. 0 or negative errno. */
int wal_rest_scan(struct wal_window *window, struct wal_rest *rest);

/*
 * Where a chain ends: is there a header, perhaps torn, of the block that would be next? Moves rest->end behind that block, as far
 * as its header tells. 0 or negative errno.
 */
int wal_rest_torn(struct wal_window *window, const struct wal_position *position, struct wal_rest *rest);
