/*
 * stress_cut.c - every cut is the sum of all effects of its generation and before, word by word; see stress.h
 */
#include "stress.h"
#include "harness.h"

#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

/* What a cut showed, in words as in the books. */
struct cut {
	const struct field *field;
	uint64_t generation;
	uint64_t *words; /* of this field */
	uint8_t *visited;
	struct stress *disturbed; /* NULL: the workers have ended */
	uint64_t *random;
};

static int
visit(void *context, const struct cut_key *key)
{
	struct cut *cut = context;
	const struct field *field = cut->field;
	uint32_t number = field_key_number(key->key);

	check(number < field->keys && field_key(number) == key->key, "%s, cut %lu: key %lx", field->name,
	      cut->generation, key->key);
	check(!cut->visited[number], "%s, cut %lu: key number %u came twice", field->name, cut->generation, number);
	cut->visited[number] = 1;
	if (cut->disturbed && random_below(cut->random, field->keys < 512 ? 16 : 512) == 0)
		stress_disturb(cut->disturbed, cut->random, NULL);
	uint64_t *words = &cut->words[number * field->words_per_key];

	for (size_t i = 0; i < key->day_count; i++) {
		uint32_t index = key->days[i].day - FIELD_DAY_FIRST;

		check(index < field->days, "%s, cut %lu: day %u", field->name, cut->generation, key->days[i].day);
		check(words[index] == WORD_ABSENT, "%s, cut %lu, key number %u: day %u came twice", field->name,
		      cut->generation, number, key->days[i].day);
		words[index] = key->days[i].count;
	}
	words[field->days] = key->words.above;
	words[field->days + 1] = key->words.below;
	words[field->days + 2] = key->words.total;
	uint64_t shown = key->words.total + key->words.above - key->words.below;

	check(key->total == shown, "%s, cut %lu, key number %u: total shown %lu, by its words %lu", field->name,
	      cut->generation, number, key->total, shown);
	return 0;
}

/* Days: absent or a count. The others: a count. */
static uint64_t
normal(const struct field *field, uint32_t index, uint64_t word)
{
	return index < field->days && !word_present(word) ? WORD_ABSENT : word & WORD_VALUE;
}

static void
compare_key(const struct stress *stress, const struct cut *cut, uint32_t number)
{
	const struct field *field = cut->field;
	uint32_t first = number * field->words_per_key;
	const uint64_t *logged = &stress->books.generation_state[field->word_first + first];
	const uint64_t *seen = &cut->words[first];
	bool anything = false;

	for (uint32_t i = 0; i < field->days + 3; i++) {
		uint64_t expected = normal(field, i, logged[i]);

		check(normal(field, i, seen[i]) == expected,
		      "%s, cut %lu, key number %u%s: word %u is %lx, its effects add up to %lx", field->name,
		      cut->generation, number, cut->visited[number] ? "" : " (not in it)", i, seen[i], expected);
		anything = anything || (expected != 0 && expected != WORD_ABSENT);
	}
	check(cut->visited[number] || !anything, "%s, cut %lu: key number %u is lost", field->name, cut->generation,
	      number);
	check(cut->visited[number] || logged[field->days + 3] == 0 || stress->mix->removes_keys,
	      "%s, cut %lu: key number %u was listed, but is lost", field->name, cut->generation, number);
	field_judge(field, number, stress->books.generation_state, "cut", cut->generation);
}

static void
cut_clear(struct cut *cut)
{
	const struct field *field = cut->field;

	for (uint32_t k = 0; k < field->keys; k++) {
		uint64_t *words = &cut->words[k * field->words_per_key];

		for (uint32_t d = 0; d < field->days; d++)
			words[d] = WORD_ABSENT;
	}
}

