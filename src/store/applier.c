#include "store/applier.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>

#include "base/belt.h"
#include "base/memory.h"

/* More would wait for the thread that decodes. Four batches of a part circulate: 128 KiB. */
enum { PARTS_MAX = 4, BATCH_EFFECTS = 1024 };

struct part {
	struct belt *belt;
	struct load_effect *batch; /* being filled; NULL: none is */
	size_t count;
};

struct applier {
	unsigned part_count;
	struct part parts[PARTS_MAX];
};

static int
apply(void *context, void *batch, size_t count)
{
	int r = tree_load_effects(batch, count);

	(void)context;
	assert(r <= 0);
	return r;
}

static unsigned
processors(void)
{
	cpu_set_t allowed;
	int count = sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : PARTS_MAX;

	return count < 1 ? 1 : count < PARTS_MAX ? (unsigned)count : PARTS_MAX;
}

int
applier_create(struct applier **ret_applier)
{
	struct applier *applier = mem_alloc_zeroed(sizeof(*applier));
	unsigned wanted = processors();
	int r = applier == NULL ? -ENOMEM : 0;

	while (r == 0 && applier->part_count < wanted) {
		r = belt_create(BATCH_EFFECTS * sizeof(struct load_effect), apply, NULL, "replay",
		                &applier->parts[applier->part_count].belt);
		if (r == 0)
			applier->part_count++;
	}
	if (r == 0)
		*ret_applier = applier;
	else
		applier_destroy(applier);
	return r;
}

void
applier_destroy(struct applier *applier)
{
	for (unsigned i = 0; applier != NULL && i < applier->part_count; i++)
		belt_destroy(applier->parts[i].belt);
	mem_free(applier);
}

int
applier_add(struct applier *applier, const struct load_effect *effect)
{
	struct part *part = &applier->parts[tree_load_part(effect->key, applier->part_count)];

	if (part->batch == NULL)
		part->batch = belt_batch(part->belt);
	part->batch[part->count++] = *effect;
	if (part->count < BATCH_EFFECTS)
		return 0;
	part->batch = NULL;
	part->count = 0;
	return belt_push(part->belt, BATCH_EFFECTS);
}

int
applier_settle(struct applier *applier)
{
	int first = 0;

	for (unsigned i = 0; i < applier->part_count; i++) {
		struct part *part = &applier->parts[i];
		int r = belt_settle(part->belt, part->count);

		part->batch = NULL;
		part->count = 0;
		if (first == 0)
			first = r;
	}
	return first;
}
