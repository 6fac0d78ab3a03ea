/*
 * Takes: decrement, subtract, set, delete and reset of one key. All hold the key, look at all its words, change days by
 * exact amounts, and last the total. A tree that was dropped or replaced after the caller found it is no concern here: the
 * take then stands before that instant. (Several trees at once are: acquire.c.)
 *
 * The total word stays the sum of the days' words. Where the original's total differs from its days, the difference
 * stands in the slots DAY_ABOVE and DAY_BELOW: total shown = word + above - below.
 */
#include "engine/hold.h"

static bool
takes_from(const struct looked *looked)
{
	return looked != NULL && word_value(looked->seen) > 0;
}

/* One off today's count. */
static void
decrement_day(struct held_key *held, const struct looked *today)
{
	operation_decided(&held->op);
	held_key_take(held, today, word_value(today->seen) - 1, false);
	/* A total shown of 0 stays 0: held_key_end() takes the same off `below`. */
	held_key_end(held, 1);
}

int
tree_decrement(struct engine_worker *worker, struct tree *tree, uint64_t key)
{
	unsigned flags = 0;

	for (;;) {
		struct held_key held;
		int r = held_key_begin(&held, worker, tree, key, flags, 1);

		if (r != 0)
			return r == ENGINE_MISSING ? 0 : r;
		/* Loaded while holding, so that two workers cannot disagree on the day of one limit. */
		struct looked *today = held_key_day(&held, engine_today(worker->engine));

		if (takes_from(today)) {
			decrement_day(&held, today);
			return 0;
		}
		if (held_key_shown(&held) == 0) {
			key_release(held.record);
			return 0;
		}
		/* Off `above` while there is some, so that never both differences are above 0: a key without days
		 * and total then has neither, and can be compacted. */
		if (takes_from(held.above)) {
			operation_decided(&held.op);
			held_key_set_difference(&held, held.above, word_value(held.above->seen) - 1);
			held_key_end(&held, 0);
			return 0;
		}
		if (held.below == NULL) {
			key_release(held.record); /* claim its slot first: a holder does not allocate */
			flags = HELD_NEEDS_BELOW;
			continue;
		}
		operation_decided(&held.op);
		held_key_set_difference(&held, held.below, word_value(held.below->seen) + 1);
		held_key_end(&held, 0);
		return 0;
	}
}

int
tree_subtract(struct engine_worker *worker, struct tree *tree, uint64_t key, uint32_t day, uint64_t amount,
              uint64_t *ret_taken)
{
	struct held_key held;
	int r = held_key_begin(&held, worker, tree, key, 0, 1);

	assert(day <= DAY_MAX);
	*ret_taken = 0;
	if (r != 0)
		return r == ENGINE_MISSING ? 0 : r;
	struct looked *looked = held_key_day(&held, day);
	uint64_t there = looked == NULL ? 0 : word_value(looked->seen);
	uint64_t taken = there < amount ? there : amount;

	if (taken == 0) {
		key_release(held.record);
		return 0;
	}
	operation_decided(&held.op);
	/* A day counted down to 0 is gone; above 0 the flag does not matter and is left. */
	held_key_take(&held, looked, there - taken, taken == there || (looked->seen & WORD_ABSENT) != 0);
	held_key_end(&held, taken);
	*ret_taken = taken;
	return 0;
}

/* Grows a held day: total first, as an add does, since only its CAS can refuse. */
static int
grow_day(struct held_key *held, struct looked *looked, uint64_t amount)
{
	if (amount > COUNT_MAX || held->total > COUNT_MAX - amount) {
		key_release(held->record);
		return ENGINE_OVERFLOW;
	}
	operation_decided(&held->op);
	enum change grown = total_grow(&held->op, held->record, amount);

	if (grown == CHANGE_DONE)
		(void)word_change(&held->op, looked->word, held->record->key, looked->day, amount, amount);
	key_release(held->record);
	return grown == CHANGE_DONE ? 0 : ENGINE_OVERFLOW;
}

/* Finds or makes the key and a slot for the day, so that a holder need not. */
static int
make_slot(struct engine_worker *worker, struct tree *tree, uint64_t key, uint32_t day)
{
	struct operation op;

	operation_begin(&op, worker, tree);
	struct key_record *record = tree_record_for_decision(&op, key);

	return record == NULL || slot_get(record, day, op.generation) == NULL ? -ENOMEM : 0;
}