void
stress_cut(struct stress *stress, uint32_t index, struct stress_sums *sums)
{
	const struct field *field = &stress->fields.field[index];
	struct tree *tree = engine_pin_tree(stress->engine, field->name, strlen(field->name));
	struct cut_summary summary;

	check(tree && tree_id(tree) == field->tree_id, "engine_pin_tree(%s)", field->name);
	struct cut cut = {
		.field = field,
		.generation = tree_generation(tree),
		.disturbed = atomic_load_explicit(&stress->stop_workers, memory_order_relaxed) ? NULL : stress,
		.random = &stress->workers[stress->worker_count].random,
	};

	cut.words = calloc((size_t)field->keys * field->words_per_key, sizeof(*cut.words));
	cut.visited = calloc(field->keys, 1);
	check(cut.words && cut.visited, "out of memory");
	cut_clear(&cut);
	if (cut.disturbed)
		stress_disturb(stress, cut.random, tree);
	check(tree_cut(stress->engine, tree, visit, &cut, &summary) == 0, "tree_cut(%s)", field->name);
	stress_disturb_end();
	check(summary.generation == cut.generation, "%s: generation %lu, not %lu", field->name, summary.generation,
	      cut.generation);
	books_close_generation(&stress->books, index, cut.generation);
	for (uint32_t k = 0; k < field->keys; k++)
		compare_key(stress, &cut, k);
	free(cut.words);
	free(cut.visited);
	sums->cuts++;
	sums->by_walker += summary.by_walker;
	sums->by_writers += summary.by_writers;
	sums->deltas += summary.deltas;
	sums->keys_set_aside += summary.keys_set_aside;
}

/* ---- maintenance beside the cuts ------------------------------------------------------------------------------ */

static int
begin_nothing(void *context)
{
	(void)context;
	return 0;
}

static void
drain(void *context)
{
	struct stress_worker *self = context;

	ledger_drain(&self->stress->books, self->ledger);
}

void
stress_maintain(struct stress *stress)
{
	struct stress_worker *self = &stress->workers[stress->worker_count];
	uint32_t kind = random_below(&self->random, 16), index = random_below(&self->random, FIELDS);
	const struct field *field = &stress->fields.field[index];
	size_t bytes = strlen(field->name);

	if (kind == 0)
		engine_reclaim(stress->engine);
	if (kind < 1 || kind > 4)
		return;
	if (kind < 4) {
		struct tree *tree = engine_pin_tree(stress->engine, field->name, bytes);

		engine_batch_begin(self->worker);
		(void)tree_compact(self->worker, tree, stress->mix->removes_keys && random_below(&self->random, 2));
		drain(self);
		engine_batch_end(self->worker);
	} else if (index != FIELD_GROW) {
		/* Not over the days of the twins: nothing takes from those. */
		uint64_t from = FIELD_DAY_FIRST + FIELD_TODAYS + random_below(&self->random, 60);

		struct section_steps steps = { .begin = begin_nothing, .end = drain, .context = self };
		int outcome = tree_delete_range_all(self->worker, field->name, bytes, from, from + 20, &steps);

		check(outcome == 0, "tree_delete_range_all(): %d", outcome);
	}
	atomic_fetch_add_explicit(&self->operations, 1, memory_order_relaxed);
}

/* ---- the end -------------------------------------------------------------------------------------------------- */

static void
note_day(void *context, uint32_t day, uint64_t count)
{
	uint64_t *words = context;
	uint32_t index = day - FIELD_DAY_FIRST;

	check(words[index] == WORD_ABSENT, "at the end, day %u is there twice", day);
	words[index] = count;
}

static void
check_end_of_key(struct stress *stress, struct tree *tree, const struct field *field, uint32_t number)
{
	const uint64_t *logged = &stress->books.tag_state[field_word_of(field, number, FIELD_DAY_FIRST)];
	uint64_t total = tree_total(tree, field_key(number)), days[64];

	for (uint32_t i = 0; i < field->days; i++)
		days[i] = WORD_ABSENT;
	(void)tree_days(tree, field_key(number), 0, UINT64_MAX, note_day, days);
	for (uint32_t i = 0; i < field->days; i++)
		check(days[i] == normal(field, i, logged[i]), "at the end, %s, key number %u: day %u is %lx, not %lx",
		      field->name, number, i, days[i], logged[i]);
	uint64_t shown =
	    logged[field->days + 2] + (logged[field->days] & WORD_VALUE) - (logged[field->days + 1] & WORD_VALUE);

	check(total == shown, "at the end, %s, key number %u: total %lu, not %lu", field->name, number, total, shown);
}

void
stress_check_end(struct stress *stress)
{
	struct stress_worker *self = &stress->workers[stress->worker_count];

	check(memcmp(stress->books.tag_state, stress->books.generation_state,
	             stress->fields.words * sizeof(uint64_t)) == 0,
	      "the effects by epoch and by generation add up to different ends");
	engine_batch_begin(self->worker);
	for (int f = 0; f < FIELDS; f++) {
		const struct field *field = &stress->fields.field[f];
		struct tree *tree = tree_find(self->worker, field->name, strlen(field->name));

		for (uint32_t k = 0; k < field->keys; k++)
			check_end_of_key(stress, tree, field, k);
	}
	engine_batch_end(self->worker);
}
