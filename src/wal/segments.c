/*
 * segments.c - the segment that is written, and the spare that waits to follow it
 *
 * The preparing thread keeps one spare ready under its final name, with all its room reserved and its name in the directory
 * on disk. So a rotation is part of a commit's write: header and first block of the spare together, no allocation, no
 * directory to sync.
 *
 * Room first. What is accepted while the state is WAL_OK always finds reserved room. A block has at most F bytes (all
 * buffers full), a segment room for four. wal_room_check() runs before E moves from e to e + 1, and makes the state
 * WAL_FULL if no spare is ready and less than 3 F are left.
 *
 *   Let FULL be set by the check of epoch f. If the check of f - 1 saw no spare either, it found at least 3 F left, and
 *   block f - 1 took at most F; if it saw one, block f - 1 used that up (a spare goes away in no other manner), and left at least
 *   3 F of it. Either way 2 F are left. What is accepted under WAL_OK has the tag f or f + 1: who looked at the state before
 *   it was FULL did so in a section that loaded a tag no higher than E then or after the one move that follows, and
 *   this section has ended before that move's quiescence is over, that is, before E moves again (or it was inside the
 *   gate, and has the tag f). Who begins after the move sees FULL (W5). So blocks f and f + 1 have at most F each and
 *   fit into 2 F; later ones are empty, and take no room, until the state is WAL_OK again, for which there has to be a spare.
 *   As long as the checks find room, or a spare, block e fits: either 3 F were left, or it goes to the spare.
 *
 * FULL is tried again by the preparing thread about once a second and at wal_forget(), and ends by itself. Before the
 * committer says FULL it waits for one more try, so that a preparing thread that is only slow is not taken for a full disk.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "wal/recover.h"
#include "wal/wal_internal.h"

/* ---- the current one ---- */

/* Its header stands in memory, as the end of the chain. */
static void
current_begin(struct wal *wal, const struct wal_segment *segment, uint64_t epoch)
{
	struct wal_segment_header header = {
		.sequence = segment->sequence,
		.epoch = epoch,
		.synced = atomic_load_explicit(&wal->block_synced, memory_order_relaxed), /* the committer's own */
		.previous = wal->last,
		.reused = segment->reused,
		.bytes = wal->segment_bytes,
	};

	memcpy(header.identity, wal->options.identity, sizeof(header.identity));
	wal_segment_header_encode(&header, wal->header);
	wal->current = *segment;
	wal->header_pending = true;
	wal->pushed = 0;
	wal->zeroed = 0;
	wal->last.sequence = segment->sequence;
	wal->last.end = WAL_HEADER_BYTES;
	wal->last.checksum = header.checksum;
	atomic_store_explicit(&wal->sequence, segment->sequence, memory_order_relaxed);
}

static int
header_write_direct(struct wal *wal)
{
	const struct wal_device *device = &wal->options.device;

	wal->pending = (struct wal_pending){ .end = WAL_HEADER_BYTES };
	wal_stage_fill(wal, &(struct iovec){ wal->header, WAL_HEADER_BYTES }, 1);
	int r = wal_stage_write(wal);

	if (r == 0)
		wal_stage_end(wal);
	if (r != -EINVAL && r != -EOPNOTSUPP)
		return r;
	/* It cannot after all: through the cache from now on. */
	wal->current.direct = false;
	wal->zeroed = 0;
	mem_free(wal->stage.data);
	wal->stage.data = NULL;
	r = device->direct(device->context, wal->current.file, false);
	return r < 0 ? r : -EOPNOTSUPP;
}

/* On the disk on return. */
static int
header_write(struct wal *wal)
{
	const struct wal_device *device = &wal->options.device;
	int r = wal->current.direct ? header_write_direct(wal) : -EOPNOTSUPP;

	if (r != -EOPNOTSUPP)
		return r;
	r = wal_write_all(device, wal->current.file, &(struct iovec){ wal->header, WAL_HEADER_BYTES }, 1, 0);
	return r < 0 ? r : device->sync(device->context, wal->current.file);
}

int
wal_segments_begin(struct wal *wal)
{
	struct wal_segment segment;
	const char *doing;
	int r = wal_files_begin(wal);

	if (r < 0)
		return r;
	r = wal_file_make(wal, wal->sequence_next, &segment, &doing);
	if (r < 0)
		return r;
	wal->sequence_next++;
	current_begin(wal, &segment, wal->options.epoch_first);
	r = header_write(wal);
	if (r < 0)
		return r;
	wal->header_pending = false;
	atomic_fetch_add_explicit(&wal->bytes, WAL_HEADER_BYTES, memory_order_relaxed);
	/* Else a server that is started again and again would fill the disk with the rests of its segments. */
	wal_files_trim(wal);
	return 0;
}

