/*
 * operation.h - how a word is changed: the rules of snapshots and log, for every operation alike
 *
 * Each word carries the parity of the generation its value belongs to. A cut from g to g + 1 (cut.c) moves
 * tree.generation, lets the walk and the writers carry every word over, then moves tree.settled. A writer loads
 * generation (m) in its section before it looks at a word; a word of the other parity is *older* if settled < m, else
 * *newer* (in m + 1): words cannot be two generations apart, since a cut waits for every section twice.
 *
 * An operation has one generation, the same for all its words:
 *   - a plain add that of its first effect, told by what the fetch_add on total returned;
 *   - whatever decides the newest among the words it looked at while it held them.
 * Then for each word:
 *   in the operation's generation   change it
 *   newer                           change it, and note the delta for that cut: it is part of an older operation
 *   older                           CAS to the operation's parity with the new value in one step, and note the old word
 * So a cut gets every word exactly once (from the walk or from one writer's CAS), plus the deltas of older operations
 * that came later: operations of generation ≤ g whole, none of g + 1. The model in ../shared runs these rules; the stress
 * tests check them word by word against the effects.
 *
 * The tag (log epoch) of an add is loaded after it found its tree and before its first change; of a decider after its last
 * look and before its first change, so that nothing it saw has a later tag. All effects of one operation carry its tag,
 * that it listed the key included. An add behind other effects of its request takes their tag, which is older at most: an
 * add sees nothing, and who sees it has a later one all the same.
 *
 * LISTED and UNLISTED of one key come in the order of their sequences also by (tag, sequence): an operation that lists
 * succeeds on a living record, so a removal before has a tag ≤ its own (tag_floor, when the tag is not loaded here) and a
 * removal after saw its change and has a tag ≥. That is why it is logged only when the operation is known to have
 * succeeded, with its tag, but with a sequence taken under the partition's lock.
 */
#pragma once

#include <assert.h>
#include <errno.h>

#include "engine/engine_internal.h"

#define DAY_OF_TOTAL NOTE_DAY_TOTAL

struct operation {
	struct engine_worker *worker;
	struct tree *tree;
	uint64_t generation; /* m; the operation's own once `fixed` */
	uint64_t tag;
	uint64_t listed; /* sequence of its listing the key; 0: it was listed */
	bool fixed;
};

static inline void
operation_begin(struct operation *op, struct engine_worker *worker, struct tree *tree)
{
	assert(epoch_in_section(worker->epoch));
	*op = (struct operation){
		.worker = worker,
		.tree = tree,
		.generation = atomic_load_explicit(&tree->generation, memory_order_acquire), /* G1 */
		.tag = MUTANT(TAG_BEFORE_LOOK) ? engine_log_epoch(worker->engine) : 0,
	};
}

/* Room for what an operation will note and log, before it changes anything. */
static inline int
operation_reserve(struct engine_worker *worker, size_t notes, size_t effects)
{
	if (!note_reserve(&worker->notes, notes))
		return -ENOMEM;
	if (worker->effects != NULL && worker->effects->capacity - worker->effects->count < effects)
		return -EAGAIN;
	return 0;
}

static inline void
operation_tag(struct operation *op)
{
	if (!MUTANT(TAG_BEFORE_LOOK))
		op->tag = engine_log_epoch(op->worker->engine);
}

/* The same for a plain add, which shares the tag of what its request did before. */
static inline void
operation_tag_add(struct operation *op)
{
	const struct effect_buffer *buffer = op->worker->effects;

	if (buffer != NULL && buffer->count > 0) {
		op->tag = buffer->effects[buffer->count - 1].tag;
		/* Relaxed: what raises it came to us by the tree's pointer (D1) or the partition's lock. */
		if (op->tag >= atomic_load_explicit(&op->tree->tag_floor, memory_order_relaxed))
			return;
	}
	operation_tag(op);
}

/* A decider has looked: its generation is settled, and its tag loaded. */
static inline void
operation_decided(struct operation *op)
{
	op->fixed = !MUTANT(FIRST_EFFECT_GENERATION);
	operation_tag(op);
}

static inline void
effect_add(const struct operation *op, enum effect_kind kind, uint64_t key, uint32_t day, uint64_t delta)
{
	struct effect_buffer *buffer = op->worker->effects;

	if (buffer == NULL)
		return;
	assert(buffer->count < buffer->capacity);
	buffer->effects[buffer->count++] = (struct effect){
		.tree_id = op->tree->id,
		.generation = op->generation,
		.tag = op->tag,
		.key = key,
		.delta = delta,
		.day = kind == EFFECT_DAY ? day : 0,
		.kind = kind,
	};
}

