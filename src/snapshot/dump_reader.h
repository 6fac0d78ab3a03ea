/*
 * dump_reader.h - one dump file under reading
 *
 * What dump_file_read(), dump_bytes_read(), dump_file_info() and dump_load() are made of: an open file stays the same
 * file from the look at its end to the reading of it all.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "snapshot/dump_file.h"

struct dump_reader {
	int fd; /* -1: the bytes stand in memory */
	const void *memory;
	uint64_t bytes;
	const char *file_name;
	struct dump_fault *fault; /* may be NULL */
};

/* Borrows file_name and fault until dump_reader_close(). DUMP_OK, DUMP_MISSING or negative errno. */
int dump_reader_open(struct dump_reader *reader, int directory_fd, const char *file_name, struct dump_fault *fault);
void dump_reader_close(struct dump_reader *reader);

/* As dump_file_info() and dump_file_read(). */
int dump_reader_info(const struct dump_reader *reader, struct dump_info *ret_info);
int dump_reader_run(const struct dump_reader *reader, dump_key_fn *visit, void *context, struct dump_info *ret_info);
