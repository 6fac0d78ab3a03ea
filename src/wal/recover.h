/*
 * recover.h - reading a log: which segments count, where it ends, what it says
 *
 * Recovery begins at the valid header with the highest sequence and goes backwards by `previous`, down to the first segment
 * needed; what is off that line does not count. Then it reads forwards along the chain of checksums. In every segment but
 * the last the chain must lead to exactly what the next header names. Where it ends before:
 *
 *   nothing says that a later block was synced   a torn tail: cut and reported
 *   something does (a block, a header, the manifest)   damage: -EBADMSG, or cut as well with truncate_at_damage
 *
 * Reads everything twice: first to find the end, then to replay, so a visitor never sees a block that does not count.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wal/block.h"
#include "wal/device.h"
#include "wal/record.h"

struct wal_recover_options {
	struct wal_device device;
	uint8_t identity[WAL_IDENTITY_BYTES];
	uint64_t
	    sequence_first; /* of the first segment needed; 0: none is, whatever is there is only looked at for numbers */
	uint64_t synced;    /* the manifest's: a block of this epoch was synced */
	bool truncate_at_damage;
	bool looks_only; /* a tool's: nothing is synced. While a log is written this may find damage that is none */
};

struct wal_recovered {
	uint64_t epoch_highest;    /* seen anywhere, spares included */
	uint64_t sequence_highest; /* the same */
	uint32_t today;            /* the highest of the blocks that count */
	struct wal_position last;  /* the last block that counts */
	uint64_t segments;         /* that count */
	uint64_t blocks;
	uint64_t bytes;
	uint64_t cut_bytes; /* of a torn tail, or behind damage; 0: the log ends cleanly */
	char cut_file[64];  /* where; "" */
	uint64_t cut_offset;
	bool damage; /* truncate_at_damage was needed */
};

struct wal_fault {
	char text[512]; /* one line for people: names file and offset */
};

/* A block that counts, in order. Non-zero ends the replay and is returned. */
typedef int wal_block_fn(void *context, const struct wal_block_header *block, const uint8_t *payload);

/*
 * Syncs every file before it reads it (wal_device.reread), and the directory; then visits. 0; -EBADMSG with the fault: damage; another negative errno
 * with the fault; or what visit returned.
 */
int wal_recover(const struct wal_recover_options *options, wal_block_fn *visit, void *context,
                struct wal_recovered *ret, struct wal_fault *ret_fault);

/* Goes through the records of a payload. Non-zero ends it and is returned; -EBADMSG: not records as record.h says. */
typedef int wal_record_fn(void *context, const struct wal_record *record);
int wal_payload_each(const uint8_t *payload, size_t bytes, wal_record_fn *visit, void *context);

/* ---- files, for tools too ------------------------------------------------------------------------------------------- */

/* `karma-<sequence, 20 digits>.wal`; ret has room for 64 bytes. */
void wal_segment_name(uint64_t sequence, char ret[64]);

/* No name has more, so that there is always a next one. */
#define WAL_SEQUENCE_MAX ((uint64_t)INT64_MAX)

/* The sequence that a segment's name tells; false: not the name of a segment. */
bool wal_name_sequence(const char *name, uint64_t *ret_sequence);

/* Is it a name of a segment, or of a spare (`karma-spare-….wal`)? */
bool wal_name_is_segment(const char *name);
bool wal_name_is_spare(const char *name);

/*
 * Reads one segment from its begin along its chain, as far as it goes: tools and recover.c alike. visit may be NULL. Returns
 * 0 and where the chain ends, -EBADMSG: no valid header, or negative errno.
 */
int wal_segment_read(const struct wal_device *device, int file, struct wal_segment_header *ret_header,
                     wal_block_fn *visit, void *context, struct wal_position *ret_end);
