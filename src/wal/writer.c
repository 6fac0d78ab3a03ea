/*
 * writer.c - two buffers per writer, filled by its own thread without a lock
 *
 * buffer[t & 1] holds what was appended with tag t. Nobody empties it: when t is released the writer may use it again for
 * t + 2, and does so by taking it over in wal_group_begin(). E reaches t + 2 only after t is released, so a tag never meets a
 * buffer that is still being written out:
 *
 *   writer:     load tag t + 2  ... after E = t + 2, stored after released = t          (the engine's word carries this edge)
 *   committer:  reads buffer[t & 1] between the quiescence that closes t and released = t  (Q1 before, W1 after)
 *
 * So each buffer's fields are plain memory with one writer at a time and ordered readers.
 */
#include <assert.h>
#include <errno.h>

#include "base/memory.h"
#include "wal/wal_internal.h"

/* ---- life ---- */

static void
writer_free(struct wal_writer *writer)
{
	if (writer == NULL)
		return;
	mem_free(writer->buffers[0].data);
	mem_free(writer->buffers[1].data);
	mem_free(writer);
}

static struct wal_writer *
writer_new(struct wal *wal)
{
	struct wal_writer *writer = mem_alloc_aligned(WAL_CACHE_LINE, sizeof(*writer));

	if (writer == NULL)
		return NULL;
	*writer = (struct wal_writer){ .wal = wal };
	for (unsigned i = 0; i < 2; i++) {
		/* The encoder may scribble behind a record, inside its bound. */
		writer->buffers[i].data = mem_alloc(wal->writer_capacity + WAL_CREATE_BYTES_MAX);
		if (writer->buffers[i].data == NULL) {
			writer_free(writer);
			return NULL;
		}
	}
	return writer;
}

void
wal_writers_free(struct wal *wal)
{
	for (uint32_t i = 0; i < atomic_load_explicit(&wal->writers_count, memory_order_acquire); i++) {
		assert(!wal->writers[i]->used);
		writer_free(wal->writers[i]);
	}
	mem_free(wal->writers);
}

/* Under lock. One that is free, or a new one. */
static int
writer_take(struct wal *wal, struct wal_writer **ret)
{
	uint32_t count = atomic_load_explicit(&wal->writers_count, memory_order_relaxed);

	for (uint32_t i = 0; i < count; i++) {
		if (!wal->writers[i]->used) {
			*ret = wal->writers[i];
			return 0;
		}
	}
	if (count == wal->options.writers_max)
		return -EMFILE;
	struct wal_writer *writer = writer_new(wal);

	if (writer == NULL)
		return -ENOMEM;
	wal->writers[count] = writer;
	atomic_store_explicit(&wal->writers_count, count + 1, memory_order_seq_cst); /* in the order of gate.c */
	*ret = writer;
	return 0;
}

int
wal_writer_create(struct wal *wal, void (*wake)(void *context), void *context, struct wal_writer **ret)
{
	struct wal_writer *writer = NULL;

	(void)pthread_mutex_lock(&wal->lock);
	int r = writer_take(wal, &writer);

	if (r == 0)
		writer->used = true;
	(void)pthread_mutex_unlock(&wal->lock);
	if (r < 0)
		return r;
	assert(atomic_load_explicit(&writer->wanted, memory_order_relaxed) == 0);
	(void)pthread_mutex_lock(&wal->wake_lock);
	writer->wake = wake;
	writer->wake_context = context;
	(void)pthread_mutex_unlock(&wal->wake_lock);
	writer->dirty = false;
	*ret = writer;
	return 0;
}

/* Has everything it appended been released, or will it never be? */
static bool
writer_is_done(const struct wal_writer *writer)
{
	uint64_t appended = atomic_load_explicit(&writer->appended, memory_order_relaxed); /* our own */

	return appended <= wal_released(writer->wal) || wal_failed(writer->wal);
}

void
wal_writer_destroy(struct wal_writer *writer)
{
	if (writer == NULL)
		return;
	struct wal *wal = writer->wal;

	assert(!atomic_load_explicit(&writer->inside, memory_order_relaxed));
	wal_kick(wal);
	/* After this no wake() runs or begins. */
	(void)pthread_mutex_lock(&wal->wake_lock);
	atomic_store_explicit(&writer->wanted, 0, memory_order_seq_cst);
	(void)pthread_mutex_unlock(&wal->wake_lock);
	(void)pthread_mutex_lock(&wal->lock);
	while (!writer_is_done(writer))
		wal_wait_changed(wal);
	assert(writer->used);
	writer->used = false;
	(void)pthread_mutex_unlock(&wal->lock);
}