/* Under lock: asks the preparing thread for a try that begins after now. */
static void
prepare_ask(struct wal *wal)
{
	wal->prepare_asked++;
	(void)pthread_cond_signal(&wal->prepare);
}

int
wal_segment_next(struct wal *wal, uint64_t epoch)
{
	const struct wal_device *device = &wal->options.device;
	struct wal_segment old = wal->current;
	struct wal_segment next;
	char name[64];
	/* The chain must not lead to a segment past blocks that may still be lost, which would look like damage. */
	int r = wal_commit_sync(wal);

	if (r < 0)
		return r;
	wal_segment_name(old.sequence, name);
	(void)pthread_mutex_lock(&wal->lock);
	next = wal->spare;
	if (next.file >= 0) {
		wal_needed_add(&wal->files, name, old.sequence, wal->last.end);
		wal->spare.file = -1;
		wal->sequence_next++;
		prepare_ask(wal);
	}
	(void)pthread_mutex_unlock(&wal->lock);
	if (next.file < 0)
		return -ENOSPC;
	device->close(device->context, old.file);
	current_begin(wal, &next, epoch);
	return 0;
}

/* ---- room ---- */

static bool
spare_ready(struct wal *wal)
{
	(void)pthread_mutex_lock(&wal->lock);
	bool ready = wal->spare.file >= 0;

	(void)pthread_mutex_unlock(&wal->lock);
	return ready;
}

bool
wal_spare_await(struct wal *wal)
{
	if (!wal->started) {
		(void)wal_prepare(wal);
		return spare_ready(wal);
	}
	(void)pthread_mutex_lock(&wal->lock);
	if (wal->spare.file < 0) {
		prepare_ask(wal);
		uint64_t asked = wal->prepare_asked;

		while (wal->spare.file < 0 && wal->prepare_tried < asked)
			wal_wait_changed(wal);
	}
	bool ready = wal->spare.file >= 0;

	(void)pthread_mutex_unlock(&wal->lock);
	return ready;
}

void
wal_room_check(struct wal *wal)
{
	uint64_t left = wal->segment_bytes - wal->last.end;

	assert(!wal->header_pending);
	if (left >= WAL_FULL_BLOCKS_MIN * wal->block_bytes_max || wal_state(wal) != WAL_OK || spare_ready(wal) ||
	    wal_spare_await(wal))
		return;
	(void)pthread_mutex_lock(&wal->lock);
	if (wal->spare.file < 0)
		wal_state_set(wal, WAL_FULL, wal->prepare_error, wal->prepare_doing); /* W5: before E moves */
	(void)pthread_mutex_unlock(&wal->lock);
}

/* ---- preparing ---- */

/* Under files_lock. */
static int
spare_make(struct wal *wal, uint64_t sequence)
{
	const struct wal_device *device = &wal->options.device;
	struct wal_segment spare = { .file = -1 };
	const char *doing = "make room in the list of segments";

	(void)pthread_mutex_lock(&wal->lock);
	int r = wal_needed_reserve(&wal->files); /* for the one that the spare will follow */

	(void)pthread_mutex_unlock(&wal->lock);
	if (r == 0)
		r = wal_file_make(wal, sequence, &spare, &doing);
	if (r < 0)
		goto report;
	if (wal_failed(wal)) {
		device->close(device->context, spare.file);
		return -EIO;
	}
report:
	(void)pthread_mutex_lock(&wal->lock);
	wal->prepare_error = r;
	wal->prepare_doing = doing;
	if (r == 0) {
		wal->spare = spare;
		if (wal_state(wal) == WAL_FULL)
			wal_state_set(wal, WAL_OK, 0, "");
	}
	(void)pthread_mutex_unlock(&wal->lock);
	return r;
}

bool
wal_prepare(struct wal *wal)
{
	bool done = false;

	(void)pthread_mutex_lock(&wal->files_lock);
	(void)pthread_mutex_lock(&wal->lock);
	bool missing = wal->spare.file < 0;
	uint64_t sequence = wal->sequence_next;

	(void)pthread_mutex_unlock(&wal->lock);
	/* It stays missing: only we, under files_lock, make one. */
	if (missing && !wal_failed(wal))
		done = spare_make(wal, sequence) == 0;
	(void)pthread_mutex_unlock(&wal->files_lock);
	return done;
}
