/*
 * stage.c - whole pages for writing around the cache
 *
 * Why around it: the kernel copies no page and starts no writing back, and one call writes and syncs. Such writes are of whole
 * pages. The page in which a block ends is written again with the next block, as it would be through the cache; its old
 * bytes are the same, so a write that is torn there leaves them as they were.
 */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "wal/wal_internal.h"

enum { AHEAD_BYTES = 256 << 10 };

static size_t
page_up(size_t bytes)
{
	return (bytes + WAL_DIRECT_BYTES - 1) & ~((size_t)WAL_DIRECT_BYTES - 1);
}

void
wal_stage_begin(struct wal *wal)
{
	size_t bytes = page_up(WAL_DIRECT_BYTES + WAL_HEADER_BYTES + wal->block_bytes_max);

	if (wal->options.fsync == WAL_FSYNC_TRUE && wal->options.device.direct != NULL)
		wal->stage.data = mem_alloc_aligned(WAL_DIRECT_BYTES, bytes);
}

/* As zeros_ahead() of write.c, for the same reason. */
static void
zeros_add(struct wal *wal, uint64_t end)
{
	static _Alignas(WAL_DIRECT_BYTES) uint8_t ahead[AHEAD_BYTES];
	struct wal_stage *stage = &wal->stage;
	uint64_t bytes = wal->segment_bytes - end;

	if (!wal_zeros_due(wal, end))
		return;
	if (bytes > sizeof(ahead))
		bytes = sizeof(ahead);
	stage->pieces[1] = (struct iovec){ .iov_base = ahead, .iov_len = bytes };
	stage->count = 2;
	wal->zeroed = end + bytes;
}

void
wal_stage_fill(struct wal *wal, const struct iovec *pieces, int count)
{
	struct wal_stage *stage = &wal->stage;
	uint64_t offset = wal->pending.offset;

	if (offset == 0)
		stage->kept = 0;
	assert((offset - stage->kept) % WAL_DIRECT_BYTES == 0);
	stage->filled = stage->kept;
	for (int i = 0; i < count; i++) {
		memcpy(stage->data + stage->filled, pieces[i].iov_base, pieces[i].iov_len);
		stage->filled += pieces[i].iov_len;
	}
	size_t bytes = page_up(stage->filled);

	memset(stage->data + stage->filled, 0, bytes - stage->filled);
	stage->pieces[0] = (struct iovec){ .iov_base = stage->data, .iov_len = bytes };
	stage->count = 1;
	stage->offset = offset - stage->kept;
	assert(stage->offset + bytes <= wal->segment_bytes);
	zeros_add(wal, stage->offset + bytes);
}

int
wal_stage_write(struct wal *wal)
{
	const struct wal_stage *stage = &wal->stage;
	const struct wal_device *device = &wal->options.device;

	return device->write_through(device->context, wal->current.file, stage->pieces, stage->count, stage->offset);
}

void
wal_stage_end(struct wal *wal)
{
	struct wal_stage *stage = &wal->stage;

	stage->kept = stage->filled % WAL_DIRECT_BYTES;
	memmove(stage->data, stage->data + stage->filled - stage->kept, stage->kept);
}