/* Sets a day of a held key that has a slot for it (unless count is 0), and lets go. */
static int
set_held(struct held_key *held, struct looked *looked, uint64_t count)
{
	uint64_t there = looked == NULL ? 0 : word_value(looked->seen);

	if (count > there)
		return grow_day(held, looked, count - there);
	operation_decided(&held->op);
	if (looked != NULL)
		held_key_take(held, looked, count, count == 0 || (looked->seen & WORD_ABSENT) != 0);
	held_key_end(held, there - count);
	return 0;
}

enum { SET_MORE = 3 }; /* grow_day() changes total and day besides; and the key is listed */

int
tree_set(struct engine_worker *worker, struct tree *tree, uint64_t key, uint32_t day, uint64_t count)
{
	assert(day <= DAY_MAX);
	if (count > COUNT_MAX)
		return ENGINE_OVERFLOW;
	for (;;) {
		struct held_key held;
		int r = count > 0 ? make_slot(worker, tree, key, day) : 0;

		if (r == 0)
			r = held_key_begin(&held, worker, tree, key, count > 0 ? HELD_UNLISTED : 0, SET_MORE);
		if (r == ENGINE_MISSING && count == 0)
			return 0;
		if (r < 0)
			return r;
		if (r == ENGINE_MISSING)
			continue; /* compaction took the fresh key away */
		struct looked *looked = held_key_day(&held, day);

		if (looked == NULL && count > 0) {
			key_release(held.record); /* its block was given back meanwhile */
			continue;
		}
		r = set_held(&held, looked, count);
		if (r == 0 && count > 0) {
			tree_list_key(&held.op, held.record);
			operation_log_listed(&held.op, key);
		}
		return r;
	}
}

int
tree_delete_range(struct engine_worker *worker, struct tree *tree, uint64_t key, uint64_t from, uint64_t to)
{
	struct held_key held;
	uint64_t taken = 0;
	int r = held_key_begin(&held, worker, tree, key, 0, 1);

	if (r != 0)
		return r == ENGINE_MISSING ? 0 : r;
	operation_decided(&held.op);
	for (size_t i = 0; i < held.slots; i++) {
		const struct looked *looked = &worker->looked[i];

		if (looked->day > DAY_MAX || looked->day < from || looked->day > to)
			continue;
		taken += word_value(looked->seen);
		held_key_take(&held, looked, 0, true);
	}
	held_key_end(&held, taken);
	return 0;
}

/* Takes all that was looked at, and lets go. */
static void
take_all(struct held_key *held)
{
	uint64_t taken = 0;

	operation_decided(&held->op);
	for (size_t i = 0; i < held->slots; i++) {
		struct looked *looked = &held->op.worker->looked[i];

		if (looked->day > DAY_MAX) {
			held_key_set_difference(held, looked, 0);
			continue;
		}
		taken += word_value(looked->seen);
		held_key_take(held, looked, 0, true);
	}
	held_key_end(held, taken);
}

int
tree_reset_key(struct engine_worker *worker, struct tree *tree, uint64_t key)
{
	struct held_key held;
	int r = held_key_begin(&held, worker, tree, key, 0, 1);

	if (r == 0)
		take_all(&held);
	return r == ENGINE_MISSING ? 0 : r;
}

int
tree_forget_zeros(struct engine_worker *worker, struct tree *tree, uint64_t key)
{
	struct held_key held;
	int r = held_key_begin(&held, worker, tree, key, 0, 1);

	/* The total was looked at last, so with 0 there no day had a count. */
	if (r == 0 && held.total == 0 && held_key_shown(&held) == 0)
		take_all(&held);
	else if (r == 0)
		key_release(held.record);
	return r == ENGINE_MISSING ? 0 : r;
}

/* A set may push a block before it holds the key. */
size_t
tree_key_room(struct tree *tree, uint64_t key)
{
	struct key_record *record = tree == NULL ? NULL : partition_find(&tree->table, key);
	const size_t slots = record == NULL ? INLINE_SLOTS : key_record_slot_count(record);

	return slots + BLOCK_SLOTS_MAX + 1 + SET_MORE;
}
