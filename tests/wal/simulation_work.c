#include <errno.h>

#include "wal/simulation.h"

/* ---- writers ---- */

static void
group_append(struct sim *sim, struct wal_writer *writer, uint64_t tag, size_t records_max)
{
	uint32_t records =
	    1 + (uint32_t)random_below(&sim->random, records_max < SIM_RECORDS_MAX ? records_max : SIM_RECORDS_MAX);
	uint64_t number = sim_group_new(sim, tag, records);
	struct wal_group group;

	wal_group_begin(&group, writer, tag);
	for (uint32_t i = 0; i < records; i++)
		wal_group_add(&group, &(struct wal_record){ .kind = WAL_ADD,
		                                            .tree_id = 1,
		                                            .generation = random_skewed(&sim->random),
		                                            .key = number,
		                                            .day = records,
		                                            .delta = i });
	wal_group_end(&group);
}

/*
 * Does the section see WAL_OK? One that runs while E moves may have looked before the commit found the disk full, and load its
 * tag only now.
 */
static bool
state_is_ok(struct sim *sim)
{
	if (sim->moving && sim->was_ok && !wal_failed(sim->wal))
		return true;
	return wal_state(sim->wal) == WAL_OK;
}

/* One section: looks at the state, loads a tag, appends what there is room for. */
static void
section(struct sim *sim, struct sim_writer *writer, unsigned groups)
{
	epoch_begin(sim->worker);
	uint64_t tag = atomic_load_explicit(&sim->epoch, memory_order_seq_cst);
	/* Room counts both buffers: only when one is left a little may the other be filled beside it. */
	size_t leave = 1 + (size_t)random_below(&sim->random, 3);

	sim_totals.refused += wal_state(sim->wal) == WAL_FULL;
	for (; groups > 0 && state_is_ok(sim); groups--) {
		size_t records_max = wal_writer_room(writer->writer) / WAL_RECORD_BYTES_MAX;

		if (records_max < leave)
			break;
		group_append(sim, writer->writer, tag, records_max);
	}
	epoch_end(sim->worker);
}

static void
wait_for(struct sim *sim, struct sim_writer *writer)
{
	uint64_t epoch = wal_epoch(sim->wal) - random_below(&sim->random, 2);

	if (writer->waits_for != 0 && !writer->woken)
		(void)wal_writer_wait(writer->writer, 0);
	writer->woken = false;
	writer->waits_for = epoch;
	if (!wal_writer_wait(writer->writer, epoch)) {
		SIM_CHECK(sim, wal_released(sim->wal) >= epoch || wal_failed(sim->wal));
		writer->waits_for = 0;
	}
	sim_totals.waits++;
}

static void
act(struct sim *sim)
{
	struct sim_writer *writer = &sim->writers[random_below(&sim->random, SIM_WRITERS)];
	bool full = sim_chance(sim, 20);

	if (sim_chance(sim, sim->flood ? 90 : 10)) {
		for (int i = 0; i < SIM_WRITERS; i++) {
			if (sim->writers[i].writer != NULL)
				section(sim, &sim->writers[i], UINT32_MAX);
		}
		return;
	}
	if (writer->writer == NULL)
		return; /* going */
	if (sim_chance(sim, 20)) {
		wait_for(sim, writer);
		return;
	}
	if (sim_chance(sim, 20) && wal_gate_try_enter(writer->writer)) {
		uint64_t before = atomic_load_explicit(&sim->epoch, memory_order_seq_cst);

		section(sim, writer, 1);
		section(sim, writer, 1);
		SIM_CHECK(sim, atomic_load_explicit(&sim->epoch, memory_order_seq_cst) == before);
		wal_gate_leave(writer->writer);
	} else {
		section(sim, writer, full ? UINT32_MAX : 1 + (unsigned)random_below(&sim->random, 3));
	}
	wal_writer_flush(writer->writer);
}

