/*
 * ledger.h - what was done, by cut and by log epoch, while the stress test goes on
 *
 * Each worker puts the effects of its batch into its own ledger before the section ends: once under their tag, once under
 * tree and generation. So when engine_quiesce() has returned after the epoch was moved from e to e + 1, everything with
 * tag e is in the ledgers, and when tree_cut() has returned generation g, everything of generation ≤ g. Then the checker
 * (the committer, the maintenance thread) adds up the entries of that tag or generation and closes it. Few are open at a
 * time, so the ledgers are short rings of lists.
 *
 * Edges
 *   L1  a worker's entries: store release of ledger.drained -> load acquire by the checker.
 *   L2  lists emptied: store release of books.closed_* -> load acquire in ledger_drain().
 */
#pragma once

#include "field.h"

enum { LEDGER_RING = 4, LEDGER_EFFECTS = 1 << 15, LEDGER_LIST_MAX = 1 << 20 };

struct ledger_entry {
	uint64_t delta;
	uint32_t word;
};

struct ledger_list {
	struct ledger_entry *entries;
	size_t count, capacity;
	/* The owner's own account, so that it need not look at a list that is just being emptied. */
	uint64_t appended_for;
	size_t appended;
};

struct ledger {
	struct effect_buffer buffer;
	struct ledger_list by_tag[LEDGER_RING];
	struct ledger_list by_generation[FIELDS][LEDGER_RING];
	_Atomic uint64_t drained; /* L1: batches */
	char padding[64];
};

struct books {
	struct fields *fields;
	struct ledger *ledgers;
	uint32_t ledger_count;
	_Atomic uint64_t closed_tag;                /* L2 */
	_Atomic uint64_t closed_generation[FIELDS]; /* L2 */
	uint64_t *tag_state;                        /* sum of all closed tags: the committer's */
	uint64_t *generation_state;                 /* sum of all closed generations: the maintenance thread's */
	struct ledger_list touched;                 /* scratch of the committer */
};

void books_init(struct books *books, struct fields *fields, uint32_t ledger_count);
void books_deinit(struct books *books);

/* Moves the buffer's effects into the lists. The ledger's owner, inside its section (or where checkers wait for it). */
void ledger_drain(struct books *books, struct ledger *ledger);

/* The owner, outside a section: waits until overlong lists were closed, or *stop. */
void ledger_wait_for_room(struct books *books, struct ledger *ledger, const _Atomic bool *stop);

/* Adds up everything of one tag, and judges every key that it touched. */
void books_close_tag(struct books *books, uint64_t tag);

/* Adds up everything of one generation of a field. */
void books_close_generation(struct books *books, uint32_t field, uint64_t generation);
