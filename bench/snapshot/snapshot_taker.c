#include "snapshot/snapshot_taker.h"

#include <errno.h>

#include "kit/clock.h"
#include "kit/machine.h"
#include "kit/must.h"
#include "snapshot/dump_file.h"

struct walk {
	uint64_t keys;
	uint64_t total;
};

static int
walk_key(void *context, const struct cut_key *key)
{
	struct walk *walk = context;

	walk->keys++;
	walk->total += key->total;
	return 0;
}

static void
take_walk(const struct snapshot_taker *taker, struct tree *tree)
{
	struct walk walk = { 0 };
	struct cut_summary summary;

	must(tree_cut(taker->field->engine, tree, walk_key, &walk, &summary), "tree_cut");
	must(walk.keys == taker->field->keys && walk.total >= walk.keys ? 0 : -1, "keys of the cut");
}

static void
take_file(struct snapshot_taker *taker, struct tree *tree)
{
	static const uint8_t identity[DIRECTORY_IDENTITY_BYTES] = "bench/snapshot";
	struct dump_request request = {
		.directory_fd = taker->scratch->fd,
		.name = "f",
		.name_bytes = 1,
		.stamp = taker->count + 1,
		.identity = identity,
	};
	struct dump_info info;
	char file[DUMP_FILE_NAME_MAX + 1];

	must(dump_tree(taker->field->engine, tree, &request, &info, file), "dump_tree");
	must(info.keys == taker->field->keys ? 0 : -1, "keys of the dump");
	taker->bytes += info.bytes;
}

void
snapshot_take(struct snapshot_taker *taker)
{
	const double start = clock_seconds();
	struct tree *tree = engine_pin_tree(taker->field->engine, "f", 1);

	must(tree == NULL ? -ENOENT : 0, "engine_pin_tree");
	if (taker->target == SNAPSHOT_FILE)
		take_file(taker, tree);
	else
		take_walk(taker, tree);
	taker->seconds += clock_seconds() - start;
	taker->count++;
	taker->keys += taker->field->keys;
	if (taker->target == SNAPSHOT_FILE)
		scratch_clear(taker->scratch);
	engine_reclaim(taker->field->engine);
}

static void *
taker_main(void *argument)
{
	struct snapshot_taker *taker = argument;

	machine_pin(taker->cpu);
	do
		snapshot_take(taker);
	while (!atomic_load_explicit(&taker->ending, memory_order_relaxed));
	return NULL;
}

void
snapshot_taker_begin(struct snapshot_taker *taker)
{
	atomic_init(&taker->ending, false);
	if (taker->target != SNAPSHOT_NONE)
		must(pthread_create(&taker->thread, NULL, taker_main, taker), "pthread_create");
}

void
snapshot_taker_end(struct snapshot_taker *taker)
{
	atomic_store_explicit(&taker->ending, true, memory_order_relaxed);
	if (taker->target != SNAPSHOT_NONE)
		(void)pthread_join(taker->thread, NULL);
}
