/*
 * gate.c - requests that span several sections hold E still
 *
 * Each writer has a flag of its own; the committer has one for all. A writer raises its flag and then looks at the
 * committer's; the committer raises its own and then looks at each writer's. All are sequentially consistent, so at least
 * one sees the other: either the writer turns back, or the committer waits for it. A writer that comes while the
 * committer waits turns back at once, so the committer waits for those inside at most once each.
 *
 * Nobody spins: who leaves and sees the committer closing posts gate_left, and the committer sleeps on that. If the
 * leaver does not see it closing, the committer's look comes later in that order and finds the flag down.
 */
#include <assert.h>

#include "base/mutant.h"
#include "wal/wal_internal.h"

bool
wal_gate_try_enter(struct wal_writer *writer)
{
	struct wal *wal = writer->wal;

	assert(!atomic_load_explicit(&writer->inside, memory_order_relaxed)); /* our own */
	/* Relaxed: spares us the way in and out; a stale value costs only that. */
	if (atomic_load_explicit(&wal->closing, memory_order_relaxed))
		return false;
	atomic_store_explicit(&writer->inside, true, memory_order_seq_cst); /* W4 */
	if (!atomic_load_explicit(&wal->closing, memory_order_seq_cst))     /* W4 */
		return true;
	wal_gate_leave(writer);
	return false;
}

void
wal_gate_leave(struct wal_writer *writer)
{
	assert(atomic_load_explicit(&writer->inside, memory_order_relaxed));
	atomic_store_explicit(&writer->inside, false, memory_order_seq_cst); /* W4 */
	if (atomic_load_explicit(&writer->wal->closing, memory_order_seq_cst))
		(void)sem_post(&writer->wal->gate_left);
}

void
wal_gate_close(struct wal *wal)
{
	if (MUTANT(NO_GATE))
		return;
	atomic_store_explicit(&wal->closing, true, memory_order_seq_cst); /* W4 */
	/* A writer that this count misses was made after it, so after the store above, and turns back. */
	uint32_t count = atomic_load_explicit(&wal->writers_count, memory_order_seq_cst);

	for (uint32_t i = 0; i < count; i++) {
		while (atomic_load_explicit(&wal->writers[i]->inside, memory_order_seq_cst)) /* W4 */
			(void)sem_wait(&wal->gate_left); /* somebody left or turned back, now or earlier: look again */
	}
}

void
wal_gate_open(struct wal *wal)
{
	atomic_store_explicit(&wal->closing, false, memory_order_seq_cst);
	/* What is left over, or comes late, only makes one wait look once more. */
	while (sem_trywait(&wal->gate_left) == 0)
		;
}
