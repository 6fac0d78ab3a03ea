/*
 * Recovery: the effects of a log added up in a tree that nobody sees.
 *
 * Effects are deltas of words and commute: a day's word is summed modulo 2^62 (value and absent flag), a total modulo 2^61,
 * whatever comes first. So a word may be nonsense in between, and is judged only at the end. What the effects say of a
 * key's being listed does not commute; there the last one counts, and the caller has them in order.
 *
 * A key that only has deltas so far is unlisted: it is shown as soon as it has a count, and stays unlisted until a record
 * lists it, as in the engine whose log this is. Unlisting takes a record away only when all its words are fresh, since then
 * a later delta makes it anew with nothing lost; deltas of other epochs and workers may still be on their way, so a word may
 * well not be fresh, and then the key is just unlisted. tree_load_finish() takes away what is fresh and unlisted. What is
 * unlisted, without a count and yet not fresh stays hidden in the map, because the log, which still has its deltas, will be
 * added to.
 *
 * Nobody looks at the tree meanwhile. Several threads may work on it, but never on the same partition, and each on keys of
 * its own part: so relaxed loads and stores, no atomic changes, but for the tree's sequence. What one thread did the next
 * sees by whatever tells it that the work is done.
 */
#include "base/memory.h"
#include "engine/operation.h"

enum { PREFETCH_EFFECTS = 32 }; /* asked for together, before the first is used */

