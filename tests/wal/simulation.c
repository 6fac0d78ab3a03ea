#include "wal/simulation.h"

#include <errno.h>
#include <string.h>

static void
die(struct sim *sim)
{
	sim->dead = true;
	for (int call = 0; call < MEMORY_CALLS; call++) {
		sim->memory->fault[call].countdown = 1;
		sim->memory->fault[call].error = -EIO;
		sim->memory->fault[call].forever = true;
	}
}

static void
faults_clear(struct sim *sim)
{
	memset(sim->memory->fault, 0, sizeof(sim->memory->fault));
	sim->dead = false;
	sim->die_after = 0;
}

/* ---- callbacks ---- */

static void
before_call(void *context, enum memory_call call, const char *name)
{
	struct sim *sim = context;

	(void)name;
	if (sim->inside)
		sim_interlude(sim);
	if (sim->wal != NULL && (call == MEMORY_WRITE || call == MEMORY_SYNC))
		sim->was_ok = wal_state(sim->wal) == WAL_OK; /* a section that begins now sees it */
	if (sim->die_after > 0 && --sim->die_after == 0)
		die(sim);
}

static void
epoch_store(void *context, uint64_t epoch)
{
	struct sim *sim = context;

	/* First those that began before and are to end before the quiescence, then those that begin after. */
	sim->moving = true;
	if (sim->inside)
		sim_interlude(sim);
	atomic_store_explicit(&sim->epoch, epoch, memory_order_seq_cst);
	if (sim->inside)
		sim_interlude(sim);
	sim->moving = false;
	sim->was_ok = false; /* those that looked before have ended when this commit is done with its quiescence */
}

static uint32_t
today(void *context)
{
	(void)context;
	return 20240229;
}

static void
grown(void *context)
{
	struct sim *sim = context;
	struct wal_figures figures;

	wal_figures(sim->wal, &figures);
	SIM_CHECK(sim, figures.bytes > sim->options.bytes_max);
	sim->grown++;
}

static void
state_changed(void *context, enum wal_state state, int error, const char *doing)
{
	struct sim *sim = context;

	SIM_CHECK(sim, !sim->failed_seen); /* final */
	SIM_CHECK(sim, (state == WAL_OK) == (error == 0) && doing != NULL);
	/* Room was reserved: what is short is never a reason to fail. */
	SIM_CHECK(sim, state != WAL_FAILED || sim->fault_injected || sim->dead);
	SIM_CHECK(sim, state != WAL_FULL || sim->room_injected || sim->dead);
	sim->failed_seen = state == WAL_FAILED;
	sim_totals.fulls += state == WAL_FULL;
	sim_totals.failures += state == WAL_FAILED && !sim->dead;
}

static void
wake(void *context)
{
	struct sim_writer *writer = context;

	SIM_CHECK(writer->sim, writer->waits_for != 0);
	SIM_CHECK(writer->sim, !writer->woken);
	SIM_CHECK(writer->sim, wal_released(writer->sim->wal) >= writer->waits_for || wal_failed(writer->sim->wal));
	writer->woken = true;
}

void
sim_writer_begin(struct sim *sim, struct sim_writer *writer)
{
	*writer = (struct sim_writer){ .sim = sim };
	SIM_CHECK(sim, wal_writer_create(sim->wal, wake, writer, &writer->writer) == 0);
}

/* ---- the world ---- */

void
sim_begin(struct sim *sim, uint64_t seed, bool trace)
{
	*sim = (struct sim){ .seed = seed, .random = seed, .trace = trace, .memory = memory_device_create(~seed) };
	sim->worker = epoch_worker_create();
	SIM_CHECK(sim, sim->worker != NULL);
	sim->memory->before = before_call;
	sim->memory->before_context = sim;
	sim->options = (struct wal_options){
		.device = memory_device_wal(sim->memory),
		.identity = "0123456789abcde",
		.epoch_store = epoch_store,
		.today = today,
		.grown = grown,
		.state_changed = state_changed,
		.context = sim,
	};
}

void
sim_end(struct sim *sim)
{
	epoch_worker_destroy(sim->worker);
	memory_device_destroy(sim->memory);
	free(sim->groups);
}