void
sim_interlude(struct sim *sim)
{
	bool before = sim->inside;

	sim->inside = false;
	while (sim_chance(sim, sim->flood ? 90 : 40)) {
		act(sim);
		sim_totals.straddled++;
	}
	sim->inside = before;
}

/* ---- what the log says ---- */

void
sim_observe(struct sim *sim)
{
	uint64_t released = wal_released(sim->wal);

	SIM_CHECK(sim, released >= sim->released_last);
	SIM_CHECK(sim, wal_failed(sim->wal) == sim->failed_seen);
	SIM_CHECK(sim, atomic_load_explicit(&sim->epoch, memory_order_seq_cst) == wal_epoch(sim->wal));
	/* Between commits E is one ahead, or stuck because the log has failed. */
	SIM_CHECK(sim,
	          wal_epoch(sim->wal) == released + 1 || (sim->failed_seen && wal_epoch(sim->wal) <= released + 2));
	if (wal_holds_replies(sim->wal))
		sim_safe_up_to(sim, released);
	sim->released_last = released;
	for (int i = 0; i < SIM_WRITERS; i++) {
		struct sim_writer *writer = &sim->writers[i];

		if (writer->waits_for == 0)
			continue;
		SIM_CHECK(sim, writer->woken == (released >= writer->waits_for || sim->failed_seen));
		if (writer->woken)
			writer->waits_for = 0;
	}
}

static void
safe_after_sync(struct sim *sim, int r, uint64_t epoch)
{
	SIM_CHECK(sim, r == 0 ? !sim->failed_seen : r == -EIO && sim->failed_seen);
	if (r == 0)
		sim_safe_up_to(sim, epoch);
}

/* ---- the others ---- */

static void
sync_log(struct sim *sim)
{
	uint64_t epoch = wal_epoch(sim->wal) - random_below(&sim->random, 2);

	safe_after_sync(sim, wal_sync(sim->wal, epoch), epoch);
}

static int
rotate(struct sim *sim, uint64_t *ret_sequence)
{
	uint64_t epoch = wal_epoch(sim->wal);
	int r = wal_rotate(sim->wal, ret_sequence);

	SIM_CHECK(sim,
	          r == 0 || (r == -EIO && sim->failed_seen) || (r == -ENOSPC && (sim->room_injected || sim->dead)));
	SIM_CHECK(sim, r < 0 || wal_epoch(sim->wal) > epoch);
	sim_totals.rotations += r == 0;
	return r;
}

static void
candidates_settle(struct sim *sim, bool done)
{
	for (size_t i = 0; i < sim->group_count; i++) {
		sim->groups[i].in_dump = sim->groups[i].in_dump || (done && sim->groups[i].candidate);
		sim->groups[i].candidate = false;
	}
}

static void
dump(struct sim *sim)
{
	uint64_t sequence;

	if (rotate(sim, &sequence) < 0)
		return;
	if (sim_chance(sim, 50))
		act(sim);
	for (size_t i = 0; i < sim->group_count; i++)
		sim->groups[i].candidate = !sim->groups[i].lost;
	uint64_t epoch = wal_epoch(sim->wal);
	int r = wal_sync(sim->wal, epoch);

	safe_after_sync(sim, r, epoch);
	/* A crash before the manifest is renamed is as if there had been none. */
	bool done = r == 0 && sim_chance(sim, 90);

	candidates_settle(sim, done);
	if (!done)
		return;
	sim->manifest =
	    (struct sim_manifest){ .sequence_first = sequence, .epoch = epoch, .synced = wal_synced(sim->wal) };
	sim_totals.dumps++;
	if (sim_chance(sim, 30) && rotate(sim, &(uint64_t){ 0 }) < 0)
		return;
	if (sim_chance(sim, 90)) {
		wal_forget(sim->wal, sequence);
		sim_totals.forgets++;
	}
}

