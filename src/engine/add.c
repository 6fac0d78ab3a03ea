/*
 * The plain add: two fetch_adds, total first, then the day, always in this order. A walk that passes between the two
 * finds the day's part missing in a word it has captured already; the parity of the word tells the writer so, and the
 * writer notes the delta (operation.h). Day first would let a cut hold a day without its total: the generation is told
 * by the first effect, and compaction relies on total moving first to see an add on its way.
 */
#include "engine/operation.h"

#include "karma/engine.h"

enum {
	ADD_NOTES = 4,   /* total and day; both again when memory runs out in between */
	ADD_EFFECTS = 4, /* the same, and that the key was listed */
};

enum change
total_grow_slow(struct operation *op, struct key_record *record, uint64_t amount)
{
	uint64_t seen = atomic_load_explicit(&record->total, memory_order_acquire);

	for (;;) {
		if ((seen & WORD_DEAD) != 0)
			return CHANGE_DEAD;
		if (amount > COUNT_MAX || word_value(seen) > COUNT_MAX - amount)
			return CHANGE_OVERFLOW;
		bool current = word_is_current(op, seen);
		uint64_t next = seen + amount;

		if (!current)
			next = (next & ~WORD_PARITY) | word_parity_of(op->generation);
		if (!atomic_compare_exchange_weak_explicit(&record->total, &seen, next, memory_order_acq_rel,
		                                           memory_order_acquire))
			continue;
		if (current)
			operation_landed(op, word_landed_in(op, seen), record->key, DAY_OF_TOTAL, amount);
		else
			operation_captured(op, seen, record->key, DAY_OF_TOTAL);
		effect_add(op, EFFECT_TOTAL, record->key, 0, amount);
		return CHANGE_DONE;
	}
}

/*
 * The day's part. A dead word (its block is being given back) means only that the day has to be found again, in the same
 * generation and with the same tag. False when memory is out.
 */
static bool
day_grow(struct operation *op, struct key_record *record, _Atomic uint64_t *word, uint32_t day, uint64_t amount)
{
	while (word != NULL) {
		if (word_change(op, word, record->key, day, amount, amount) == CHANGE_DONE)
			return true;
		word = slot_get(record, day, op->generation);
	}
	return false;
}

/* Both changes. CHANGE_DONE, with *ret the outcome of the call, or CHANGE_DEAD: nothing happened. */
static inline __attribute__((always_inline)) enum change
grow(struct operation *op, struct key_record *record, _Atomic uint64_t *word, uint32_t day, uint64_t amount, int *ret)
{
	*ret = 0;
	if (MUTANT(DAY_BEFORE_TOTAL)) {
		(void)day_grow(op, record, word, day, amount);
		(void)total_grow(op, record, amount);
		return CHANGE_DONE;
	}
	enum change total = total_grow(op, record, amount);

	if (total == CHANGE_OVERFLOW) {
		*ret = ENGINE_OVERFLOW;
		return CHANGE_DONE;
	}
	if (total == CHANGE_DONE && !day_grow(op, record, word, day, amount)) {
		/* Memory ran out just while the claimed slot's block was given back: take the total back. Exact
		 * beside holders, who take only what they saw in days. */
		(void)word_change(op, &record->total, record->key, DAY_OF_TOTAL, -amount, -amount);
		*ret = -ENOMEM;
	}
	return total;
}

/* Inline: the single add of a request and the loop of a batch are both worth a copy. */
static inline __attribute__((always_inline)) int
add(struct engine_worker *worker, struct tree *tree, uint64_t key, uint32_t day, uint64_t amount)
{
	struct operation op;

	assert(day <= DAY_MAX);
	if (amount > COUNT_MAX)
		return ENGINE_OVERFLOW; /* before the key is made and listed: a smaller one always fits a new key */
	int r = operation_reserve(worker, ADD_NOTES, ADD_EFFECTS);

	if (r != 0)
		return r;
	for (;;) {
		operation_begin(&op, worker, tree);
		struct key_record *record = tree_record_get(&op, key);
		/* The slot is claimed before anything changes, so that memory cannot run out in between. */
		_Atomic uint64_t *word = record == NULL ? NULL : slot_get(record, day, op.generation);

		operation_tag_add(&op);
		if (word == NULL) {
			r = -ENOMEM;
			break;
		}
		if (grow(&op, record, word, day, amount, &r) == CHANGE_DONE)
			break;
		/* Compaction took the record away: start over. If we had listed it, that is gone as well. */
		partition_pass(&tree->table, key);
	}
	/* Now that the operation's generation is known: a snapshot that has the listing has what was listed. */
	operation_log_listed(&op, key);
	return r;
}

int
tree_add(struct engine_worker *worker, struct tree *tree, uint64_t key, uint32_t day, uint64_t amount)
{
	return add(worker, tree, key, day, amount);
}

int
tree_add_items(struct engine_worker *worker, struct tree *tree, const struct add_item *items, size_t count,
               size_t *ret_done)
{
	int r = 0;
	size_t i = 0;

	for (; i < count; i++) {
		r = add(worker, tree, items[i].key, items[i].day, items[i].amount);
		if (r != 0)
			break;
	}
	*ret_done = i;
	return r;
}
