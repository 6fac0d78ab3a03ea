/*
 * wal.c - the log's life, what other threads ask of it, and its figures
 *
 * Whoever waits (wal_sync(), wal_rotate(), a writer that goes) writes down what it wants under the lock, kicks the committer
 * and sleeps on `changed`. Without a committer's thread (before wal_start(), in tests with a scheduler of their own, and at the
 * end) it does the committer's work itself.
 */
#include "wal/wal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/mutant.h"
#include "wal/wal_internal.h"

enum {
	WRITER_BYTES_LEAST = 64 << 10,
	SEGMENT_SHARES_MAX = 32, /* no buffer is a smaller part of the segment asked for, up to WAL_WRITER_BYTES_MIN */
	SEGMENT_BLOCKS_MIN = 4,  /* full ones, that a segment has room for */
};
static_assert((int)WRITER_BYTES_LEAST > (int)WAL_CREATE_BYTES_MAX, "every record fits into an empty buffer");
static_assert((int)SEGMENT_BLOCKS_MIN > (int)WAL_FULL_BLOCKS_MIN,
              "a fresh segment has room enough after its first block");

/* ---- life ---- */

static void
sizes_set(struct wal *wal)
{
	const struct wal_options *options = &wal->options;
	const uint64_t headers = WAL_HEADER_BYTES + SEGMENT_BLOCKS_MIN * (uint64_t)WAL_BLOCK_HEADER_BYTES;
	uint64_t payload =
	    options->segment_bytes > headers ? (options->segment_bytes - headers) / SEGMENT_BLOCKS_MIN : 0;

	if (payload > UINT32_MAX)
		payload = UINT32_MAX;
	uint64_t share = payload / options->writers_max;

	/* Who asks for small segments gets them, and takes shorter requests. */
	uint64_t least = options->segment_bytes / SEGMENT_SHARES_MAX;

	if (least < WRITER_BYTES_LEAST)
		least = WRITER_BYTES_LEAST;
	if (least > WAL_WRITER_BYTES_MIN)
		least = WAL_WRITER_BYTES_MIN;
	share -= share % WAL_BLOCK_ALIGNMENT;
	if (share < least)
		share = least;
	if (share > WAL_WRITER_BYTES_MAX)
		share = WAL_WRITER_BYTES_MAX;
	wal->writer_capacity = options->writer_bytes > 0 ? options->writer_bytes : (size_t)share;
	wal->block_bytes_max = WAL_BLOCK_HEADER_BYTES + wal_block_padded(options->writers_max * wal->writer_capacity);
	wal->segment_bytes = WAL_HEADER_BYTES + SEGMENT_BLOCKS_MIN * wal->block_bytes_max;
	if (wal->segment_bytes < options->segment_bytes)
		wal->segment_bytes = options->segment_bytes;
	/* Whole pages, for who writes around the cache. */
	wal->segment_bytes = (wal->segment_bytes + WAL_DIRECT_BYTES - 1) & ~(uint64_t)(WAL_DIRECT_BYTES - 1);
	assert(options->writers_max * wal->writer_capacity <= UINT32_MAX); /* a block's payload */
}

static int
conditions_init(struct wal *wal)
{
	pthread_condattr_t attributes;
	int r = pthread_condattr_init(&attributes);

	if (r != 0)
		return -r;
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	/* Neither these nor mutexes and semaphores can fail on Linux; asserted, not handled. */
	r = pthread_cond_init(&wal->changed, &attributes);
	assert(r == 0);
	r = pthread_cond_init(&wal->prepare, &attributes);
	assert(r == 0);
	(void)pthread_condattr_destroy(&attributes);
	(void)pthread_mutex_init(&wal->wake_lock, NULL);
	(void)pthread_mutex_init(&wal->files_lock, NULL);
	(void)pthread_mutex_init(&wal->lock, NULL);
	(void)sem_init(&wal->kick, 0, 0);
	(void)sem_init(&wal->gate_left, 0, 0);
	return 0;
}

/* Everything that needs no disk. NULL: no memory. */
static struct wal *
wal_new(const struct wal_options *options)
{
	size_t pieces = (size_t)options->writers_max + 4; /* two headers, the padding, zeros ahead */
	struct wal *wal = mem_alloc_aligned(WAL_CACHE_LINE, sizeof(*wal));

	if (wal == NULL)
		return NULL;
	*wal = (struct wal){
		.options = *options,
		.current.file = -1,
		.spare.file = -1,
		.last = options->last,
		.sequence_next = options->sequence_first,
		.prepare_doing = "",
		.pieces = mem_alloc(pieces * sizeof(*wal->pieces)),
		.hashed = mem_alloc(pieces * sizeof(*wal->hashed)),
		.writers = mem_alloc_zeroed(options->writers_max * sizeof(struct wal_writer *)),
	};
	if (wal->pieces == NULL || wal->hashed == NULL || wal->writers == NULL || conditions_init(wal) < 0) {
		mem_free(wal->pieces);
		mem_free(wal->hashed);
		mem_free(wal->writers);
		mem_free(wal);
		return NULL;
	}
	sizes_set(wal);
	wal_stage_begin(wal);
	atomic_init(&wal->state, WAL_OK);
	atomic_init(&wal->epoch, options->epoch_first);
	atomic_init(&wal->released, options->epoch_first - 1);
	atomic_init(&wal->durable, options->epoch_first - 1);
	atomic_init(&wal->block_synced, options->last.epoch); /* recovery synced all it read */
	return wal;
}

static void
segment_close(const struct wal *wal, const struct wal_segment *segment)
{
	if (segment->file >= 0)
		wal->options.device.close(wal->options.device.context, segment->file);
}

