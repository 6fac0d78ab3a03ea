/*
 * chain.h - walking one segment along its chain of checksums
 *
 * A block belongs to the chain when it stands where the one before ends, carries that one's checksum, identity and sequence of
 * the segment and a higher epoch, is inside the file, and is whole. Old blocks of a file's earlier use have a lower sequence.
 * One thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "wal/block.h"
#include "wal/device.h"
#include "wal/window.h"

struct wal_chain {
	struct wal_window window;
	struct wal_segment_header header;
	struct wal_position position;  /* where it ends so far */
	struct wal_block_header block; /* the last one, and its payload until the next call */
	const uint8_t *payload;
};

/* Zeros before the first time. 0, -EBADMSG: no valid header, or negative errno. device and file are borrowed. */
int wal_chain_open(struct wal_chain *chain, const struct wal_device *device, int file);

/* 1: one block more. 0: the chain ends. Or negative errno. */
int wal_chain_next(struct wal_chain *chain);

void wal_chain_deinit(struct wal_chain *chain);
