/*
 * buffer.h - a byte buffer that grows up to a bound
 *
 * Encoders append without looking: an append that finds no room or no memory sets `failed`, and so do all after it,
 * until buffer_truncate(). The caller asks once, at the end; `full` tells that the bound was the reason, not memory. One
 * thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buffer {
	char *data;
	size_t bytes;
	size_t capacity;
	size_t bytes_max;
	bool failed;
	bool full;
};

/* No memory is taken until the first append. */
void buffer_init(struct buffer *buffer, size_t bytes_max);

/* Frees the memory; the buffer is as after buffer_init(). */
void buffer_deinit(struct buffer *buffer);

/* Makes room for `bytes` more. False, and `failed` set, if that would pass bytes_max (`full` as well) or memory is
 * out. */
bool buffer_reserve(struct buffer *buffer, size_t bytes);

/* Cuts back to `bytes` (at most the present length) and clears `failed` and `full`. */
void buffer_truncate(struct buffer *buffer, size_t bytes);

/* Appends a number in decimal. */
void buffer_append_u64(struct buffer *buffer, uint64_t value);

static inline void
buffer_append(struct buffer *buffer, const void *data, size_t bytes)
{
	if (buffer->failed || (buffer->capacity - buffer->bytes < bytes && !buffer_reserve(buffer, bytes)))
		return;
	if (bytes > 0) {
		memcpy(buffer->data + buffer->bytes, data, bytes);
		buffer->bytes += bytes;
	}
}

static inline void
buffer_append_byte(struct buffer *buffer, char byte)
{
	buffer_append(buffer, &byte, 1);
}

/* Appends a string literal. */
#define buffer_append_literal(buffer, literal) buffer_append(buffer, "" literal, sizeof(literal) - 1)
