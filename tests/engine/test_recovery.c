/*
 * The effects of many workers, replayed in any order that a log may have them in, make the tree that the workers left
 * behind, word for word and key for key; over a snapshot of generation g those of later generations do; and every prefix of
 * epochs makes a tree that tree_load_finish() accepts.
 *
 * Workers add, take, decide, list keys, on few keys and many; a committer moves the epoch; the main thread cuts, deletes in
 * whole, and removes empty keys that are just being counted again. Then the effects are shuffled within each tag, but for
 * LISTED and UNLISTED, which go by their sequence. Of one key those have tags that never go down with the sequence.
 *
 * Arguments: seconds, cuts, threads, seed.
 */
#include "recovery.h"
#include "harness.h"

#include "base/limits.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEW = 6, MANY = 3000, DAYS = 20, HISTORY_MAX = 400000 };

struct scene;

struct actor {
	struct scene *scene;
	struct engine_worker *worker;
	struct effect_buffer buffer;
	struct history history;
	uint64_t random;
	pthread_t thread;
};

struct scene {
	struct engine *engine;
	struct actor *actors; /* the last one is the maintenance thread's */
	uint32_t actor_count;
	struct history all;
	struct snapshot *snapshots;
	uint32_t snapshot_count;
	_Atomic bool stop, stop_committer;
	pthread_t committer;
};

/* ---- workers: inside the section ---------------------------------------------------------------------------------- */

/* A request has ended: what it did is in the log. */
static void
drain(void *context)
{
	struct actor *self = context;

	for (uint32_t i = 0; i < self->buffer.count; i++)
		history_append(&self->history, &self->buffer.effects[i]);
	self->buffer.count = 0;
}

static uint64_t
any_key(struct actor *self)
{
	return random_below(&self->random, 4) ? random_below(&self->random, FEW) : random_below(&self->random, MANY);
}

static uint32_t
any_day(struct actor *self)
{
	return RECOVERY_DAY + random_below(&self->random, random_below(&self->random, 3) ? 2 : DAYS);
}

static int
decide(struct actor *self, struct tree *tree)
{
	struct acquire_item items[3];
	size_t refused;

	for (size_t i = 0; i < 3; i++)
		items[i] = (struct acquire_item){ .tree = tree,
			                          .key = any_key(self),
			                          .amount = 1 + random_below(&self->random, 3),
			                          .limit = random_below(&self->random, 60),
			                          .to = UINT64_MAX };
	int outcome = tree_acquire(self->worker, items, 1 + random_below(&self->random, 3), &refused);

	return outcome == ENGINE_REFUSED ? 0 : outcome;
}

static void
operate(struct actor *self, struct tree *tree)
{
	uint64_t key = any_key(self), taken;
	uint32_t day = any_day(self), kind = random_below(&self->random, 100), before = self->buffer.count;
	int outcome;

	if (kind < 40)
		outcome = tree_add(self->worker, tree, key, day, 1 + random_below(&self->random, 5));
	else if (kind < 50)
		outcome = decide(self, tree);
	else if (kind < 60)
		outcome = tree_set(self->worker, tree, key, day, random_below(&self->random, 4));
	else if (kind < 70)
		outcome = tree_decrement(self->worker, tree, key);
	else if (kind < 78)
		outcome = tree_subtract(self->worker, tree, key, day, random_below(&self->random, 9), &taken);
	else if (kind < 95)
		outcome = tree_delete_range(self->worker, tree, key, 0, day + random_below(&self->random, DAYS));
	else
		outcome = tree_reset_key(self->worker, tree, key);
	check(outcome == 0, "operation %u: %d", kind, outcome);
	for (uint32_t i = before + 1; i < self->buffer.count; i++)
		check(self->buffer.effects[i].tag == self->buffer.effects[before].tag, "one operation, two tags");
}

static void *
actor_main(void *argument)
{
	struct actor *self = argument;

	while (!atomic_load_explicit(&self->scene->stop, memory_order_relaxed) && self->history.count < HISTORY_MAX) {
		engine_batch_begin(self->worker);
		struct tree *tree = tree_find(self->worker, RECOVERY_NAME, strlen(RECOVERY_NAME));

		for (uint32_t requests = 1 + random_below(&self->random, 16); requests > 0; requests--) {
			/* Adds behind others share their tag; the epoch moves on in between. */
			for (uint32_t left = 1 + random_below(&self->random, 4); left > 0; left--) {
				operate(self, tree);
				if (random_below(&self->random, 16) == 0)
					(void)sched_yield();
			}
			drain(self);
		}
		engine_batch_end(self->worker);
	}
	return NULL;
}

static void *
committer_main(void *argument)
{
	struct scene *scene = argument;

	while (!atomic_load_explicit(&scene->stop_committer, memory_order_relaxed)) {
		engine_log_epoch_store(scene->engine, engine_log_epoch(scene->engine) + 1);
		engine_quiesce(scene->engine);
	}
	return NULL;
}

/* ---- the maintenance thread ----------------------------------------------------------------------------------------- */

static int
begin_nothing(void *context)
{
	(void)context;
	return 0;
}

static struct tree *
live(struct scene *scene)
{
	return engine_pin_tree(scene->engine, RECOVERY_NAME, strlen(RECOVERY_NAME));
}

