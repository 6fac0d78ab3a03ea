/*
 * manifest.h - `karma.manifest`: which dump files together are the database
 *
 * MessagePack, replaced as a whole:
 *
 *   ["karma.manifest", 3, identity (16 bytes), next tree id, highest today,
 *    [first segment, epoch, synced],                        the log; first segment 0: there is none
 *    [[tree name, tree id, generation, order, file], …],    live trees, in that order
 *    [[…], …],                                              the same of staged trees
 *    number]                                                of the file of the ledger's records; 0: there is none
 *   uint64 in its 9-byte form                               XXH3 of all bytes before its last 8
 *
 * Generation 0: exactly that file, whatever it is (one of the original's, mostly), and all that the log says of the id.
 * A staged tree stands in its file, but lives only if the log has the record that created it.
 *
 * Format 2 has no number of a ledger. Format 1 has neither that nor a log, no order (the list's counts) and no staged trees; its id 0 is a file to be taken as it is, for which
 * there is no id yet.
 *
 * A format that this program does not know is a damaged manifest: better not to start than to lose what a newer one
 * wrote.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "snapshot/dump_file.h"
#include "store/store.h"

#define MANIFEST_FILE  "karma.manifest"
#define MANIFEST_MAGIC "karma.manifest"

struct manifest_tree {
	const char *name;
	size_t name_bytes;
	const char *file;    /* `<stamp>_<…>.tree` */
	uint64_t id;         /* 0 in format 1 only: none yet, the file is taken as it is */
	uint64_t generation; /* the last one in the file; 0: exactly this file */
	uint64_t order;      /* place in the order of names */
};

struct manifest_log {
	uint64_t first;  /* segment that a recovery needs; 0: there is no log */
	uint64_t epoch;  /* as of the writing */
	uint64_t synced; /* the last block known to be on disk then */
};

struct manifest {
	uint8_t identity[DIRECTORY_IDENTITY_BYTES];
	uint64_t tree_id_next;
	uint32_t today;
	struct manifest_log log;
	struct manifest_tree *trees;
	size_t count;
	struct manifest_tree *staged;
	size_t staged_count;
	uint64_t ledger; /* number of its file; 0: there is none */
};

enum manifest_outcome {
	MANIFEST_OK = 0,
	MANIFEST_MISSING,
	MANIFEST_DAMAGED, /* the fault names file and offset */
};

/* On MANIFEST_OK the manifest is the caller's to manifest_deinit(). The fault is written for MANIFEST_DAMAGED and for a
 * negative errno. */
int manifest_read(int directory_fd, struct manifest *ret_manifest, struct dump_fault *ret_fault);

/* The same for bytes in memory. */
int manifest_decode(const void *data, size_t bytes, struct manifest *ret_manifest, struct dump_fault *ret_fault);

/* Frees what reading has allocated. */
void manifest_deinit(struct manifest *manifest);

/* Appends the file's bytes; what does not fit or finds no memory shows in out->failed. */
void manifest_encode(const struct manifest *manifest, struct buffer *out);

/* Replaces the file in the directory. 0 or negative errno. */
int manifest_write(int directory_fd, const struct manifest *manifest);