/* ---- room and groups ---- */

size_t
wal_writer_capacity(const struct wal_writer *writer)
{
	return writer->wal->writer_capacity;
}

size_t
wal_writer_room(const struct wal_writer *writer)
{
	uint64_t released = wal_released(writer->wal); /* W1 */
	size_t used = 0;

	for (unsigned i = 0; i < 2; i++) {
		const struct wal_buffer *buffer = &writer->buffers[i];

		if (buffer->tag > released && buffer->used > used)
			used = buffer->used;
	}
	return writer->wal->writer_capacity - used;
}

void
wal_group_begin(struct wal_group *group, struct wal_writer *writer, uint64_t tag)
{
	struct wal_buffer *buffer = &writer->buffers[tag & 1];

	if (buffer->tag != tag) {
		/* W1: what it held is written and done with. */
		assert(buffer->tag < tag && buffer->tag <= wal_released(writer->wal));
		buffer->tag = tag;
		buffer->used = 0;
	}
	*group = (struct wal_group){ .writer = writer, .at = buffer->data + buffer->used, .tag = tag };
}

void
wal_group_add(struct wal_group *group, const struct wal_record *record)
{
	group->last_kind = group->at;
	group->at += wal_record_encode(record, group->at);
	assert(group->at <= group->writer->buffers[group->tag & 1].data + group->writer->wal->writer_capacity);
}

void
wal_group_end(struct wal_group *group)
{
	struct wal_writer *writer = group->writer;
	struct wal_buffer *buffer = &writer->buffers[group->tag & 1];

	if (group->last_kind == NULL)
		return;
	*group->last_kind |= WAL_LAST_OF_GROUP;
	buffer->used = (size_t)(group->at - buffer->data);
	writer->dirty = true;
	/* Relaxed: a hint that there is something to commit, carried by the kick that follows (W3). */
	if (atomic_load_explicit(&writer->appended, memory_order_relaxed) < group->tag)
		atomic_store_explicit(&writer->appended, group->tag, memory_order_relaxed);
}

/* ---- asking and waiting ---- */

void
wal_writer_flush(struct wal_writer *writer)
{
	if (!writer->dirty)
		return;
	writer->dirty = false;
	wal_kick(writer->wal);
}

bool
wal_writer_wait(struct wal_writer *writer, uint64_t epoch)
{
	struct wal *wal = writer->wal;

	atomic_store_explicit(&writer->wanted, epoch, memory_order_seq_cst); /* W2 */
	if (epoch == 0)
		return false;
	assert(epoch <= wal_epoch(wal));
	if (atomic_load_explicit(&wal->released, memory_order_seq_cst) < epoch &&
	    atomic_load_explicit(&wal->state, memory_order_seq_cst) != WAL_FAILED) {
		writer->dirty = false;
		wal_kick(wal);
		return true;
	}
	/* If the committer has taken it meanwhile, it calls wake(). */
	return !atomic_compare_exchange_strong_explicit(&writer->wanted, &epoch, 0, memory_order_seq_cst,
	                                                memory_order_seq_cst);
}

bool
wal_writers_waiting(const struct wal *wal)
{
	uint64_t released = atomic_load_explicit(&wal->released, memory_order_relaxed); /* the committer's own */

	for (uint32_t i = 0; i < atomic_load_explicit(&wal->writers_count, memory_order_acquire); i++) {
		const struct wal_writer *writer = wal->writers[i];

		/* Relaxed: what was stored before a kick is seen after it (W3), the rest comes with its own kick. */
		if (atomic_load_explicit(&writer->appended, memory_order_relaxed) > released ||
		    atomic_load_explicit(&writer->wanted, memory_order_relaxed) > released)
			return true;
	}
	return false;
}

/* Under wake_lock. */
static void
writer_wake(struct wal_writer *writer)
{
	struct wal *wal = writer->wal;
	uint64_t wanted = atomic_load_explicit(&writer->wanted, memory_order_seq_cst); /* W2 */

	while (wanted != 0 && (wanted <= wal_released(wal) || wal_failed(wal))) {
		if (atomic_compare_exchange_weak_explicit(&writer->wanted, &wanted, 0, memory_order_seq_cst,
		                                          memory_order_seq_cst)) {
			writer->wake(writer->wake_context);
			return;
		}
	}
}

void
wal_writers_wake(struct wal *wal)
{
	(void)pthread_mutex_lock(&wal->wake_lock);
	for (uint32_t i = 0; i < atomic_load_explicit(&wal->writers_count, memory_order_seq_cst); i++)
		writer_wake(wal->writers[i]);
	(void)pthread_mutex_unlock(&wal->wake_lock);
}
