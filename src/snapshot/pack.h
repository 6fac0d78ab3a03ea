/*
 * pack.h - MessagePack tokens appended to a buffer
 *
 * Every integer and header in its shortest form, as the original writes them. A failed append shows in buffer->failed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* No token (less the bytes of a string) is longer. */
enum { PACK_TOKEN_BYTES_MAX = 9, PACK_TYPE_U64 = 0xcf };

void pack_uint(struct buffer *buffer, uint64_t value);
void pack_map(struct buffer *buffer, uint32_t entries);
void pack_array(struct buffer *buffer, uint32_t entries);
void pack_str(struct buffer *buffer, const char *text, uint32_t bytes);
void pack_bin(struct buffer *buffer, const void *data, uint32_t bytes);

/* An integer in the widest form whatever its value, for those that are found by counting from the end of a file: a type
 * byte and 8 bytes, also in two steps. */
void pack_u64_fixed(struct buffer *buffer, uint64_t value);
void pack_u64_type(struct buffer *buffer);
void pack_u64_bytes(struct buffer *buffer, uint64_t value);

/* The 8 bytes as a number. */
uint64_t pack_get_u64(const uint8_t *bytes);

#define pack_str_literal(buffer, literal) pack_str(buffer, "" literal, sizeof(literal) - 1)
