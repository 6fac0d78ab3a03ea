#include "engine/hold.h"

#include "base/memory.h"

bool
key_hold(struct key_record *record)
{
	unsigned spins = 0;

	if (MUTANT(NO_HOLD))
		return (atomic_fetch_or_explicit(&record->total, WORD_HELD, memory_order_acq_rel) & WORD_DEAD) == 0;
	for (;;) {
		/* Acquire pairs with the acq_rel change or release that let go: we see what the last holder did. */
		uint64_t before = atomic_fetch_or_explicit(&record->total, WORD_HELD, memory_order_acq_rel);

		if ((before & WORD_DEAD) != 0)
			return false;
		if ((before & WORD_HELD) == 0)
			return true;
		do {
			lock_pause(&spins);
			before = atomic_load_explicit(&record->total, memory_order_relaxed); /* only to wait */
		} while ((before & WORD_HELD) != 0 && (before & WORD_DEAD) == 0);
	}
}

void
key_release(struct key_record *record)
{
	atomic_fetch_and_explicit(&record->total, ~WORD_HELD, memory_order_acq_rel);
}

static bool
looked_reserve(struct engine_worker *worker, size_t count)
{
	if (worker->looked_capacity >= count)
		return true;
	struct looked *looked = mem_realloc(worker->looked, count * sizeof(*looked));

	if (looked == NULL)
		return false;
	worker->looked = looked;
	worker->looked_capacity = count;
	return true;
}

/* False: a slot more than room was made for has appeared since. (The scratch may be larger, notes and log are not.) */
static bool
look_at_all(struct held_key *held, size_t slots_max)
{
	struct engine_worker *worker = held->op.worker;
	struct slot_cursor cursor = { 0 };
	_Atomic uint32_t *day_field = NULL;
	_Atomic uint64_t *word = NULL;

	held->slots = 0;
	held->above = held->below = NULL;
	while (slot_next(held->record, &cursor, &day_field, &word)) {
		uint32_t day = atomic_load_explicit(day_field, memory_order_acquire); /* E3 */

		if (day-- == 0)
			continue;
		if (held->slots == slots_max)
			return false;
		uint64_t seen = operation_look(&held->op, word);

		if ((seen & WORD_DEAD) != 0)
			continue;
		struct looked *looked = &worker->looked[held->slots++];

		*looked = (struct looked){ .word = word, .seen = seen, .day = day };
		if (day == DAY_ABOVE)
			held->above = looked;
		else if (day == DAY_BELOW)
			held->below = looked;
	}
	/* Last: adds beside us change total first, so now it holds at least what we saw in the days. */
	held->total = word_value(operation_look(&held->op, &held->record->total));
	return true;
}

/* Claims the slot of a difference and tells readers to look for it. False when memory is out. */
static bool
difference_slot(struct key_record *record, uint32_t day, uint64_t generation)
{
	if (slot_get(record, day, generation) == NULL)
		return false;
	/* Release pairs with the acquire in key_record_total(). */
	atomic_fetch_or_explicit(&record->state, RECORD_DIFFERS, memory_order_release);
	return true;
}

int
held_key_begin(struct held_key *held, struct engine_worker *worker, struct tree *tree, uint64_t key, unsigned flags,
               size_t more)
{
	for (;;) {
		*held = (struct held_key){ .record = partition_find(&tree->table, key) };
		operation_begin(&held->op, worker, tree);
		if (held->record == NULL || ((flags & HELD_UNLISTED) == 0 && !key_record_is_listed(held->record)))
			return ENGINE_MISSING;
		if ((flags & HELD_NEEDS_BELOW) != 0 && !difference_slot(held->record, DAY_BELOW, held->op.generation))
			return -ENOMEM;
		size_t slots = key_record_slot_count(held->record);
		int r = operation_reserve(worker, slots + 1 + more, slots + 1 + more);

		if (r != 0)
			return r;
		if (!looked_reserve(worker, slots))
			return -ENOMEM;
		if (!key_hold(held->record)) {
			partition_pass(&tree->table, key);
			continue;
		}
		if (look_at_all(held, slots))
			return 0;
		key_release(held->record); /* a block appeared: make more room */
	}
}

struct looked *
held_key_day(struct held_key *held, uint32_t day)
{
	for (size_t i = 0; i < held->slots; i++) {
		if (held->op.worker->looked[i].day == day)
			return &held->op.worker->looked[i];
	}
	return NULL;
}

static void
change_looked(struct held_key *held, const struct looked *looked, uint64_t delta)
{
	if (delta == 0)
		return;
	enum change done = word_change(&held->op, looked->word, held->record->key, looked->day, delta, delta);

	assert(done == CHANGE_DONE); /* only a holder makes a word dead */
	(void)done;
}

void
held_key_take(struct held_key *held, const struct looked *looked, uint64_t value, bool absent)
{
	uint64_t delta = value - word_value(looked->seen);
	bool was_absent = (looked->seen & WORD_ABSENT) != 0;

	/* Holders alone change the flag, so adding or subtracting the bit is exact. */
	if (absent && !was_absent)
		delta += WORD_ABSENT;
	else if (!absent && was_absent)
		delta -= WORD_ABSENT;
	change_looked(held, looked, delta);
}

void
held_key_set_difference(struct held_key *held, struct looked *looked, uint64_t value)
{
	change_looked(held, looked, value - word_value(looked->seen));
	looked->seen = (looked->seen & ~WORD_VALUE_MASK) | value;
}

static uint64_t
difference(const struct looked *looked)
{
	return looked == NULL ? 0 : word_value(looked->seen);
}

uint64_t
held_key_shown(const struct held_key *held)
{
	uint64_t above = held->total + difference(held->above), below = difference(held->below);

	return above > below ? above - below : 0;
}

void
held_key_end(struct held_key *held, uint64_t taken)
{
	assert(taken <= held->total);
	uint64_t left = held->total - taken + difference(held->above);

	/* What would make the total shown negative is forgiven: a later add counts again. */
	if (difference(held->below) > left)
		held_key_set_difference(held, held->below, left);
	if (taken == 0) {
		key_release(held->record);
		return;
	}
	enum change done =
	    word_change(&held->op, &held->record->total, held->record->key, DAY_OF_TOTAL, -(taken + WORD_HELD), -taken);

	assert(done == CHANGE_DONE);
	(void)done;
}