static uint64_t
peek(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/* Adds to the bits of mask alone. */
static void
word_sum(_Atomic uint64_t *word, uint64_t delta, uint64_t mask)
{
	uint64_t seen = peek(word);

	atomic_store_explicit(word, (seen & ~mask) | ((seen + delta) & mask), memory_order_relaxed);
}

static uint32_t
record_state(const struct key_record *record)
{
	return atomic_load_explicit(&record->state, memory_order_relaxed);
}

static void
record_state_set(struct key_record *record, uint32_t state)
{
	atomic_store_explicit(&record->state, state, memory_order_relaxed);
}

static struct key_record *
record_get(struct tree *tree, uint64_t key)
{
	struct key_record *record = partition_find(&tree->table, key);
	bool made;

	if (record == NULL)
		record = partition_insert_alone(&tree->table, key, tree_generation(tree), RECORD_UNLISTED, &made);
	return record;
}

/* As key_record_init() made it, but for slots that are claimed. */
static bool
is_fresh(struct key_record *record)
{
	struct slot_cursor cursor = { 0 };
	_Atomic uint32_t *day = NULL;
	_Atomic uint64_t *word = NULL;

	if (word_value(peek(&record->total)) != 0)
		return false;
	while (slot_next(record, &cursor, &day, &word)) {
		if ((peek(word) & WORD_RAW_MASK) != WORD_ABSENT)
			return false;
	}
	return true;
}

static void
remove_record(struct tree *tree, struct key_record *record)
{
	struct partition *partition = partition_lock(&tree->table, record->key);

	partition_remove(partition, record);
	partition_unlock(partition);
	key_record_free_blocks(record);
	mem_free(record);
}

static int
apply_total(const struct load_effect *effect)
{
	struct key_record *record = record_get(effect->tree, effect->key);

	if (record == NULL)
		return -ENOMEM;
	word_sum(&record->total, effect->delta, WORD_VALUE_MASK);
	return 0;
}

static int
apply_day(const struct load_effect *effect)
{
	if (effect->day > DAY_BELOW)
		return ENGINE_INVALID;
	struct key_record *record = record_get(effect->tree, effect->key);
	_Atomic uint64_t *word = record == NULL ? NULL : slot_get(record, effect->day, tree_generation(effect->tree));

	if (word == NULL)
		return -ENOMEM;
	if (effect->day > DAY_MAX)
		record_state_set(record, record_state(record) | RECORD_DIFFERS);
	word_sum(word, effect->delta, WORD_RAW_MASK);
	if (effect->total_too)
		word_sum(&record->total, effect->delta, WORD_VALUE_MASK);
	return 0;
}

/* The engine goes on above every sequence of the records. */
static void
raise_sequence(struct tree *tree, uint64_t sequence)
{
	uint64_t seen = peek(&tree->table.sequence);

	/* Relaxed: a number alone. Only ever higher, so no ABA. */
	while (seen < sequence && !atomic_compare_exchange_weak_explicit(&tree->table.sequence, &seen, sequence,
	                                                                 memory_order_relaxed, memory_order_relaxed)) {}
}

static int
apply_listed(const struct load_effect *effect)
{
	struct key_record *record = record_get(effect->tree, effect->key);

	if (record == NULL)
		return -ENOMEM;
	raise_sequence(effect->tree, effect->delta);
	record_state_set(record, record_state(record) & ~(uint32_t)RECORD_UNLISTED);
	return 0;
}

static int
apply_unlisted(const struct load_effect *effect)
{
	struct key_record *record = partition_find(&effect->tree->table, effect->key);

	raise_sequence(effect->tree, effect->delta);
	if (record == NULL)
		return 0;
	record_state_set(record, record_state(record) | RECORD_UNLISTED);
	if (is_fresh(record))
		remove_record(effect->tree, record);
	return 0;
}

static int
apply(const struct load_effect *effect)
{
	assert(effect->tree->entry == NULL);
	switch (effect->kind) {
	case EFFECT_DAY:
		return apply_day(effect);
	case EFFECT_TOTAL:
		return apply_total(effect);
	case EFFECT_LISTED:
		return apply_listed(effect);
	case EFFECT_UNLISTED:
		return apply_unlisted(effect);
	default:
		return ENGINE_INVALID; /* CREATE and DROP are about trees that can be found */
	}
}

int
tree_load_effect(struct tree *tree, const struct effect *effect)
{
	return apply(&(struct load_effect){
	    .tree = tree,
	    .key = effect->key,
	    .delta = effect->delta,
	    .day = effect->day,
	    .kind = (uint16_t)effect->kind,
	});
}

int
tree_load_effects(const struct load_effect *effects, size_t count)
{
	struct key_prefetch prefetches[PREFETCH_EFFECTS];
	int r = 0;

	for (size_t at = 0, end; r == 0 && at < count; at = end) {
		end = count - at < PREFETCH_EFFECTS ? count : at + PREFETCH_EFFECTS;
		for (size_t i = at; i < end; i++)
			key_prefetch_begin(&prefetches[i - at], effects[i].tree, effects[i].key);
		key_prefetch_all(prefetches, end - at);
		for (size_t i = at; r == 0 && i < end; i++)
			r = apply(&effects[i]);
	}
	return r;
}

unsigned
tree_load_part(uint64_t key, unsigned parts)
{
	return (unsigned)((uint64_t)partition_index(key_hash(key)) * parts / PARTITIONS);
}

/* ---- the end ---------------------------------------------------------------------------------------------------------- */

struct finish {
	struct tree *tree;
	uint64_t parity;
	uint64_t unlisted;
	uint64_t bad_key;
};

static void
settle_word(const struct finish *finish, _Atomic uint64_t *word)
{
	atomic_store_explicit(word, (peek(word) & ~WORD_PARITY) | finish->parity, memory_order_relaxed);
}

/* Gives all words the parity, and tells whether they are what can be. What was negative is above COUNT_MAX, being modulo. */
static bool
settle_record(const struct finish *finish, struct key_record *record)
{
	struct slot_cursor cursor = { 0 };
	_Atomic uint32_t *day_field = NULL;
	_Atomic uint64_t *word = NULL;
	uint64_t sum = 0, total = word_value(peek(&record->total));
	bool good = total <= COUNT_MAX;

	settle_word(finish, &record->total);
	while (slot_next(record, &cursor, &day_field, &word)) {
		uint32_t day = atomic_load_explicit(day_field, memory_order_relaxed);
		uint64_t count = day == 0 ? 0 : word_value(peek(word));

		settle_word(finish, word);
		good = good && count <= COUNT_MAX;
		if (good && day <= DAY_MAX + 1)
			sum += count;
		good = good && sum <= COUNT_MAX;
	}
	return good && sum == total;
}

static int
finish_record(void *context, struct key_record *record)
{
	struct finish *finish = context;

	if (!settle_record(finish, record)) {
		finish->bad_key = record->key;
		return ENGINE_INVALID;
	}
	if ((record_state(record) & RECORD_UNLISTED) == 0)
		return 0;
	if (is_fresh(record))
		remove_record(finish->tree, record);
	else
		finish->unlisted++;
	return 0;
}

int
tree_load_finish(struct tree *tree, uint64_t generation, uint64_t *ret_key)
{
	struct finish finish = { .tree = tree, .parity = word_parity_of(generation) };

	assert(tree->entry == NULL);
	int r = partition_walk(&tree->table, finish_record, &finish);

	if (r != 0) {
		*ret_key = finish.bad_key;
		return r;
	}
	atomic_store_explicit(&tree->generation, generation, memory_order_relaxed);
	atomic_store_explicit(&tree->settled, generation, memory_order_relaxed);
	atomic_store_explicit(&tree->unlisted_count, finish.unlisted, memory_order_relaxed);
	return 0;
}
