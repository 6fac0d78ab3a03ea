/*
 * recovery.c - see recovery.h
 */
#include "recovery.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

/* ---- histories ------------------------------------------------------------------------------------------------------ */

void
history_append(struct history *history, const struct effect *effect)
{
	if (history->count == history->capacity) {
		history->capacity = history->capacity ? history->capacity * 2 : 1024;
		history->effects = realloc(history->effects, history->capacity * sizeof(*history->effects));
		check(history->effects, "out of memory");
	}
	history->effects[history->count++] = *effect;
}

void
history_join(struct history *all, struct history *part)
{
	for (size_t i = 0; i < part->count; i++)
		history_append(all, &part->effects[i]);
	free(part->effects);
	*part = (struct history){ .count = 0 };
}

static bool
is_listing(const struct effect *effect)
{
	return effect->kind == EFFECT_LISTED || effect->kind == EFFECT_UNLISTED;
}

static int
by_tag(const void *left, const void *right)
{
	const struct effect *a = left, *b = right;

	return a->tag < b->tag ? -1 : a->tag > b->tag;
}

static int
by_sequence(const void *left, const void *right)
{
	const struct effect *a = left, *b = right;

	return a->delta < b->delta ? -1 : a->delta > b->delta;
}

static int
by_key_and_sequence(const void *left, const void *right)
{
	const struct effect *a = left, *b = right;

	if (is_listing(a) != is_listing(b))
		return is_listing(a) ? -1 : 1;
	if (!is_listing(a) || a->key == b->key)
		return by_sequence(left, right);
	return a->key < b->key ? -1 : 1;
}

/* Puts the listings among the effects of one tag, wherever these stand, into their order. */
static void
order_listings(struct effect *effects, size_t count)
{
	struct history listings = { .count = 0 };
	size_t next = 0;

	for (size_t i = 0; i < count; i++) {
		if (is_listing(&effects[i]))
			history_append(&listings, &effects[i]);
	}
	if (listings.count > 0)
		qsort(listings.effects, listings.count, sizeof(*effects), by_sequence);
	for (size_t i = 0; i < count; i++) {
		if (is_listing(&effects[i]))
			effects[i] = listings.effects[next++];
	}
	free(listings.effects);
}

void
history_shuffle(struct history *history, uint64_t *random)
{
	struct effect *effects = history->effects;

	if (history->count > 0)
		qsort(effects, history->count, sizeof(*effects), by_tag);
	for (size_t first = 0, end; first < history->count; first = end) {
		for (end = first + 1; end < history->count && effects[end].tag == effects[first].tag; end++)
			;
		for (size_t i = end - first; i > 1; i--) {
			size_t other = first + random_below(random, (uint32_t)i);
			struct effect effect = effects[first + i - 1];

			effects[first + i - 1] = effects[other];
			effects[other] = effect;
		}
		order_listings(&effects[first], end - first);
	}
}

void
history_check_sequences(struct history *history, struct recovery_sums *sums)
{
	const struct effect *effects = history->effects;

	if (history->count > 0)
		qsort(history->effects, history->count, sizeof(*effects), by_key_and_sequence);
	sums->effects += history->count;
	for (size_t i = 0; i < history->count && is_listing(&effects[i]); i++) {
		const struct effect *before = i > 0 ? &effects[i - 1] : NULL, *effect = &effects[i];

		sums->listed += effect->kind == EFFECT_LISTED;
		sums->unlisted += effect->kind == EFFECT_UNLISTED;
		if (!before || before->key != effect->key)
			continue;
		check(before->delta < effect->delta, "key %lu: sequence %lu twice", effect->key, effect->delta);
		check(before->tag <= effect->tag, "key %lu: sequence %lu (kind %u) has the tag %lu, but %lu (%u) %lu",
		      effect->key, before->delta, before->kind, before->tag, effect->delta, effect->kind, effect->tag);
	}
}

/* ---- snapshots -------------------------------------------------------------------------------------------------------- */

static int
by_day(const void *left, const void *right)
{
	const struct cut_day *a = left, *b = right;

	return a->day < b->day ? -1 : a->day > b->day;
}

static int
by_key(const void *left, const void *right)
{
	const struct snapshot_key *a = left, *b = right;

	return a->cut.key < b->cut.key ? -1 : a->cut.key > b->cut.key;
}

