/*
 * file_io.h - whole reads and writes at an offset
 *
 * Go on after an interruption and a partial transfer. 0 or negative errno; a read behind the end of the file is -EIO.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

int file_read_at(int fd, void *ret, size_t bytes, uint64_t offset);
int file_write_at(int fd, const void *data, size_t bytes, uint64_t offset);
