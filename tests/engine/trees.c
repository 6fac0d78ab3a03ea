/*
 * trees.c - see trees.h
 */
#include "trees.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

const char *
trees_name(uint32_t index)
{
	static const char *const names[] = { "articles", "users", "a", "", "accounts", "page_views", "kept" };

	return names[index];
}

/* ---- effects ----------------------------------------------------------------------------------------------------- */

static void
lower(_Atomic uint64_t *where, uint64_t tag)
{
	uint64_t seen = atomic_load_explicit(where, memory_order_relaxed);

	while ((seen == 0 || seen > tag) &&
	       !atomic_compare_exchange_weak_explicit(where, &seen, tag, memory_order_relaxed, memory_order_relaxed))
		;
}

void
trees_drain(struct trees *trees, struct effect_buffer *buffer)
{
	for (uint32_t i = 0; i < buffer->count; i++) {
		const struct effect *effect = &buffer->effects[i];

		if (effect->tree_id >= IDS_MAX)
			continue;
		if (effect->kind == EFFECT_CREATE)
			lower(&trees->created_at[effect->tree_id], effect->tag);
		else
			lower(&trees->first_at[effect->tree_id], effect->tag);
	}
	buffer->count = 0;
}

/* ---- workers: inside the section ---------------------------------------------------------------------------------- */

static void
count_kept(struct trees_worker *self, struct tree *other)
{
	uint64_t key = random_below(&self->random, KEPT_KEYS);
	struct tree *kept = tree_find(self->worker, trees_name(TREES_NAMES), strlen(trees_name(TREES_NAMES)));
	struct acquire_item items[2] = {
		{ .tree = kept, .key = key, .amount = 1, .limit = UINT64_C(1) << 50, .to = UINT64_MAX },
		{ .tree = other, .key = SHARED_KEY_FIRST, .amount = 1, .limit = UINT64_C(1) << 50, .to = UINT64_MAX },
	};
	size_t refused;

	check(kept, "the kept tree is gone");
	if (random_below(&self->random, 2)) {
		check(tree_add(self->worker, kept, key, TREES_DAY + random_below(&self->random, TREES_DAYS), 1) == 0,
		      "tree_add()");
		self->kept[key]++;
		return;
	}
	int outcome = tree_acquire(self->worker, items, other ? 2 : 1, &refused);

	check(outcome == 0 || (outcome == ENGINE_MISSING && other), "acquire: %d", outcome);
	self->kept[key] += outcome == 0;
}

/* What we know of the tree that a name leads to now. */
static void
check_own(struct trees_worker *self, uint32_t name, struct tree *tree)
{
	struct account *account = &self->accounts[name];
	uint64_t id = tree_id(tree), total = tree_total(tree, self->own_key);

	if (id != account->id && id < IDS_MAX) {
		check((self->met[id / 8] & 1U << id % 8) == 0, "tree %lu, once left, is met again", id);
		self->met[id / 8] |= (uint8_t)(1U << id % 8);
	}
	if (id != account->id)
		*account = (struct account){ .id = id };
	check(total == account->added, "tree %lu: our key has %lu, we added %lu", id, total, account->added);
}

static void
count_in(struct trees_worker *self, uint32_t name, struct tree *tree)
{
	uint64_t amount = 1 + random_below(&self->random, 4);
	uint64_t shared = SHARED_KEY_FIRST + random_below(&self->random, LOADED_KEY_FIRST - SHARED_KEY_FIRST);
	uint32_t day = TREES_DAY + random_below(&self->random, TREES_DAYS);

	check_own(self, name, tree);
	check(tree_add(self->worker, tree, self->own_key, day, amount) == 0, "tree_add()");
	self->accounts[name].added += amount;
	check_own(self, name, tree);
	if (random_below(&self->random, 4) == 0)
		check(tree_add(self->worker, tree, shared, day, 1) == 0, "tree_add()");
	if (random_below(&self->random, 8) == 0)
		check(tree_reset_key(self->worker, tree, shared) == 0, "tree_reset_key()");
}

static void
operate(struct trees_worker *self)
{
	uint32_t index = random_below(&self->random, TREES_NAMES), kind = random_below(&self->random, 100);
	const char *name = trees_name(index);
	size_t bytes = strlen(name);
	struct tree *tree = tree_find(self->worker, name, bytes);
	int outcome = 0;

	if (tree == NULL) {
		outcome = tree_create(self->worker, name, bytes, &tree);
		check(outcome == 0 || outcome == ENGINE_EXISTS, "tree_create(): %d", outcome);
	}
	if (kind < 1) {
		outcome = tree_drop(self->worker, name, bytes);
		check(outcome == 0 || outcome == ENGINE_MISSING, "tree_drop(): %d", outcome);
	} else if (kind < 3) {
		outcome = tree_reset(self->worker, name, bytes);
		check(outcome == 0 || outcome == ENGINE_MISSING, "tree_reset(): %d", outcome);
	} else if (kind < 20) {
		count_kept(self, tree);
	}
	/* Also when it was dropped just now, by us or others: we are in our section. */
	count_in(self, index, tree);
}

