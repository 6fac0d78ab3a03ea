#include "snapshot/dump_reader.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot/body.h"
#include "snapshot/file_io.h"
#include "snapshot/source.h"
#include "snapshot/trailer.h"

/* ---- opening ---- */

static int
reader_error(const struct dump_reader *reader, int error, const char *doing)
{
	if (reader->fault != NULL)
		(void)snprintf(reader->fault->text, sizeof(reader->fault->text), "%s: %s failed: %s", reader->file_name,
		               doing, strerrordesc_np(error));
	return -error;
}

/* A name that leads out of the directory, or to something that is no regular file, is no dump file. */
static int
open_error(const struct dump_reader *reader, int error)
{
	switch (error) {
	case ENOENT:
	case ELOOP: /* a symbolic link */
	case ENAMETOOLONG:
	case ENXIO: /* a socket, a device */
		return DUMP_MISSING;
	default:
		return reader_error(reader, error, "opening");
	}
}

int
dump_reader_open(struct dump_reader *reader, int directory_fd, const char *file_name, struct dump_fault *fault)
{
	struct stat status;

	*reader = (struct dump_reader){ .fd = -1, .file_name = file_name, .fault = fault };
	if (strchr(file_name, '/') != NULL)
		return DUMP_MISSING;
	/* Non-blocking: opening a FIFO must not wait for a writer. */
	reader->fd = openat(directory_fd, file_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (reader->fd < 0)
		return open_error(reader, errno);
	int r = fstat(reader->fd, &status) < 0 ? reader_error(reader, errno, "opening") : DUMP_OK;

	if (r == DUMP_OK && !S_ISREG(status.st_mode))
		r = DUMP_MISSING;
	if (r != DUMP_OK) {
		dump_reader_close(reader);
		return r;
	}
	reader->bytes = (uint64_t)status.st_size;
	return DUMP_OK;
}

void
dump_reader_close(struct dump_reader *reader)
{
	if (reader->fd >= 0)
		(void)close(reader->fd); /* opened for reading: nothing can be lost */
	reader->fd = -1;
}

/* ---- reading ---- */

static void
info_derive(const struct dump_reader *reader, struct dump_info *info)
{
	const char *name;
	size_t name_bytes;

	memset(info, 0, sizeof(*info));
	info->bytes = reader->bytes;
	dump_name_tree(reader->file_name, &name, &name_bytes);
	info->name_bytes = name_bytes < sizeof(info->name) ? name_bytes : sizeof(info->name);
	memcpy(info->name, name, info->name_bytes);
}

int
dump_reader_info(const struct dump_reader *reader, struct dump_info *ret_info)
{
	uint8_t end[TRAILER_BYTES_MAX];
	size_t bytes = reader->bytes < sizeof(end) ? (size_t)reader->bytes : sizeof(end);
	struct dump_info info;
	uint64_t ignored;

	assert(reader->fd >= 0);
	int r = file_read_at(reader->fd, end, bytes, reader->bytes - bytes);

	if (r != 0)
		return reader_error(reader, -r, "reading the end");
	info_derive(reader, &info);
	size_t own = trailer_find(end, bytes);

	if (own > 0)
		r = trailer_decode(end + bytes - own, own, reader->bytes - own, reader->file_name, &info, &ignored,
		                   reader->fault);
	if (r == DUMP_OK)
		*ret_info = info;
	return r;
}

/* What stands behind the first object has to be our second one, and to agree with all that was read. */
static int
read_trailer(struct source *source, const struct body_counts *counts, struct dump_info *info)
{
	uint8_t data[TRAILER_BYTES_MAX];
	uint64_t offset = source_offset(source);
	uint64_t rest = source_rest(source);
	uint64_t checksum;

	if (rest > sizeof(data))
		return source_fault(source, offset, "%" PRIu64 " stray bytes behind the tree", rest);
	int r = source_copy(source, data, (size_t)rest);

	if (r != 0)
		return r;
	if (trailer_find(data, (size_t)rest) != rest)
		return source_fault(source, offset, "%" PRIu64 " stray bytes behind the tree", rest);
	r = trailer_decode(data, (size_t)rest, offset, source->file_name, info, &checksum, source->fault);
	if (r != DUMP_OK)
		return r;
	if (source_checksum(source) != checksum)
		return source_fault(source, source->bytes - TRAILER_CHECKSUM_BYTES,
		                    "the file does not match its checksum");
	if (info->keys != counts->keys || info->days != counts->days)
		return source_fault(source, offset,
		                    "%" PRIu64 " keys and %" PRIu64 " days are there, not %" PRIu64 " and %" PRIu64,
		                    counts->keys, counts->days, info->keys, info->days);
	return DUMP_OK;
}

static int
read_objects(struct source *source, dump_key_fn *visit, void *context, struct dump_info *info)
{
	struct body_counts counts;
	int r = body_read(source, visit, context, &counts);

	if (r != DUMP_OK)
		return r;
	if (source_rest(source) > 0)
		return read_trailer(source, &counts, info);
	info->keys = counts.keys;
	info->days = counts.days;
	return DUMP_OK;
}

int
dump_reader_run(const struct dump_reader *reader, dump_key_fn *visit, void *context, struct dump_info *ret_info)
{
	struct source source;
	struct dump_info info;
	int r;

	if (reader->fd >= 0)
		r = source_init_fd(&source, reader->fd, reader->bytes, reader->file_name, reader->fault);
	else
		r = source_init_memory(&source, reader->memory, (size_t)reader->bytes, 0, reader->file_name,
		                       reader->fault);
	if (r != 0)
		return r;
	info_derive(reader, &info);
	r = read_objects(&source, visit, context, &info);
	source_deinit(&source);
	if (r == DUMP_OK)
		*ret_info = info;
	return r;
}
