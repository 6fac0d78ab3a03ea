/*
 * The conditional add over several keys, in any trees: all of it, or nothing.
 *
 * Records and today's slots are made before anything is held. Then the keys are held in the order of (tree id, key), and
 * only then `retired` of the trees and today are looked at: a tree swapped or a day begun before that is seen, and the
 * call starts over or tells its caller. While all are held, the days can only grow by plain adds, which ask for no limit;
 * so every key stays within its limit as far as conditional adds go. No amount is ever added here that may be taken
 * back, but for one case: totals near 2^61 that other adds filled between the look and the change.
 */
#include <stdlib.h>

#include "engine/hold.h"

enum {
	NOTES_PER_KEY = 3,   /* total and day; total again when it is taken back */
	EFFECTS_PER_KEY = 4, /* the same, and that the key was listed */
};

struct acquire_key {
	struct operation op;
	struct key_record *record;
	_Atomic uint64_t *word; /* of today */
	uint64_t key;
	uint64_t amount; /* of all items for it */
};

struct acquire {
	struct engine_worker *worker;
	const struct acquire_item *items;
	size_t item_count;
	uint32_t today;
	size_t key_count;
	struct acquire_key keys[ACQUIRE_ITEMS_MAX];
};

static int
compare_keys(const struct tree *a_tree, uint64_t a_key, const struct tree *b_tree, uint64_t b_key)
{
	if (a_tree->id != b_tree->id)
		return a_tree->id < b_tree->id ? -1 : 1;
	return a_key < b_key ? -1 : a_key > b_key;
}

/* The distinct keys in canonical order, by insertion: there are few. False when amounts overflow. */
static bool
gather_keys(struct acquire *acquire)
{
	acquire->key_count = 0;
	for (size_t i = 0; i < acquire->item_count; i++) {
		const struct acquire_item *item = &acquire->items[i];
		size_t at = acquire->key_count;
		int order = 1;

		while (at > 0 && (order = compare_keys(item->tree, item->key, acquire->keys[at - 1].op.tree,
		                                       acquire->keys[at - 1].key)) < 0)
			at--;
		if (at > 0 && order == 0) {
			if (item->amount > COUNT_MAX - acquire->keys[at - 1].amount)
				return false;
			acquire->keys[at - 1].amount += item->amount;
			continue;
		}
		if (item->amount > COUNT_MAX)
			return false;
		for (size_t k = acquire->key_count; k > at; k--)
			acquire->keys[k] = acquire->keys[k - 1];
		acquire->keys[at] = (struct acquire_key){ .key = item->key, .amount = item->amount };
		acquire->keys[at].op.tree = item->tree;
		acquire->key_count++;
	}
	return true;
}

/* Everything that needs memory or a lock. */
static int
prepare(struct acquire *acquire)
{
	struct engine_worker *worker = acquire->worker;
	int r = operation_reserve(worker, NOTES_PER_KEY * acquire->key_count, EFFECTS_PER_KEY * acquire->key_count);

	acquire->today = engine_today(worker->engine);
	for (size_t i = 0; r == 0 && i < acquire->key_count; i++) {
		struct acquire_key *key = &acquire->keys[i];

		operation_begin(&key->op, worker, key->op.tree);
		key->record = tree_record_for_decision(&key->op, key->key);
		key->word = key->record == NULL ? NULL : slot_get(key->record, acquire->today, key->op.generation);
		if (key->word == NULL)
			r = -ENOMEM;
	}
	return r;
}

static void
release(struct acquire *acquire, size_t count)
{
	for (size_t i = 0; i < count; i++)
		key_release(acquire->keys[i].record);
}

enum held { HELD_ALL, HELD_AGAIN, HELD_RETIRED };

static enum held
hold_all(struct acquire *acquire)
{
	size_t held = 0;
	enum held outcome = HELD_ALL;

	while (held < acquire->key_count && key_hold(acquire->keys[held].record))
		held++;
	if (held < acquire->key_count) {
		release(acquire, held);
		partition_pass(&acquire->keys[held].op.tree->table, acquire->keys[held].key);
		return HELD_AGAIN;
	}
	/* Only now: whoever moved today or swapped a tree before we held is seen, who does it later comes after us. */
	if (engine_today(acquire->worker->engine) != acquire->today)
		outcome = HELD_AGAIN;
	for (size_t i = 0; i < acquire->key_count; i++) {
		if (atomic_load_explicit(&acquire->keys[i].op.tree->retired, memory_order_acquire)) /* G3 */
			outcome = HELD_RETIRED;
		else if ((atomic_load_explicit(acquire->keys[i].word, memory_order_acquire) & WORD_DEAD) != 0)
			outcome = HELD_AGAIN; /* the slot's block is being given back */
		if (outcome == HELD_RETIRED)
			break;
	}
	if (outcome != HELD_ALL)
		release(acquire, acquire->key_count);
	return outcome;
}

