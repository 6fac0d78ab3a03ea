/*
 * hold.h - holding a key: for whatever takes or decides
 *
 * A holder has set *held* in the key's total word. Holders of one key exclude each other; adds and reads ignore the bit.
 * Beside a holder values only grow, so what it saw in a day is still there when it takes it, exactly, and a limit it found
 * kept can be broken only by plain adds, which never ask. A holder waits for nothing, allocates nothing, does no I/O and
 * ends before the section does. Several keys are held in the order of (tree id, key).
 */
#pragma once

#include "engine/operation.h"

/* Holds a key. Spins briefly, then yields while another holds it. False: the record is dead, look it up again. */
bool key_hold(struct key_record *record);

/* Lets go without a change. */
void key_release(struct key_record *record);

/*
 * A decider looks at a word of a held key: the operation takes the newest generation among the words it saw.
 *
 * A word of the other parity is newer only if settled ≥ m *before* it was loaded: while settled < m the cut to m waits for
 * our section, so nothing is newer; but between our load of the word and that of settled the walk may carry the word
 * over. So when settled says newer, the word is loaded once more, and the second look counts. (word_change() needs no
 * such care: there the parity that the fetch_add returned decides.)
 */
static inline uint64_t
operation_look(struct operation *op, _Atomic uint64_t *word)
{
	uint64_t seen = atomic_load_explicit(word, memory_order_acquire);

	assert(!op->fixed);
	if (!MUTANT(FIRST_EFFECT_GENERATION) && (seen & WORD_PARITY) != word_parity_of(op->generation) &&
	    atomic_load_explicit(&op->tree->settled, memory_order_acquire) >= op->generation) { /* G2 */
		if (!MUTANT(NO_SECOND_LOOK))
			seen = atomic_load_explicit(word, memory_order_acquire);
		if ((seen & WORD_PARITY) != word_parity_of(op->generation))
			op->generation++;
	}
	return seen;
}

/* A held key with all its slots looked at. The slots stand in worker->looked. */
struct held_key {
	struct operation op;
	struct key_record *record;
	uint64_t total;       /* value of the total word */
	size_t slots;         /* looked at: those whose day is claimed */
	struct looked *above; /* of the difference slots; NULL: not claimed */
	struct looked *below;
};

/*
 * Finds and holds a key that is there, and looks at all of it. Room is made before for one note and one effect per word
 * and `more` besides, so the caller may change each looked-at word once. Returns 0, ENGINE_MISSING (no such key; nothing is
 * held), -ENOMEM or -EAGAIN.
 */
enum held_flags {
	HELD_NEEDS_BELOW = 1, /* the slot DAY_BELOW is claimed, too */
	HELD_UNLISTED = 2,    /* an unlisted key will do: the caller lists it when it has changed it */
};
int held_key_begin(struct held_key *held, struct engine_worker *worker, struct tree *tree, uint64_t key, unsigned flags,
                   size_t more);

/*
 * Takes `taken` (already taken off the days) off the total and lets go, in one instruction. The difference slots follow
 * so that the total shown goes down by as much, but not below 0.
 */
void held_key_end(struct held_key *held, uint64_t taken);

/* The total shown, as it was looked at. */
uint64_t held_key_shown(const struct held_key *held);

/* Changes a looked-at word to the value given (at most the one seen: holders take), with the flag given. */
void held_key_take(struct held_key *held, const struct looked *looked, uint64_t value, bool absent);

/* Changes a difference slot to any value; its flag stays, it does not matter there. */
void held_key_set_difference(struct held_key *held, struct looked *looked, uint64_t value);

/* The looked-at slot of a day, or NULL. */
struct looked *held_key_day(struct held_key *held, uint32_t day);
