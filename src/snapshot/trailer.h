/*
 * trailer.h - the second object of our dump files
 *
 * Layout and its reasons: dump_file.h. The bytes of both checksums and of `bytes` stand at fixed distances from the end.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "snapshot/dump_file.h"

enum {
	TRAILER_FORMAT = 1,
	TRAILER_BYTES_MAX = TREE_NAME_BYTES_MAX + 256,
	TRAILER_CHECKSUM_BYTES = 8, /* the last of the file */
};

/* Appends the object less its last TRAILER_CHECKSUM_BYTES, which are the XXH3 of all before them. */
void trailer_encode(struct buffer *buffer, const struct dump_info *info);

/*
 * Looks at the last `bytes` of a file (all of it, or at least TRAILER_BYTES_MAX). Returns the length of the second
 * object by its own account, or 0 when there is none.
 */
size_t trailer_find(const uint8_t *end, size_t bytes);

/*
 * Decodes a whole object that trailer_find() found, standing at `offset` of the file. Looks at its own checksum, not at
 * the one over the file, which goes to *ret_checksum. Sets all of *info but `bytes`. DUMP_OK, DUMP_DAMAGED or negative
 * errno, the fault written.
 */
int trailer_decode(const uint8_t *data, size_t bytes, uint64_t offset, const char *file_name, struct dump_info *info,
                   uint64_t *ret_checksum, struct dump_fault *ret_fault);
