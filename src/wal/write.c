/*
 * write.c - all buffers of a closed epoch become one block, with one write
 *
 * Nothing is copied: the write takes the header and the buffers as they lie, and the checksum goes over the same pieces. A
 * block that begins a segment takes the segment's header along.
 */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/probe.h"
#include "wal/wal_internal.h"

enum { AHEAD_BYTES = 256 << 10, CHECKSUM_AT = WAL_BLOCK_HEADER_BYTES - 8 };

#define PUSH_BYTES (UINT64_C(4) << 20)

/* A block in the making: wal->pieces[1] is its header, its payload follows. [0] is kept for a segment's header. */
struct block {
	uint8_t header[WAL_BLOCK_HEADER_BYTES];
	int pieces;
	size_t payload_bytes;
	size_t bytes;
};

static const uint8_t zeros[WAL_BLOCK_ALIGNMENT];

int
wal_write_all(const struct wal_device *device, int file, struct iovec *pieces, int count, uint64_t offset)
{
	while (count > 0) {
		ssize_t n = device->write(device->context, file, pieces, count < IOV_MAX ? count : IOV_MAX, offset);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		offset += (uint64_t)n;
		while (count > 0 && (size_t)n >= pieces->iov_len) {
			n -= (ssize_t)pieces->iov_len;
			pieces++;
			count--;
		}
		if (count > 0) {
			pieces->iov_base = (uint8_t *)pieces->iov_base + n;
			pieces->iov_len -= (size_t)n;
		}
	}
	return 0;
}

static void
piece_add(struct wal *wal, struct block *block, const void *data, size_t bytes)
{
	assert(block->pieces < (int)wal->options.writers_max + 3);
	wal->pieces[block->pieces] = (struct iovec){ .iov_base = (void *)(uintptr_t)data, .iov_len = bytes };
	wal->hashed[block->pieces] = (struct checksum_piece){ .data = data, .bytes = bytes };
	block->pieces++;
	block->bytes += bytes;
}

static void
block_gather(struct wal *wal, struct block *block, uint64_t epoch)
{
	block->pieces = 1;
	block->bytes = 0;
	block->payload_bytes = 0;
	piece_add(wal, block, block->header, sizeof(block->header));
	for (uint32_t i = 0; i < atomic_load_explicit(&wal->writers_count, memory_order_acquire); i++) {
		const struct wal_buffer *buffer = &wal->writers[i]->buffers[epoch & 1]; /* Q1 */

		if (buffer->tag != epoch || buffer->used == 0)
			continue;
		piece_add(wal, block, buffer->data, buffer->used);
		block->payload_bytes += buffer->used;
	}
	size_t padding = wal_block_padded(block->payload_bytes) - block->payload_bytes;

	if (padding > 0)
		piece_add(wal, block, zeros, padding);
	assert(block->bytes <= wal->block_bytes_max);
}

/* When the segment that takes it is known. */
static uint64_t
block_seal(struct wal *wal, struct block *block, uint64_t epoch)
{
	struct wal_block_header header = {
		.sequence = wal->current.sequence,
		.epoch = epoch,
		.synced = atomic_load_explicit(&wal->block_synced, memory_order_relaxed), /* our own */
		.before = wal->last.checksum,
		.payload_bytes = (uint32_t)block->payload_bytes,
		.today = wal->options.today(wal->options.context),
	};

	memcpy(header.identity, wal->options.identity, sizeof(header.identity));
	wal_block_header_encode(&header, block->header);
	wal->hashed[1].bytes = CHECKSUM_AT;
	uint64_t checksum = checksum_of_pieces(wal->hashed + 1, (size_t)block->pieces - 1);
	uint64_t bytes = htole64(checksum);

	memcpy(block->header + CHECKSUM_AT, &bytes, sizeof(bytes));
	return checksum;
}

/* What waits for the disk has grown by what was just written. */
static void
unsynced_more(struct wal *wal)
{
	if (!wal->unsynced) {
		wal->unsynced = true;
		wal->unsynced_since_ns = wal_now_ns();
	}
	if (wal->options.fsync != WAL_FSYNC_TRUE && wal->last.end - wal->pushed >= PUSH_BYTES) {
		/* A hint: what goes wrong shows at the sync. */
		(void)wal->options.device.push(wal->options.device.context, wal->current.file, wal->pushed,
		                               wal->last.end - wal->pushed);
		wal->pushed = wal->last.end;
	}
}

