/*
 * log_read.h - the log of a directory as a start would replay it, also while a server writes it
 *
 * What is being written can look like damage: a block that was not there yet when its place was read, and then one behind it
 * that says it is on disk. A log only grows, so the second look finds the first block whole, and whatever it now takes for
 * damage stands further behind; a segment goes only after a manifest that does not need it. So damage is what is found twice
 * running at the same place, under a manifest that did not change meanwhile.
 */
#pragma once

#include "look.h"
#include "wal/recover.h"

/* A block that counts, in order, and where it begins in its segment. Non-zero ends the reading. */
typedef int log_block_fn(void *context, const struct wal_block_header *block, uint64_t offset, const uint8_t *payload);

struct log_read {
	bool truncated; /* there is damage: only what stands before it was visited */
	struct wal_recovered recovered;
	struct wal_fault fault; /* of the damage */
};

/*
 * Visits the log's blocks from the first that the manifest needs. A server may take away what is being read: then it goes
 * on behind the last epoch visited, in the log as it is now, after renewing *look. With a visit that is NULL, all is read and
 * checked the same. Returns STATUS_SOUND, STATUS_DAMAGE, or STATUS_FAILED: said so, but when visit ended it.
 */
enum status log_read(struct look *look, log_block_fn *visit, void *context, struct log_read *ret);
