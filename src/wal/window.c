#include "wal/window.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"

/* So many are read at once if there are so many: small blocks would cost a call each. */
enum { READ_BYTES = 1 << 20 };

int
wal_window_open(struct wal_window *window, const struct wal_device *device, int file)
{
	uint64_t bytes;
	int r = device->size(device->context, file, &bytes);

	if (r < 0)
		return r;
	window->device = device;
	window->file = file;
	window->bytes = bytes;
	window->start = 0;
	window->filled = 0;
	return 0;
}

static int
grow(struct wal_window *window, size_t bytes)
{
	if (bytes <= window->capacity)
		return 0;
	uint8_t *data = mem_realloc(window->data, bytes);

	if (data == NULL)
		return -ENOMEM;
	window->data = data;
	window->capacity = bytes;
	return 0;
}

/* Moves what is there already to the begin. */
static void
move(struct wal_window *window, uint64_t offset)
{
	size_t kept = 0;

	if (offset >= window->start && offset - window->start < window->filled) {
		size_t passed = (size_t)(offset - window->start);

		kept = window->filled - passed;
		memmove(window->data, window->data + passed, kept);
	}
	window->start = offset;
	window->filled = kept;
}

static int
fill(struct wal_window *window, size_t bytes, size_t wanted)
{
	while (window->filled < bytes) {
		ssize_t r = window->device->read(window->device->context, window->file, window->data + window->filled,
		                                 wanted - window->filled, window->start + window->filled);

		if (r <= 0)
			return r < 0 ? (int)r : -EIO;
		window->filled += (size_t)r;
	}
	return 0;
}

int
wal_window_peek(struct wal_window *window, uint64_t offset, size_t bytes, const uint8_t **ret, size_t *ret_bytes)
{
	assert(offset <= window->bytes);
	assert(bytes <= window->bytes - offset);
	if (offset < window->start || offset - window->start > window->filled ||
	    window->filled - (offset - window->start) < bytes) {
		uint64_t rest = window->bytes - offset;
		size_t wanted = bytes > READ_BYTES ? bytes : rest < READ_BYTES ? (size_t)rest : READ_BYTES;
		int r = grow(window, wanted);

		if (r < 0)
			return r;
		move(window, offset);
		r = fill(window, bytes, wanted);
		if (r < 0)
			return r;
	}
	*ret = window->data + (offset - window->start);
	*ret_bytes = window->filled - (size_t)(offset - window->start);
	return 0;
}

int
wal_window_get(struct wal_window *window, uint64_t offset, size_t bytes, const uint8_t **ret)
{
	size_t present;

	return wal_window_peek(window, offset, bytes, ret, &present);
}

void
wal_window_deinit(struct wal_window *window)
{
	mem_free(window->data);
	*window = (struct wal_window){ 0 };
}
