#include "snapshot/spill.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/limits.h"
#include "snapshot/dump_name.h"
#include "snapshot/file_io.h"

void
spill_init(struct spill *spill, int directory_fd)
{
	*spill = (struct spill){ .directory_fd = directory_fd, .fd = -1 };
	buffer_init(&spill->buffer, SPILL_BUFFER_BYTES);
}

void
spill_deinit(struct spill *spill)
{
	if (spill->fd >= 0)
		(void)close(spill->fd); /* has no name: nobody will read it again */
	spill->fd = -1;
	buffer_deinit(&spill->buffer);
}

int
spill_open_named(int directory_fd)
{
	char name[DUMP_FILE_NAME_MAX + 1];
	int r = dump_name_temporary(name);

	if (r < 0)
		return r;
	int fd = openat(directory_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (unlinkat(directory_fd, name, 0) < 0) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	return fd;
}

static int
spill_open(int directory_fd)
{
	int fd = openat(directory_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	/* What file systems without it say, and kernels that take the name for a directory to be written. */
	if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)
		return spill_open_named(directory_fd);
	return -errno;
}

int
spill_room(struct spill *spill)
{
	struct buffer *buffer = &spill->buffer;

	if (buffer->failed)
		return -ENOMEM;
	if (buffer->bytes + SPILL_RECORD_BYTES_MAX <= SPILL_BUFFER_BYTES)
		return buffer_reserve(buffer, SPILL_RECORD_BYTES_MAX) ? 0 : -ENOMEM;
	if (spill->fd < 0) {
		int fd = spill_open(spill->directory_fd);

		if (fd < 0)
			return fd;
		spill->fd = fd;
	}
	int r = file_write_at(spill->fd, buffer->data, buffer->bytes, spill->bytes);

	if (r < 0)
		return r;
	spill->bytes += buffer->bytes;
	buffer_truncate(buffer, 0);
	return 0;
}

int
spill_drain(struct spill *spill, spill_take_fn *take, void *context)
{
	char piece[16 * 1024];

	for (uint64_t done = 0; done < spill->bytes;) {
		uint64_t rest = spill->bytes - done;
		size_t bytes = rest < sizeof(piece) ? (size_t)rest : sizeof(piece);
		int r = file_read_at(spill->fd, piece, bytes, done);

		if (r == 0)
			r = take(context, piece, bytes);
		if (r != 0)
			return r;
		done += bytes;
	}
	return spill->buffer.bytes > 0 ? take(context, spill->buffer.data, spill->buffer.bytes) : 0;
}
