#include <errno.h>
#include <string.h>

#include "wal/simulation.h"

struct sim_totals sim_totals;

void
sim_fail(const struct sim *sim, const char *file, int line, const char *condition)
{
	(void)fprintf(stderr,
	              "%s:%d: not so: %s (run %u, step %u)\nKARMA_TEST_SEED=%llu test_wal_simulation 1 repeats it\n",
	              file, line, condition, sim->run, sim->step, (unsigned long long)sim->seed);
	abort();
}

uint64_t
sim_group_new(struct sim *sim, uint64_t tag, uint32_t records)
{
	if (sim->group_count == sim->group_capacity) {
		sim->group_capacity = sim->group_capacity > 0 ? 2 * sim->group_capacity : 256;
		sim->groups = realloc(sim->groups, sim->group_capacity * sizeof(*sim->groups));
		SIM_CHECK(sim, sim->groups != NULL);
	}
	sim->groups[sim->group_count] = (struct sim_group){ .tag = tag, .records = records };
	sim_totals.groups++;
	return sim->group_count++;
}

void
sim_safe_up_to(struct sim *sim, uint64_t epoch)
{
	/* Tags rise, and so do groups' numbers, but for those of a section that straddled a move of E. */
	for (size_t i = sim->group_count; i-- > 0 && sim->groups[i].tag + 2 > sim->released_last;) {
		if (sim->groups[i].tag <= epoch && !sim->groups[i].lost)
			sim->groups[i].safe = true;
	}
}

/* ---- what recovery shows ---- */

static int
record_seen(void *context, const struct wal_record *record)
{
	struct sim *sim = context;

	SIM_CHECK(sim, record->kind == WAL_ADD);
	SIM_CHECK(sim, record->key < sim->group_count);
	struct sim_group *group = &sim->groups[record->key];

	/* Whole, in its order, once, in the block of its tag, and never after it was lost. */
	SIM_CHECK(sim, sim->open_group == UINT64_MAX || sim->open_group == record->key);
	SIM_CHECK(sim, record->day == group->records);
	SIM_CHECK(sim, record->delta == group->seen);
	SIM_CHECK(sim, group->tag == sim->epoch_seen);
	SIM_CHECK(sim, !group->lost);
	group->seen++;
	SIM_CHECK(sim, record->last == (group->seen == group->records));
	sim->open_group = record->last ? UINT64_MAX : record->key;
	return 0;
}

static int
block_seen(void *context, const struct wal_block_header *header, const uint8_t *payload)
{
	struct sim *sim = context;

	/* No number twice. */
	SIM_CHECK(sim, header->epoch > sim->epoch_seen);
	SIM_CHECK(sim, header->synced < header->epoch);
	sim->epoch_seen = header->epoch;
	sim->open_group = UINT64_MAX;
	SIM_CHECK(sim, wal_payload_each(payload, header->payload_bytes, record_seen, sim) == 0);
	SIM_CHECK(sim, sim->open_group == UINT64_MAX);
	return 0;
}

/* Everything safe is there; what is there is a prefix; the rest is lost for ever. */
static void
compare(struct sim *sim)
{
	for (size_t i = 0; i < sim->group_count; i++) {
		struct sim_group *group = &sim->groups[i];
		bool there = group->seen == group->records;

		SIM_CHECK(sim, group->tag <= sim->recovered.epoch_highest || !there);
		if (group->in_dump || group->lost)
			continue;
		SIM_CHECK(sim, there || !group->safe);
		SIM_CHECK(sim, there == (group->tag <= sim->epoch_seen));
		group->safe = there;
		group->lost = !there;
		sim_totals.lost += !there;
	}
}

bool
sim_recover(struct sim *sim)
{
	struct wal_recover_options options = {
		.device = sim->options.device,
		.sequence_first = sim->manifest.sequence_first,
		.synced = sim->manifest.synced,
	};
	struct wal_fault fault = { "" };

	memcpy(options.identity, sim->options.identity, WAL_IDENTITY_BYTES);
	for (size_t i = 0; i < sim->group_count; i++)
		sim->groups[i].seen = 0;
	sim->epoch_seen = 0;
	int r = wal_recover(&options, block_seen, sim, &sim->recovered, &fault);

	if (r < 0 && sim->dead)
		return false;
	if (r < 0)
		(void)fprintf(stderr, "%s\n", fault.text);
	SIM_CHECK(sim, r == 0); /* a crash alone is never damage */
	SIM_CHECK(sim, !sim->recovered.damage);
	SIM_CHECK(sim, sim->recovered.epoch_highest >= sim->epoch_seen);
	sim_totals.cut += sim->recovered.cut_bytes > 0;
	compare(sim);
	return true;
}
