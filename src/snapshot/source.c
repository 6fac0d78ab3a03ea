#include "snapshot/source.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/memory.h"

/* The window over memory is small on purpose: tests and fuzzing then meet tokens split at every place. */
enum { WINDOW_FILE_BYTES = 64 * 1024, WINDOW_MEMORY_BYTES = 61 };

static int
source_init(struct source *source)
{
	source->window = mem_alloc(source->window_bytes);
	source->checksum = checksum_create();
	if (source->window == NULL || source->checksum == NULL) {
		source_deinit(source);
		return source_error(source, ENOMEM, "reading");
	}
	mpack_tokbuf_init(&source->tokens);
	return 0;
}

int
source_init_fd(struct source *source, int fd, uint64_t bytes, const char *file_name, struct dump_fault *fault)
{
	assert(fd >= 0);
	*source = (struct source){
		.file_name = file_name,
		.fault = fault,
		.fd = fd,
		.bytes = bytes,
		.window_bytes = WINDOW_FILE_BYTES,
	};
	return source_init(source);
}

int
source_init_memory(struct source *source, const void *memory, size_t bytes, uint64_t base, const char *file_name,
                   struct dump_fault *fault)
{
	*source = (struct source){
		.file_name = file_name,
		.fault = fault,
		.fd = -1,
		.memory = memory,
		.base = base,
		.bytes = bytes,
		.window_bytes = WINDOW_MEMORY_BYTES,
	};
	return source_init(source);
}

void
source_deinit(struct source *source)
{
	mem_free(source->window);
	source->window = NULL;
	checksum_destroy(source->checksum);
	source->checksum = NULL;
}

int
source_fault(struct source *source, uint64_t offset, const char *format, ...)
{
	if (source->fault == NULL)
		return DUMP_DAMAGED;
	char *text = source->fault->text;
	size_t capacity = sizeof(source->fault->text);
	int used = snprintf(text, capacity, "%s: offset %" PRIu64 ": ", source->file_name, source->base + offset);

	if (used >= 0 && (size_t)used < capacity && source->in_key)
		used += snprintf(text + used, capacity - (size_t)used, "key %" PRIu64 ": ", source->key);
	if (used >= 0 && (size_t)used < capacity) {
		va_list arguments;

		va_start(arguments, format);
		(void)vsnprintf(text + used, capacity - (size_t)used, format, arguments);
		va_end(arguments);
	}
	return DUMP_DAMAGED;
}

int
source_error(struct source *source, int error, const char *doing)
{
	assert(error > 0);
	(void)source_fault(source, source_offset(source), "%s failed: %s", doing, strerrordesc_np(error));
	return -error;
}

uint64_t
source_offset(const struct source *source)
{
	return source->taken - source->left;
}

uint64_t
source_rest(const struct source *source)
{
	return source->bytes - source_offset(source);
}

/* ---- bytes ---- */

static void
source_add_checksum(struct source *source, size_t bytes)
{
	uint64_t end = source->bytes > SOURCE_CHECKSUM_BYTES ? source->bytes - SOURCE_CHECKSUM_BYTES : 0;

	if (source->taken >= end)
		return;
	checksum_add(source->checksum, source->window, bytes < end - source->taken ? bytes : end - source->taken);
}

static ssize_t
source_read(struct source *source, size_t wanted)
{
	if (source->fd < 0) {
		memcpy(source->window, source->memory + source->taken, wanted);
		return (ssize_t)wanted;
	}
	ssize_t r;

	do
		r = pread(source->fd, source->window, wanted, (off_t)source->taken);
	while (r < 0 && errno == EINTR);
	return r;
}

int
source_fill(struct source *source)
{
	assert(source->left == 0);
	uint64_t rest = source->bytes - source->taken;

	if (source->bytes == 0)
		return source_fault(source, 0, "the file is empty");
	if (rest == 0)
		return source_fault(source, source->bytes, "the file ends too early");
	ssize_t r = source_read(source, rest < source->window_bytes ? (size_t)rest : source->window_bytes);

	if (r < 0)
		return source_error(source, errno, "reading");
	if (r == 0)
		return source_fault(source, source->taken, "the file became shorter while it was read");
	source_add_checksum(source, (size_t)r);
	source->taken += (uint64_t)r;
	source->next = source->window;
	source->left = (size_t)r;
	return 0;
}

int
source_copy(struct source *source, void *ret, size_t bytes)
{
	char *to = ret;

	assert(bytes <= source_rest(source));
	while (bytes > 0) {
		if (source->left == 0) {
			int r = source_fill(source);

			if (r != 0)
				return r;
		}
		size_t part = bytes < source->left ? bytes : source->left;

		memcpy(to, source->next, part);
		source->next += part;
		source->left -= part;
		to += part;
		bytes -= part;
	}
	return 0;
}

uint64_t
source_checksum(const struct source *source)
{
	assert(source_rest(source) == 0);
	return checksum_value(source->checksum);
}
