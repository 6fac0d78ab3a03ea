#include <errno.h>
#include <sys/random.h>

#include "base/memory.h"
#include "ledger/ledger_internal.h"

/* A part of the map holds about PART_RECORDS when the ledger is full, up to PARTS_MAX of them. */
enum { PART_RECORDS = 8192, PARTS_MIN = 16, PARTS_MAX = 1024 };

static uint32_t
parts_for(uint64_t records_max)
{
	uint64_t parts = records_max / PART_RECORDS;

	if (parts < PARTS_MIN)
		return PARTS_MIN;
	return parts < PARTS_MAX ? (uint32_t)parts : PARTS_MAX;
}

/* What is made stands in map_count. */
static int
maps_create(struct ledger *ledger, uint32_t count)
{
	ledger->maps = mem_alloc_aligned(_Alignof(struct ledger_map), count * sizeof(*ledger->maps));
	if (ledger->maps == NULL)
		return -ENOMEM;
	while (ledger->map_count < count) {
		int r = map_init(&ledger->maps[ledger->map_count]);

		if (r < 0)
			return r;
		ledger->map_count++;
	}
	return 0;
}

int
ledger_create(const struct ledger_options *options, struct ledger **ret)
{
	assert(options->records_max > 0);
	struct ledger *ledger = mem_alloc_aligned(_Alignof(struct ledger), sizeof(*ledger));

	if (ledger == NULL)
		return -ENOMEM;
	*ledger = (struct ledger){ .options = *options };
	/* Not on kernels that we run on; without a secret everything works, but keys can be chosen. */
	if (getrandom(&ledger->seed, sizeof(ledger->seed), 0) != (ssize_t)sizeof(ledger->seed))
		ledger->seed = 0;
	int r = maps_create(ledger, parts_for(options->records_max));

	if (r == 0)
		r = order_init(ledger);
	if (r < 0) {
		ledger_destroy(ledger);
		return r;
	}
	*ret = ledger;
	return 0;
}

void
ledger_destroy(struct ledger *ledger)
{
	if (ledger == NULL)
		return;
	loading_destroy(ledger);
	order_deinit(ledger);
	for (uint32_t i = 0; i < ledger->map_count; i++)
		map_deinit(&ledger->maps[i]);
	mem_free(ledger->maps);
	mem_free(ledger);
}

uint64_t
ledger_sequence_next(struct ledger *ledger)
{
	assert(ledger->loading == NULL);
	/* Relaxed: numbers need only be distinct, and one key's are in order by the claims between them. */
	return atomic_fetch_add_explicit(&ledger->sequence, 1, memory_order_relaxed) + 1;
}

uint64_t
ledger_count(const struct ledger *ledger)
{
	return atomic_load_explicit(&ledger->count, memory_order_relaxed);
}

uint64_t
ledger_removed(const struct ledger *ledger)
{
	return atomic_load_explicit(&ledger->removed, memory_order_relaxed);
}