/* The operation has succeeded, or leaves a listed key behind all the same. */
static inline void
operation_log_listed(const struct operation *op, uint64_t key)
{
	if (op->listed != 0)
		effect_add(op, EFFECT_LISTED, key, 0, op->listed);
}

static inline void
operation_note(const struct operation *op, enum note_kind kind, uint64_t cut, uint64_t key, uint32_t day, uint64_t raw)
{
	note_add(
	    &op->worker->notes,
	    &(struct note){ .tree_id = op->tree->id, .cut = cut, .key = key, .raw = raw, .day = day, .kind = kind });
}

/* What a cut keeps of a word: without parity, dead and held. */
static inline uint64_t
word_raw(uint64_t word, uint32_t day)
{
	return day == DAY_OF_TOTAL ? word_value(word) : word & WORD_RAW_MASK;
}

/* The operation's part of a word has landed in generation `landed`. */
static inline void
operation_landed(struct operation *op, uint64_t landed, uint64_t key, uint32_t day, uint64_t logged)
{
	if (!op->fixed) {
		op->generation = landed;
		op->fixed = true;
	} else if (landed != op->generation) {
		if (MUTANT(OWN_GENERATION))
			op->generation = landed;
		else if (!MUTANT(NO_DELTA_NOTE))
			operation_note(op, NOTE_DELTA, landed, key, day, logged);
	}
}

enum change { CHANGE_DONE, CHANGE_DEAD, CHANGE_OVERFLOW };

/* In m or newer, not older? `seen` was loaded from the word before (G2). */
static inline bool
word_is_current(const struct operation *op, uint64_t seen)
{
	return (seen & WORD_PARITY) == word_parity_of(op->generation) ||
	       atomic_load_explicit(&op->tree->settled, memory_order_acquire) >= op->generation; /* G2 */
}

static inline uint64_t
word_landed_in(const struct operation *op, uint64_t seen)
{
	return (seen & WORD_PARITY) == word_parity_of(op->generation) ? op->generation : op->generation + 1;
}

/* An older word: its value as the cut to m must see it goes into the notes. */
static inline void
operation_captured(struct operation *op, uint64_t seen, uint64_t key, uint32_t day)
{
	operation_note(op, NOTE_WORD, op->generation, key, day, word_raw(seen, day));
	op->fixed = true;
}

/*
 * Changes one word by `delta` (wrapping, flags included) and logs `logged` of it. Takes effect at the fetch_add or the
 * CAS. CHANGE_DEAD: nothing happened. Lock-free: retries only when another writer or the walk went forward.
 */
static inline enum change
word_change(struct operation *op, _Atomic uint64_t *word, uint64_t key, uint32_t day, uint64_t delta, uint64_t logged)
{
	uint64_t seen = atomic_load_explicit(word, memory_order_acquire);

	for (;;) {
		if ((seen & WORD_DEAD) != 0 && !MUTANT(NO_DEAD_CHECK))
			return CHANGE_DEAD;
		if (word_is_current(op, seen)) {
			seen = atomic_fetch_add_explicit(word, delta, memory_order_acq_rel);
			if ((seen & WORD_DEAD) != 0 && !MUTANT(NO_DEAD_CHECK))
				return CHANGE_DEAD; /* what we added to a dead word nobody reads */
			operation_landed(op, word_landed_in(op, seen), key, day, logged);
			break;
		}
		uint64_t next = ((seen + delta) & ~WORD_PARITY) | word_parity_of(op->generation);

		if (atomic_compare_exchange_weak_explicit(word, &seen, next, memory_order_acq_rel,
		                                          memory_order_acquire)) {
			operation_captured(op, seen, key, day);
			break;
		}
	}
	effect_add(op, day == DAY_OF_TOTAL ? EFFECT_TOTAL : EFFECT_DAY, key, day, logged);
	return CHANGE_DONE;
}

/* Adds to a total word unless it would pass COUNT_MAX: the fast path of word_change() when both are small, else a CAS. */
enum change total_grow_slow(struct operation *op, struct key_record *record, uint64_t amount);

static inline enum change
total_grow(struct operation *op, struct key_record *record, uint64_t amount)
{
	/* A stale look is harmless: see counter_word.h. */
	uint64_t seen = atomic_load_explicit(&record->total, memory_order_acquire);

	if (amount > FAST_AMOUNT_MAX || word_value(seen) >= FAST_TOTAL_MAX)
		return total_grow_slow(op, record, amount);
	return word_change(op, &record->total, record->key, DAY_OF_TOTAL, amount, amount);
}
