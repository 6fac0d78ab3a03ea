/*
 * source.h - a dump file as a stream of MessagePack tokens
 *
 * The bytes come in pieces through a window of fixed size, whether they stand in a file or in memory, so what a header
 * claims never decides how much is allocated. Every length is compared with what is left of the file before it is
 * believed. Whatever is wrong is written down once, with file, offset and (inside a counter) key, by source_fault().
 *
 * Functions that return int: 0, DUMP_DAMAGED or a negative errno, the fault written for both. After one of these the
 * source is good for source_deinit() only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mpack.h>

#include "snapshot/dump_file.h"

enum {
	SOURCE_SKIP_DEPTH_MAX = 32, /* of nested values inside an unknown member */
	SOURCE_CHECKSUM_BYTES = 8,  /* the last bytes of the file are not part of source_checksum() */
};

struct checksum;

struct source {
	const char *file_name;
	struct dump_fault *fault; /* may be NULL */
	int fd;                   /* -1: the bytes stand in memory */
	const char *memory;
	uint64_t base;  /* offset in the file of the first byte of memory, for messages */
	uint64_t bytes; /* of it all */
	uint64_t taken; /* offset behind the window */
	char *window;
	size_t window_bytes;
	const char *next; /* the unread part of the window */
	size_t left;
	uint64_t token_offset; /* of the last token's first byte */
	mpack_tokbuf_t tokens;
	struct checksum *checksum;
	bool in_key; /* faults name `key` */
	uint64_t key;
};

/* Borrow fd, memory, file_name and fault. On failure there is nothing to deinit. `bytes` may not change meanwhile. */
int source_init_fd(struct source *source, int fd, uint64_t bytes, const char *file_name, struct dump_fault *fault);
int source_init_memory(struct source *source, const void *memory, size_t bytes, uint64_t base, const char *file_name,
                       struct dump_fault *fault);
void source_deinit(struct source *source);

/* Writes the fault and returns DUMP_DAMAGED. source_error(): the same for an errno, which is returned. */
int source_fault(struct source *source, uint64_t offset, const char *format, ...) __attribute__((format(printf, 3, 4)));
int source_error(struct source *source, int error, const char *doing);

/* Bytes read so far, and still to come. */
uint64_t source_offset(const struct source *source);
uint64_t source_rest(const struct source *source);

/* The next token has to be what the name says; `what` names it in faults. */
int source_uint(struct source *source, const char *what, uint64_t max, uint64_t *ret);
int source_map(struct source *source, const char *what, uint32_t *ret_entries);
int source_array(struct source *source, const char *what, uint32_t *ret_entries);

/* A string or binary. Up to `capacity` bytes are kept, the rest is read over; *ret_bytes is the true length. */
int source_str(struct source *source, const char *what, char *ret, size_t capacity, size_t *ret_bytes);
int source_bin(struct source *source, const char *what, void *ret, size_t capacity, size_t *ret_bytes);

/* Reads over one value of any kind, nested at most SOURCE_SKIP_DEPTH_MAX deep. */
int source_skip(struct source *source);

/* Fills the empty window with the next bytes; at the end of the file that is a fault. */
int source_fill(struct source *source);

/* The next bytes as they are, no tokens; there must be that many. */
int source_copy(struct source *source, void *ret, size_t bytes);

/* XXH3 of all bytes but the last 8. Everything must have been read. */
uint64_t source_checksum(const struct source *source);