static struct acquire_key *
key_of(struct acquire *acquire, const struct acquire_item *item)
{
	for (size_t i = 0;; i++) {
		assert(i < acquire->key_count);
		if (acquire->keys[i].op.tree == item->tree && acquire->keys[i].key == item->key)
			return &acquire->keys[i];
	}
}

/* What the days from … to of a held key hold; every word is looked at, for the operation's generation. */
static uint64_t
used_in(struct acquire_key *key, uint64_t from, uint64_t to)
{
	struct slot_cursor cursor = { 0 };
	_Atomic uint32_t *day_field = NULL;
	_Atomic uint64_t *word = NULL;
	uint64_t used = 0;

	while (slot_next(key->record, &cursor, &day_field, &word)) {
		uint32_t day = atomic_load_explicit(day_field, memory_order_acquire); /* E3 */

		if (day == 0 || --day > DAY_MAX || day < from || day > to)
			continue;
		uint64_t seen = operation_look(&key->op, word);

		if ((seen & WORD_DEAD) == 0)
			used += word_value(seen);
	}
	return used;
}

/* Looks at everything and decides. Of one tree all operations get the newest generation that any of them saw. */
static int
decide(struct acquire *acquire, size_t *ret_refused)
{
	int r = 0;

	for (size_t i = 0; i < acquire->key_count; i++) {
		struct acquire_key *key = &acquire->keys[i];
		uint64_t total = word_value(operation_look(&key->op, &key->record->total));

		(void)operation_look(&key->op, key->word);
		if (total > COUNT_MAX - key->amount)
			r = ENGINE_OVERFLOW;
	}
	for (size_t i = 0; r == 0 && i < acquire->item_count; i++) {
		const struct acquire_item *item = &acquire->items[i];
		struct acquire_key *key = key_of(acquire, item);
		uint64_t used = used_in(key, item->from, item->to);

		if (used > item->limit || key->amount > item->limit - used) {
			*ret_refused = i;
			r = ENGINE_REFUSED;
		}
	}
	return r;
}

static void
share_generations(struct acquire *acquire)
{
	for (size_t i = 0; i < acquire->key_count; i++) {
		struct operation *op = &acquire->keys[i].op;

		for (size_t k = 0; k < acquire->key_count; k++) {
			const struct operation *other = &acquire->keys[k].op;

			if (other->tree == op->tree && other->generation > op->generation)
				op->generation = other->generation;
		}
	}
	for (size_t i = 0; i < acquire->key_count; i++) {
		operation_decided(&acquire->keys[i].op);
		acquire->keys[i].op.tag = acquire->keys[0].op.tag; /* one request, one tag */
	}
}

/* Totals first, as an add does: only they can still refuse. Then the days. */
static int
grow_all(struct acquire *acquire)
{
	for (size_t i = 0; i < acquire->key_count; i++) {
		struct acquire_key *key = &acquire->keys[i];

		if (total_grow(&key->op, key->record, key->amount) == CHANGE_DONE)
			continue;
		while (i-- > 0) {
			key = &acquire->keys[i];
			(void)word_change(&key->op, &key->record->total, key->key, DAY_OF_TOTAL, -key->amount,
			                  -key->amount);
		}
		return ENGINE_OVERFLOW;
	}
	for (size_t i = 0; i < acquire->key_count; i++) {
		struct acquire_key *key = &acquire->keys[i];

		(void)word_change(&key->op, key->word, key->key, acquire->today, key->amount, key->amount);
	}
	return 0;
}

/* A key with a count is there for readers; now its state says so as well. */
static void
list_all(struct acquire *acquire)
{
	for (size_t i = 0; i < acquire->key_count; i++) {
		struct acquire_key *key = &acquire->keys[i];

		tree_list_key(&key->op, key->record);
		operation_log_listed(&key->op, key->key);
	}
}

int
tree_acquire(struct engine_worker *worker, const struct acquire_item *items, size_t count, size_t *ret_refused)
{
	struct acquire acquire = { .worker = worker, .items = items, .item_count = count };

	if (count > ACQUIRE_ITEMS_MAX)
		return -EINVAL;
	if (!gather_keys(&acquire))
		return ENGINE_OVERFLOW;
	for (;;) {
		int r = prepare(&acquire);

		if (r != 0)
			return r;
		enum held held = hold_all(&acquire);

		if (held == HELD_RETIRED)
			return ENGINE_MISSING;
		if (held == HELD_AGAIN)
			continue;
		r = decide(&acquire, ret_refused);
		if (r == 0) {
			share_generations(&acquire);
			r = grow_all(&acquire);
		}
		release(&acquire, acquire.key_count);
		if (r == 0)
			list_all(&acquire);
		return r;
	}
}