static void *
worker_main(void *argument)
{
	struct trees_worker *self = argument;

	while (!atomic_load_explicit(&self->trees->stop, memory_order_relaxed)) {
		if (engine_retired_bytes(self->trees->engine) > TREES_RETIRED_MAX) {
			sleep_us(200); /* the maintenance thread did not get a CPU: that is not what this is about */
			continue;
		}
		engine_batch_begin(self->worker);
		for (uint32_t left = 1 + random_below(&self->random, 32); left > 0; left--) {
			operate(self);
			self->operations++;
		}
		trees_drain(self->trees, &self->effects);
		engine_batch_end(self->worker);
		if (random_below(&self->random, 8) == 0)
			(void)sched_yield(); /* rather here than in a section that others wait for */
	}
	return NULL;
}

/* ---- life ----------------------------------------------------------------------------------------------------------- */

static void
effects_setup(struct engine_worker *worker, struct effect_buffer *buffer)
{
	*buffer = (struct effect_buffer){ .capacity = TREES_EFFECTS };
	buffer->effects = calloc(TREES_EFFECTS, sizeof(*buffer->effects));
	check(buffer->effects, "out of memory");
	engine_worker_effects(worker, buffer);
}

static void
worker_setup(struct trees *trees, uint32_t index, const struct run *run)
{
	struct trees_worker *self = &trees->workers[index];

	*self = (struct trees_worker){ .trees = trees, .own_key = OWN_KEY_FIRST + index };
	self->random = random_seed(run->seed, index);
	self->met = calloc(IDS_MAX / 8, 1);
	check(self->met, "out of memory");
	check(engine_worker_create(trees->engine, &self->worker) == 0, "engine_worker_create()");
	effects_setup(self->worker, &self->effects);
}

void
trees_setup(struct trees *trees, const struct run *run)
{
	const char *kept = trees_name(TREES_NAMES);
	struct tree *tree;

	check(run->threads <= SHARED_KEY_FIRST - OWN_KEY_FIRST, "too many threads");
	*trees = (struct trees){ .worker_count = run->threads };
	check(engine_create(TREES_NAMES + 1, TREES_DAY, &trees->engine) == 0, "engine_create()");
	check(engine_worker_create(trees->engine, &trees->worker) == 0, "engine_worker_create()");
	effects_setup(trees->worker, &trees->effects);
	trees->created_at = calloc(IDS_MAX, sizeof(*trees->created_at));
	trees->first_at = calloc(IDS_MAX, sizeof(*trees->first_at));
	trees->workers = calloc(run->threads, sizeof(*trees->workers));
	check(trees->created_at && trees->first_at && trees->workers, "out of memory");
	engine_batch_begin(trees->worker);
	check(tree_create(trees->worker, kept, strlen(kept), &tree) == 0, "tree_create()");
	for (uint64_t key = 0; key < KEPT_KEYS; key++)
		check(tree_add(trees->worker, tree, key, TREES_DAY, 1) == 0, "tree_add()");
	trees_drain(trees, &trees->effects);
	engine_batch_end(trees->worker);
	for (uint32_t i = 0; i < run->threads; i++)
		worker_setup(trees, i, run);
	for (uint32_t i = 0; i < run->threads; i++)
		check(pthread_create(&trees->workers[i].thread, NULL, worker_main, &trees->workers[i]) == 0,
		      "pthread_create()");
}

static void
check_kept(struct trees *trees)
{
	const char *kept = trees_name(TREES_NAMES);

	engine_batch_begin(trees->worker);
	struct tree *tree = tree_find(trees->worker, kept, strlen(kept));

	for (uint64_t key = 0; key < KEPT_KEYS; key++) {
		uint64_t expected = 1, days = tree_sum_range(tree, key, 0, UINT64_MAX);

		for (uint32_t i = 0; i < trees->worker_count; i++)
			expected += trees->workers[i].kept[key];
		check(tree_total(tree, key) == expected && days == expected,
		      "kept key %lu: %lu in total, %lu instead of %lu", key, tree_total(tree, key), days, expected);
	}
	engine_batch_end(trees->worker);
}

void
trees_finish(struct trees *trees, const struct run *run)
{
	for (uint32_t i = 0; i < run->threads; i++) {
		(void)pthread_join(trees->workers[i].thread, NULL);
		trees->operations += trees->workers[i].operations;
	}
	check_kept(trees);
	for (uint64_t id = 0; id < IDS_MAX; id++) {
		uint64_t created = trees->created_at[id], first = trees->first_at[id];

		check(first == 0 || (created != 0 && created <= first), "tree %lu: created at %lu, changed at %lu", id,
		      created, first);
	}
}

void
trees_teardown(struct trees *trees)
{
	for (uint32_t i = 0; i < trees->worker_count; i++) {
		free(trees->workers[i].effects.effects);
		free(trees->workers[i].met);
	}
	free(trees->workers);
	free(trees->effects.effects);
	free((void *)trees->created_at);
	free((void *)trees->first_at);
}
