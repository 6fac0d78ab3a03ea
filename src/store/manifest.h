/*
 * manifest.h - `karma.manifest`: which dump files together are the database
 *
 * MessagePack, replaced as a whole:
 *
 *   ["karma.manifest", format, identity (16 bytes), next tree id, highest today,
 *    [[tree name, tree id, generation, file], …]]           live trees in order of creation
 *   uint64 in its 9-byte form                               XXH3 of all bytes before its last 8
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

#define MANIFEST_FILE "karma.manifest"

struct manifest_tree {
	const char *name;
	size_t name_bytes;
	const char *file; /* `<stamp>_<…>.tree` */
	uint64_t id; /* 0: a file of the original's or of another directory, taken as it is; the tree gets a new id */
	uint64_t generation; /* the last one in the file; 0 with id 0 */
};

struct manifest {
	uint8_t identity[DIRECTORY_IDENTITY_BYTES];
	uint64_t tree_id_next;
	uint32_t today;
	struct manifest_tree *trees;
	size_t count;
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
