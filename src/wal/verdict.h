/*
 * verdict.h - the first reading: where the log ends, and whether it may end there
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wal/chain.h"
#include "wal/line.h"
#include "wal/recover.h"

struct wal_recovery {
	const struct wal_recover_options *options;
	struct wal_recovered *ret;
	struct wal_fault *fault;
	struct wal_line line;
	struct wal_chain chain;
	int handle;     /* of the file in the chain; -1: none */
	size_t kept;    /* segments of the line that count; the last of them up to ret->last.end */
	uint64_t claim; /* the highest epoch that anything says was synced */
	const char *claim_by;
	const struct wal_file *stray_file; /* whole blocks above the line under a header that is not valid */
};

/* Fills fault and returns r. */
__attribute__((format(printf, 3, 4))) int wal_recovery_fault(struct wal_recovery *recovery, int r, const char *format,
                                                             ...);
int wal_recovery_error(struct wal_recovery *recovery, int r, const char *file, const char *doing);

/* Somebody says that this epoch was synced; an epoch and a sequence were seen; the log is cut there. */
void wal_recovery_claim(struct wal_recovery *recovery, uint64_t epoch, const char *by);
void wal_recovery_note_epoch(struct wal_recovery *recovery, uint64_t epoch);
void wal_recovery_note_sequence(struct wal_recovery *recovery, uint64_t sequence);
void wal_recovery_set_cut(struct wal_recovery *recovery, const char *name, uint64_t offset);

/* Opens the chain of a file whose header was valid, and closes it. 0 or negative errno with the fault. */
int wal_recovery_open(struct wal_recovery *recovery, const struct wal_file *file);
void wal_recovery_close(struct wal_recovery *recovery);

/* The part of it that looks at all files but those of the line. */
int wal_recovery_judge_others(struct wal_recovery *recovery);

/* Reads everything once. 0, -EBADMSG: damage that is not to be cut, or another negative errno; with the fault. */
int wal_recovery_judge(struct wal_recovery *recovery);
