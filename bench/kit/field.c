#include "kit/field.h"

#include "kit/clock.h"
#include "kit/crew.h"
#include "kit/must.h"
#include "kit/random.h"

enum {
	TREES_MAX = 4,
	FILL_BATCH = 64,
	PREFETCH_APART = 8, /* as in command_worker.c, this and the next */
	PREFETCH_AHEAD = 32,
};

void
field_make(struct field *field)
{
	struct engine_worker *worker;
	struct tree *tree;

	*field = (struct field){ 0 };
	must(engine_create(TREES_MAX, FIELD_DAY, &field->engine), "engine_create");
	must(engine_worker_create(field->engine, &worker), "engine_worker_create");
	engine_batch_begin(worker);
	must(tree_create(worker, "f", 1, &tree), "tree_create");
	engine_batch_end(worker);
	engine_worker_destroy(worker);
}

struct tree *
field_tree(struct engine_worker *worker)
{
	return tree_find(worker, "f", 1);
}

/* ---- batches ---- */

static uint64_t
one(struct engine_worker *worker, struct tree *tree, enum field_kind kind, uint64_t key, unsigned place, uint32_t day)
{
	if (kind == FIELD_SUM || (kind == FIELD_MIXED && (place & 1) != 0))
		return tree_total(tree, key);
	must(tree_add(worker, tree, key, day, 1), "tree_add");
	return 0;
}

static uint64_t
batch_plain(struct engine_worker *worker, struct tree *tree, const uint64_t *keys, unsigned count, uint32_t day)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < count; i++)
		sum += one(worker, tree, FIELD_PLAIN, keys[i], i, day);
	return sum;
}

static inline void
step(const struct key_prefetch *fetches, unsigned count, unsigned index, void (*take)(const struct key_prefetch *))
{
	if (index < count)
		take(&fetches[index]);
}

/* Up to the slots of all keys. What is before the first key wraps around and is passed by. */
static void
prefetch_slots(struct key_prefetch *fetches, struct tree *tree, const uint64_t *keys, unsigned count)
{
	for (unsigned i = 0; i < count + 2 * PREFETCH_APART; i++) {
		if (i < count)
			key_prefetch_begin(&fetches[i], tree, keys[i]);
		step(fetches, count, i - PREFETCH_APART, key_prefetch_map);
		step(fetches, count, i - 2 * PREFETCH_APART, key_prefetch_slot);
	}
}

uint64_t
field_batch(struct engine_worker *worker, struct tree *tree, enum field_kind kind, const uint64_t *keys, unsigned count,
            uint32_t day)
{
	struct key_prefetch fetches[FIELD_BATCH_MAX];
	uint64_t sum = 0;

	if (kind == FIELD_PLAIN)
		return batch_plain(worker, tree, keys, count, day);
	prefetch_slots(fetches, tree, keys, count);
	for (unsigned i = 0; i < PREFETCH_AHEAD; i++)
		step(fetches, count, i, key_prefetch_record);
	for (unsigned i = 0; i < count; i++) {
		step(fetches, count, i + PREFETCH_AHEAD, key_prefetch_record);
		sum += one(worker, tree, kind, keys[i], i, day);
	}
	return sum;
}

/* ---- filling ---- */

struct fill {
	struct field *field;
	uint64_t keys;
	uint32_t day;
};

/* Its share of the keys, which are in random order by themselves. */
static void
fill_share(struct crew_member *member)
{
	const struct fill *fill = member->crew->context;
	const unsigned threads = member->crew->threads;
	uint64_t next = fill->keys * member->index / threads, end = fill->keys * (member->index + 1) / threads;
	struct engine_worker *worker;

	must(engine_worker_create(fill->field->engine, &worker), "engine_worker_create");
	while (next < end) {
		uint64_t keys[FILL_BATCH];
		unsigned count = 0;

		while (count < FILL_BATCH && next < end)
			keys[count++] = random_key(next++);
		engine_batch_begin(worker);
		(void)field_batch(worker, field_tree(worker), FIELD_ADD, keys, count, fill->day);
		engine_batch_end(worker);
	}
	engine_worker_destroy(worker);
}

double
field_fill(struct field *field, uint64_t keys, uint32_t day, unsigned threads)
{
	struct fill fill = { .field = field, .keys = keys, .day = day };
	struct crew crew = { .run = fill_share, .context = &fill, .threads = threads };
	const double start = clock_seconds();

	crew_begin(&crew);
	crew_end(&crew);
	field->keys = keys;
	return (double)keys / (clock_seconds() - start);
}