static void
maintain(struct scene *scene, uint32_t snapshots_max)
{
	struct actor *self = &scene->actors[scene->actor_count];
	uint32_t kind = random_below(&self->random, 32);

	if (kind == 0 && scene->snapshot_count < snapshots_max) {
		snapshot_take(&scene->snapshots[scene->snapshot_count++], scene->engine, live(scene));
	} else if (kind == 1) {
		struct section_steps steps = { .begin = begin_nothing, .end = drain, .context = self };
		uint32_t first = any_day(self);

		check(tree_delete_range_all(self->worker, RECOVERY_NAME, strlen(RECOVERY_NAME), first, first + 5,
		                            &steps) == 0,
		      "tree_delete_range_all()");
	} else if (kind == 2) {
		engine_reclaim(scene->engine);
	} else {
		engine_batch_begin(self->worker);
		(void)tree_compact(self->worker, live(scene), kind > 8);
		drain(self);
		engine_batch_end(self->worker);
	}
	sleep_us(50);
}

/* ---- a round ------------------------------------------------------------------------------------------------------------ */

static void
scene_setup(struct scene *scene, const struct run *run, uint64_t round)
{
	struct tree *tree;

	*scene = (struct scene){ .actor_count = run->threads };
	check(engine_create(4, RECOVERY_DAY, &scene->engine) == 0, "engine_create()");
	scene->actors = calloc(run->threads + 1, sizeof(*scene->actors));
	scene->snapshots = calloc(run->cuts, sizeof(*scene->snapshots));
	check(scene->actors && scene->snapshots, "out of memory");
	for (uint32_t i = 0; i <= run->threads; i++) {
		struct actor *actor = &scene->actors[i];

		*actor = (struct actor){ .scene = scene, .random = random_seed(run->seed, round * 64 + i) };
		actor->buffer = (struct effect_buffer){ .capacity = 1 << 14 };
		actor->buffer.effects = calloc(actor->buffer.capacity, sizeof(struct effect));
		check(actor->buffer.effects, "out of memory");
		check(engine_worker_create(scene->engine, &actor->worker) == 0, "engine_worker_create()");
	}
	check(tree_load_begin(scene->engine, RECOVERY_ID, 1, &tree) == 0, "tree_load_begin()");
	recovery_load_base(tree);
	check(tree_load_restore(scene->actors[0].worker, tree, RECOVERY_NAME, strlen(RECOVERY_NAME), 0) == 0,
	      "tree_load_restore()");
	for (uint32_t i = 0; i <= run->threads; i++)
		engine_worker_effects(scene->actors[i].worker, &scene->actors[i].buffer);
}

static void
scene_run(struct scene *scene, const struct run *run, double seconds)
{
	double end = seconds_now() + seconds;

	check(pthread_create(&scene->committer, NULL, committer_main, scene) == 0, "pthread_create()");
	for (uint32_t i = 0; i < scene->actor_count; i++)
		check(pthread_create(&scene->actors[i].thread, NULL, actor_main, &scene->actors[i]) == 0,
		      "pthread_create()");
	while (seconds_now() < end)
		maintain(scene, run->cuts);
	atomic_store_explicit(&scene->stop, true, memory_order_relaxed);
	for (uint32_t i = 0; i < scene->actor_count; i++)
		(void)pthread_join(scene->actors[i].thread, NULL);
	atomic_store_explicit(&scene->stop_committer, true, memory_order_relaxed);
	(void)pthread_join(scene->committer, NULL);
	for (uint32_t i = 0; i <= scene->actor_count; i++)
		history_join(&scene->all, &scene->actors[i].history);
}

static void
scene_check(struct scene *scene, struct recovery_sums *sums)
{
	uint64_t *random = &scene->actors[0].random, epoch = engine_log_epoch(scene->engine);
	struct snapshot end = { .generation = 0 };

	snapshot_take(&end, scene->engine, live(scene));
	history_check_sequences(&scene->all, sums);
	for (uint32_t i = 0; i < 3; i++) {
		history_shuffle(&scene->all, random);
		recovery_check(&scene->all, NULL, epoch, &end);
		recovery_check(&scene->all, NULL, 1 + random_below(random, (uint32_t)epoch), NULL);
		if (scene->snapshot_count > 0)
			recovery_check(&scene->all, &scene->snapshots[random_below(random, scene->snapshot_count)],
			               epoch, &end);
	}
	snapshot_deinit(&end);
}

static void
scene_teardown(struct scene *scene)
{
	for (uint32_t i = 0; i <= scene->actor_count; i++) {
		engine_worker_effects(scene->actors[i].worker, NULL);
		engine_worker_destroy(scene->actors[i].worker);
		free(scene->actors[i].buffer.effects);
	}
	for (uint32_t i = 0; i < scene->snapshot_count; i++)
		snapshot_deinit(&scene->snapshots[i]);
	engine_destroy(scene->engine);
	free(scene->all.effects);
	free(scene->snapshots);
	free(scene->actors);
}

int
main(int argc, char **argv)
{
	struct run run = { .seconds = 10, .cuts = 20, .threads = 3 };
	struct recovery_sums sums = { 0 };

	run_parse(&run, argc, argv);
	double end = seconds_now() + run.seconds;

	for (uint64_t round = 0; round == 0 || seconds_now() < end; round++) {
		struct scene scene;

		scene_setup(&scene, &run, round);
		scene_run(&scene, &run, 0.3);
		sums.snapshots += scene.snapshot_count;
		scene_check(&scene, &sums);
		scene_teardown(&scene);
	}
	printf("%lu effects, %lu listings, %lu removals, %lu snapshots\n", sums.effects, sums.listed, sums.unlisted,
	       sums.snapshots);
	check(sums.unlisted > 100 && sums.snapshots > 0, "nothing was proved");
	return 0;
}