void
wal_block_end(struct wal *wal, bool synced)
{
	const struct wal_pending *pending = &wal->pending;

	PROBE2(commit_written, pending->epoch, pending->end - pending->offset);
	wal->header_pending = false;
	wal->last.end = pending->end;
	wal->last.checksum = pending->checksum;
	if (pending->payload_bytes > 0) {
		wal->last.epoch = pending->epoch;
		atomic_fetch_add_explicit(&wal->blocks, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&wal->payload_bytes, pending->payload_bytes, memory_order_relaxed);
	}
	atomic_fetch_add_explicit(&wal->bytes, pending->end - pending->offset, memory_order_relaxed);
	if (!synced) {
		unsynced_more(wal);
		return;
	}
	atomic_fetch_add_explicit(&wal->syncs, 1, memory_order_relaxed);
	/* Release: as in wal_commit_sync(). */
	atomic_store_explicit(&wal->block_synced, wal->last.epoch, memory_order_release);
}

bool
wal_zeros_due(const struct wal *wal, uint64_t end)
{
	return wal->options.fsync == WAL_FSYNC_TRUE && !wal->current.reused && end > wal->zeroed &&
	       end < wal->segment_bytes;
}

/*
 * Zeros behind the block, up to where the next ones will go, now and then: a sync of blocks that the file system has only
 * reserved has to write its metadata as well, and took half as long again (PERF.md). Of a file that was used before there
 * is no need. Returns how many pieces that makes: one or none.
 */
static int
zeros_ahead(struct wal *wal, const struct block *block, uint64_t end)
{
	static const uint8_t ahead[AHEAD_BYTES];
	uint64_t bytes = wal->segment_bytes - end;

	if (!wal_zeros_due(wal, end))
		return 0;
	if (bytes > sizeof(ahead))
		bytes = sizeof(ahead);
	wal->pieces[block->pieces] = (struct iovec){ .iov_base = (void *)(uintptr_t)ahead, .iov_len = bytes };
	wal->zeroed = end + bytes;
	return 1;
}

/* Seals the block, if it has records, where it will stand: behind a new segment's header, or the last block. */
static int
pending_set(struct wal *wal, struct block *block, uint64_t epoch)
{
	bool with_block = block->payload_bytes > 0;
	struct wal_pending *pending = &wal->pending;

	*pending = (struct wal_pending){
		.offset = wal->header_pending ? 0 : wal->last.end,
		.epoch = epoch,
		.end = wal->last.end + (with_block ? block->bytes : 0),
		.checksum = with_block ? block_seal(wal, block, epoch) : wal->last.checksum,
		.payload_bytes = block->payload_bytes,
	};
	wal->pieces[0] = (struct iovec){ .iov_base = wal->header, .iov_len = WAL_HEADER_BYTES };
	return pending->end > wal->segment_bytes ? -ENOSPC : 0; /* the proof in segments.c says that it cannot be */
}

/* Header of a new segment, or block, or both, in one write. */
static int
pieces_write(struct wal *wal, struct block *block, uint64_t epoch)
{
	int r = pending_set(wal, block, epoch);
	struct iovec *pieces = wal->pieces + (wal->header_pending ? 0 : 1);
	int count = (wal->header_pending ? 1 : 0) + (block->payload_bytes > 0 ? block->pieces - 1 : 0);

	if (r < 0)
		return r;
	if (wal->current.direct) {
		wal_stage_fill(wal, pieces, count);
		r = wal_stage_write(wal);
		if (r == 0)
			wal_stage_end(wal);
	} else {
		if (block->payload_bytes > 0)
			count += zeros_ahead(wal, block, wal->pending.end);
		r = wal_write_all(&wal->options.device, wal->current.file, pieces, count, wal->pending.offset);
	}
	if (r == 0)
		wal_block_end(wal, wal->current.direct);
	return r;
}

int
wal_block_write(struct wal *wal, uint64_t epoch, bool rotate)
{
	struct block block;
	int r = 0;

	block_gather(wal, &block, epoch);
	if (block.payload_bytes == 0 && !rotate)
		return 0;
	if (rotate || block.bytes > wal->segment_bytes - wal->last.end)
		r = wal_segment_next(wal, epoch);
	if (r == 0)
		r = pieces_write(wal, &block, epoch);
	if (r < 0)
		wal_fail(wal, r, "write"); /* unless a sync has said so already */
	return r;
}