static uint64_t
max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void
options_choose(struct sim *sim)
{
	struct wal_options *options = &sim->options;

	options->fsync = (enum wal_fsync)random_below(&sim->random, 3);
	options->writers_max = SIM_WRITERS;
	options->writer_bytes = (uint32_t)(WAL_RECORD_BYTES_MAX + random_below(&sim->random, 1000));
	options->segment_bytes = random_below(&sim->random, 20000);
	options->bytes_max = sim_chance(sim, 50) ? UINT64_MAX : random_below(&sim->random, 30000);
	options->epoch_first = 1 + max(sim->recovered.epoch_highest, sim->manifest.epoch);
	options->sequence_first = max(sim->recovered.sequence_highest + 1, sim->manifest.sequence_first);
	options->sequence_needed = sim_chance(sim, 80) ? sim->manifest.sequence_first : 0;
	options->last = sim->recovered.last;
	sim->memory->short_transfers = sim_chance(sim, 30);
	sim->memory->direct = sim_chance(sim, 60);
}

static bool
log_create(struct sim *sim)
{
	options_choose(sim);
	int r = wal_create(&sim->options, &sim->wal);

	if (r < 0) {
		SIM_CHECK(sim, sim->dead && r == -EIO);
		sim->wal = NULL;
	}
	return r == 0;
}

static void
machine_restart(struct sim *sim)
{
	faults_clear(sim);
	sim->memory->room = UINT64_MAX;
	memory_device_crash(sim->memory);
}

void
sim_run_begin(struct sim *sim)
{
	sim->run++;
	sim->step = 0;
	sim->inside = false;
	sim->fault_injected = false;
	sim->room_injected = false;
	sim->failed_seen = false;
	sim->flood = sim_chance(sim, 20);
	for (;;) {
		if (sim_chance(sim, 20))
			sim->die_after = 1 + random_below(&sim->random, 30);
		if (sim_recover(sim) && log_create(sim))
			break;
		sim_totals.deaths_at_start++;
		machine_restart(sim);
	}
	if (!sim->dead)
		sim->die_after = 0;
	/* The first manifest is written when there is a log. */
	if (sim->manifest.sequence_first == 0)
		sim->manifest.sequence_first = sim->wal->current.sequence;
	if (sim->trace)
		printf("run %u: fsync %d, segments of %llu, epoch %llu, cut %llu, last of %llu in %llu\n", sim->run,
		       (int)sim->options.fsync, (unsigned long long)sim->wal->segment_bytes,
		       (unsigned long long)sim->options.epoch_first, (unsigned long long)sim->recovered.cut_bytes,
		       (unsigned long long)sim->recovered.last.epoch, (unsigned long long)sim->recovered.last.sequence);
	sim->released_last = wal_released(sim->wal);
	SIM_CHECK(sim, sim->released_last == sim->options.epoch_first - 1);
	for (int i = 0; i < SIM_WRITERS; i++)
		sim_writer_begin(sim, &sim->writers[i]);
	if (sim->flood && sim_chance(sim, 70)) {
		sim->memory->room = 0;
		sim->room_injected = true;
	}
	sim_totals.runs++;
}

/* In order: everything is safe then. */
static void
end_in_order(struct sim *sim)
{
	uint64_t last = wal_epoch(sim->wal);

	wal_destroy(sim->wal);
	if (!sim->failed_seen)
		sim_safe_up_to(sim, last);
	sim_totals.ends++;
}

void
sim_run_end(struct sim *sim)
{
	unsigned how = sim->dead ? 2 : (unsigned)random_below(&sim->random, 3);

	sim->inside = false;
	sim->die_after = 0;
	if (how != 0 && !sim->dead)
		die(sim); /* also when only the process is killed: nothing that its log does from here on counts */
	for (int i = 0; i < SIM_WRITERS; i++) {
		sim->writers[i].waits_for = 0;
		wal_writer_destroy(sim->writers[i].writer);
	}
	sim_observe(sim);
	if (how == 0) {
		memset(sim->memory->fault, 0, sizeof(sim->memory->fault));
		end_in_order(sim);
		faults_clear(sim);
	} else {
		wal_destroy(sim->wal);
		faults_clear(sim);
		if (how == 2)
			machine_restart(sim);
		*(how == 1 ? &sim_totals.kills : &sim_totals.crashes) += 1;
	}
	sim->memory->room = UINT64_MAX;
	sim->wal = NULL;
	SIM_CHECK(sim, memory_device_opened(sim->memory) == 0);
	if (sim->trace)
		printf("ended %u\n", how);
}