static void
writer_replace(struct sim *sim)
{
	struct sim_writer *writer = &sim->writers[random_below(&sim->random, SIM_WRITERS)];
	struct wal_writer *going = writer->writer;

	writer->writer = NULL;
	writer->waits_for = 0;
	wal_writer_destroy(going); /* ends its wait */
	sim_writer_begin(sim, writer);
	SIM_CHECK(sim, writer->writer == going);
}

/* Something goes wrong, at once or later. */
static void
misfortune(struct sim *sim)
{
	static const enum memory_call harmless[] = { MEMORY_OPEN,   MEMORY_ALLOCATE,       MEMORY_RENAME,
		                                     MEMORY_REMOVE, MEMORY_SYNC_DIRECTORY, MEMORY_SIZE,
		                                     MEMORY_PUSH };
	enum memory_call call = sim_chance(sim, 50) ? MEMORY_WRITE : MEMORY_SYNC;

	if (sim_chance(sim, 60)) {
		sim->memory->room = random_below(&sim->random, 3) * random_below(&sim->random, 10000);
		sim->room_injected = true;
		return;
	}
	if (sim_chance(sim, 60)) {
		call = harmless[random_below(&sim->random, sizeof(harmless) / sizeof(*harmless))];
		sim->memory->fault[call].forever = sim_chance(sim, 30);
	} else if (sim_chance(sim, 50)) {
		return; /* else hardly a log lives long */
	} else {
		sim->fault_injected = true;
	}
	sim->room_injected = true;
	sim->memory->fault[call].error = -EIO;
	sim->memory->fault[call].countdown = 1 + random_below(&sim->random, 10);
}

/* And ends: the log must be well again, if it has not failed. */
static void
fortune(struct sim *sim)
{
	for (int call = 0; call < MEMORY_CALLS && !sim->dead; call++) {
		sim->memory->fault[call].countdown = 0;
		sim->memory->fault[call].forever = false;
	}
	if (sim->dead)
		return;
	sim->memory->room = UINT64_MAX;
	bool was_full = wal_state(sim->wal) == WAL_FULL;

	bool prepared = wal_prepare(sim->wal);

	SIM_CHECK(sim, sim->dead || ((prepared || !was_full) && wal_state(sim->wal) != WAL_FULL));
}

static void
commit(struct sim *sim)
{
	uint64_t epoch = wal_epoch(sim->wal);

	if (sim->wal->unsynced && sim_chance(sim, 20))
		sim->wal->unsynced_since_ns -= 2000000000; /* two seconds later */
	sim_totals.commits += wal_commit(sim->wal);
	SIM_CHECK(sim, wal_epoch(sim->wal) <= epoch + 1);
}

void
sim_step(struct sim *sim)
{
	uint64_t what = random_below(&sim->random, 100);
	uint64_t sequence;

	sim->step++;
	sim->was_ok = wal_state(sim->wal) == WAL_OK;
	if (sim->die_after == 0 && !sim->dead && sim_chance(sim, 2))
		sim->die_after = 1 + random_below(&sim->random, 20);
	sim->inside = true;
	if (what < 40) {
		sim->inside = false;
		act(sim);
	} else if (what < 70) {
		commit(sim);
	} else if (what < 78) {
		(void)wal_prepare(sim->wal);
	} else if (what < 83) {
		sync_log(sim);
	} else if (what < 86) {
		(void)rotate(sim, &sequence);
	} else if (what < 90) {
		dump(sim);
	} else if (what < 93) {
		writer_replace(sim);
	} else if (what < 97) {
		misfortune(sim);
	} else {
		fortune(sim);
	}
	sim->inside = false;
	if (sim->trace)
		printf("  step %u: %u, epoch %llu, released %llu, state %d, groups %zu%s\n", sim->step, (unsigned)what,
		       (unsigned long long)wal_epoch(sim->wal), (unsigned long long)wal_released(sim->wal),
		       (int)wal_state(sim->wal), sim->group_count, sim->dead ? ", dead" : "");
	sim_observe(sim);
}
