#include "base/buffer.h"

#include <assert.h>

#include "base/memory.h"

enum { CAPACITY_FIRST = 256 };

void
buffer_init(struct buffer *buffer, size_t bytes_max)
{
	*buffer = (struct buffer){ .bytes_max = bytes_max };
}

void
buffer_deinit(struct buffer *buffer)
{
	mem_free(buffer->data);
	buffer_init(buffer, buffer->bytes_max);
}

bool
buffer_reserve(struct buffer *buffer, size_t bytes)
{
	assert(buffer->bytes <= buffer->capacity);
	if (buffer->failed)
		return false;
	if (buffer->capacity - buffer->bytes >= bytes)
		return true;
	if (buffer->bytes > buffer->bytes_max || bytes > buffer->bytes_max - buffer->bytes) {
		buffer->full = true;
		goto fail;
	}
	size_t needed = buffer->bytes + bytes;
	size_t capacity = buffer->capacity > 0 ? buffer->capacity : CAPACITY_FIRST;

	while (capacity < needed)
		capacity *= 2;
	if (capacity > buffer->bytes_max)
		capacity = buffer->bytes_max; /* the bound holds for the fast path of buffer_append(), too */
	char *data = mem_realloc(buffer->data, capacity);

	if (data == NULL)
		goto fail;
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
fail:
	buffer->failed = true;
	return false;
}

void
buffer_truncate(struct buffer *buffer, size_t bytes)
{
	assert(bytes <= buffer->bytes);
	buffer->bytes = bytes;
	buffer->failed = false;
	buffer->full = false;
}

void
buffer_append_u64(struct buffer *buffer, uint64_t value)
{
	char digits[20];
	size_t first = sizeof(digits);

	do {
		digits[--first] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	buffer_append(buffer, digits + first, sizeof(digits) - first);
}