static int
keep_key(void *context, const struct cut_key *key)
{
	struct snapshot *snapshot = context;

	if (snapshot->count == snapshot->capacity) {
		snapshot->capacity = snapshot->capacity ? snapshot->capacity * 2 : 64;
		snapshot->keys = realloc(snapshot->keys, snapshot->capacity * sizeof(*snapshot->keys));
		check(snapshot->keys, "out of memory");
	}
	struct snapshot_key *kept = &snapshot->keys[snapshot->count++];

	kept->cut = *key;
	kept->days = calloc(key->day_count + 1, sizeof(*kept->days));
	check(kept->days, "out of memory");
	if (key->day_count > 0) {
		memcpy(kept->days, key->days, key->day_count * sizeof(*kept->days));
		qsort(kept->days, key->day_count, sizeof(*kept->days), by_day);
	}
	return 0;
}

void
snapshot_take(struct snapshot *snapshot, struct engine *engine, struct tree *tree)
{
	struct cut_summary summary;

	*snapshot = (struct snapshot){ .count = 0 };
	check(tree_cut(engine, tree, keep_key, snapshot, &summary) == 0, "tree_cut()");
	snapshot->generation = summary.generation;
	if (snapshot->count > 0)
		qsort(snapshot->keys, snapshot->count, sizeof(*snapshot->keys), by_key);
}

void
snapshot_deinit(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->count; i++)
		free(snapshot->keys[i].days);
	free(snapshot->keys);
}

/* ---- recovery ---------------------------------------------------------------------------------------------------------- */

void
recovery_load_base(struct tree *tree)
{
	struct cut_day day = { .day = RECOVERY_DAY, .count = 10 };

	for (uint64_t key = 0; key < 3; key++)
		check(tree_load_key(tree, key, 1000 * key, &day, 1) == 0, "tree_load_key()");
}

static void
load_dump(struct tree *tree, const struct snapshot *dump)
{
	for (size_t i = 0; i < dump->count; i++) {
		const struct cut_key *key = &dump->keys[i].cut;

		check(tree_load_key(tree, key->key, key->total, dump->keys[i].days, key->day_count) == 0,
		      "tree_load_key()");
	}
}

static void
compare(const struct snapshot *seen, const struct snapshot *expected)
{
	for (size_t i = 0; i < seen->count && i < expected->count; i++) {
		const struct cut_key *a = &seen->keys[i].cut, *b = &expected->keys[i].cut;

		check(a->key == b->key, "key %lu is %s", a->key < b->key ? a->key : b->key,
		      a->key < b->key ? "there after recovery" : "not there after recovery");
		check(a->words.total == b->words.total && a->total == b->total,
		      "key %lu: total %lu (%lu), not %lu (%lu)", a->key, a->total, a->words.total, b->total,
		      b->words.total);
		check(a->words.above == b->words.above && a->words.below == b->words.below,
		      "key %lu: %lu above and %lu below, not %lu and %lu", a->key, a->words.above, a->words.below,
		      b->words.above, b->words.below);
		check(a->day_count == b->day_count, "key %lu: %zu days, not %zu", a->key, a->day_count, b->day_count);
		for (size_t d = 0; d < a->day_count; d++) {
			const struct cut_day *x = &seen->keys[i].days[d], *y = &expected->keys[i].days[d];

			check(x->day == y->day && x->count == y->count && x->kept == y->kept,
			      "key %lu: %lu on day %u, not %lu on day %u", a->key, x->count, x->day, y->count, y->day);
		}
	}
	check(seen->count == expected->count, "%zu keys, not %zu", seen->count, expected->count);
}

void
recovery_check(const struct history *history, const struct snapshot *dump, uint64_t epoch,
               const struct snapshot *expected)
{
	uint64_t generation = dump ? dump->generation : 0, highest, key = 0;
	struct engine *engine;
	struct engine_worker *worker;
	struct tree *tree;

	check(engine_create(4, RECOVERY_DAY, &engine) == 0, "engine_create()");
	check(engine_worker_create(engine, &worker) == 0, "engine_worker_create()");
	check(tree_load_begin(engine, RECOVERY_ID, generation + 1, &tree) == 0, "tree_load_begin()");
	if (dump)
		load_dump(tree, dump);
	else
		recovery_load_base(tree);
	highest = epoch % 2 == 0 ? history_apply(tree, history, generation, epoch)
	                         : history_apply_singly(tree, history, generation, epoch);
	check(tree_load_finish(tree, highest + 1, &key) == 0, "epochs up to %lu over generation %lu: key %lu cannot be",
	      epoch, generation, key);
	check(tree_load_restore(worker, tree, RECOVERY_NAME, strlen(RECOVERY_NAME), 0) == 0, "tree_load_restore()");
	if (expected) {
		struct snapshot seen;

		snapshot_take(&seen, engine, tree);
		compare(&seen, expected);
		snapshot_deinit(&seen);
	}
	engine_worker_destroy(worker);
	engine_destroy(engine);
}