static void
wal_free(struct wal *wal)
{
	segment_close(wal, &wal->current);
	segment_close(wal, &wal->spare);
	wal_writers_free(wal);
	(void)sem_destroy(&wal->gate_left);
	(void)sem_destroy(&wal->kick);
	(void)pthread_cond_destroy(&wal->prepare);
	(void)pthread_cond_destroy(&wal->changed);
	(void)pthread_mutex_destroy(&wal->lock);
	(void)pthread_mutex_destroy(&wal->files_lock);
	(void)pthread_mutex_destroy(&wal->wake_lock);
	mem_free(wal->stage.data);
	mem_free(wal->files.needed);
	mem_free(wal->hashed);
	mem_free(wal->pieces);
	mem_free(wal);
}

int
wal_create(const struct wal_options *options, struct wal **ret_wal)
{
	assert(options->writers_max > 0);
	assert(options->epoch_first > options->last.epoch);
	assert(options->sequence_first > options->last.sequence);
	struct wal *wal = wal_new(options);

	if (wal == NULL)
		return -ENOMEM;
	int r = wal_segments_begin(wal);

	if (r < 0) {
		wal_free(wal);
		return r;
	}
	options->epoch_store(options->context, options->epoch_first);
	*ret_wal = wal;
	return 0;
}

void
wal_destroy(struct wal *wal)
{
	if (wal == NULL)
		return;
	wal_threads_end(wal);
	while (wal_commit(wal))
		;
	if (!wal_failed(wal))
		(void)wal_commit_sync(wal); /* says so itself */
	wal_free(wal);
}

/* ---- state, kick, change ---- */

void
wal_state_set(struct wal *wal, enum wal_state state, int error, const char *doing)
{
	int before = atomic_load_explicit(&wal->state, memory_order_relaxed); /* changes under the lock alone */

	if (before == WAL_FAILED || before == (int)state)
		return;
	atomic_store_explicit(&wal->state, (int)state, memory_order_seq_cst); /* W2, W5 */
	wal->options.state_changed(wal->options.context, state, error, doing);
}

enum wal_state
wal_state(const struct wal *wal)
{
	return (enum wal_state)atomic_load_explicit(&wal->state, memory_order_acquire); /* W5 */
}

bool
wal_failed(const struct wal *wal)
{
	return wal_state(wal) == WAL_FAILED;
}

void
wal_kick(struct wal *wal)
{
	if (!atomic_exchange_explicit(&wal->kicked, true, memory_order_acq_rel)) /* W3 */
		(void)sem_post(&wal->kick);
}

void
wal_wait_changed(struct wal *wal)
{
	if (wal->started) {
		wal->waiting++;
		(void)pthread_cond_wait(&wal->changed, &wal->lock);
		wal->waiting--;
		return;
	}
	(void)pthread_mutex_unlock(&wal->lock);
	(void)wal_commit(wal);
	(void)pthread_mutex_lock(&wal->lock);
}

void
wal_changed(struct wal *wal)
{
	(void)pthread_mutex_lock(&wal->lock);
	if (wal->waiting > 0)
		(void)pthread_cond_broadcast(&wal->changed);
	(void)pthread_mutex_unlock(&wal->lock);
}

/* ---- any thread ---- */

bool
wal_holds_replies(const struct wal *wal)
{
	return wal->options.fsync == WAL_FSYNC_TRUE && !MUTANT(NOT_HELD);
}

uint64_t
wal_released(const struct wal *wal)
{
	return atomic_load_explicit(&wal->released, memory_order_acquire); /* W1 */
}

uint64_t
wal_epoch(const struct wal *wal)
{
	return atomic_load_explicit(&wal->epoch, memory_order_seq_cst);
}

uint64_t
wal_synced(const struct wal *wal)
{
	return atomic_load_explicit(&wal->block_synced, memory_order_acquire);
}

int
wal_sync(struct wal *wal, uint64_t epoch)
{
	assert(epoch <= wal_epoch(wal));
	(void)pthread_mutex_lock(&wal->lock);
	if (wal->sync_wanted < epoch)
		wal->sync_wanted = epoch;
	wal_kick(wal);
	while (atomic_load_explicit(&wal->durable, memory_order_acquire) < epoch && !wal_failed(wal))
		wal_wait_changed(wal);
	(void)pthread_mutex_unlock(&wal->lock);
	return wal_failed(wal) ? -EIO : 0;
}

int
wal_rotate(struct wal *wal, uint64_t *ret_sequence)
{
	(void)pthread_mutex_lock(&wal->lock);
	assert(wal->rotate_wanted == wal->rotate_done); /* one at a time */
	wal->rotate_wanted++;
	wal_kick(wal);
	while (wal->rotate_done != wal->rotate_wanted && !wal_failed(wal))
		wal_wait_changed(wal);
	wal->rotate_done = wal->rotate_wanted;
	*ret_sequence = wal->rotate_sequence;
	(void)pthread_mutex_unlock(&wal->lock);
	return wal_failed(wal) ? -EIO : 0;
}

void
wal_figures(const struct wal *wal, struct wal_figures *ret)
{
	*ret = (struct wal_figures){
		.epoch = wal_epoch(wal),
		.released = wal_released(wal),
		.sequence = atomic_load_explicit(&wal->sequence, memory_order_relaxed),
		.bytes = atomic_load_explicit(&wal->bytes, memory_order_relaxed),
		.blocks = atomic_load_explicit(&wal->blocks, memory_order_relaxed),
		.payload_bytes = atomic_load_explicit(&wal->payload_bytes, memory_order_relaxed),
		.syncs = atomic_load_explicit(&wal->syncs, memory_order_relaxed),
	};
}
