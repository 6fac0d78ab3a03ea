/*
 * belt.h - work handed in batches, in order, to a thread of its own
 *
 * One thread fills batches, the belt's works them off. A few batches circulate, so whoever is quicker waits for the other and
 * memory is bounded. The thread begins with the first batch that is pushed: little work, which ends in belt_settle() before,
 * costs none, and where none can be had everything is done by the thread that fills.
 *
 * Edge B: belt_push() and belt_settle() release what was filled -> the belt's thread; the end of its work on a batch ->
 * belt_batch() and belt_settle() that found it done. So what the work changes may be looked at after belt_settle().
 */
#pragma once

#include <stddef.h>

struct belt;

/* Works off a batch of `count` things. Not 0: all further batches are passed over. */
typedef int belt_fn(void *context, void *batch, size_t count);

/* name: of the thread, at most 15 bytes. 0 or -ENOMEM. */
int belt_create(size_t batch_bytes, belt_fn *work, void *context, const char *name, struct belt **ret_belt);

/* Waits for the work that was pushed. NULL is fine. */
void belt_destroy(struct belt *belt);

/* The batch to be filled now, its content as an earlier one left it; the same until it is handed over. May wait. Aligned as
 * memory of mem_alloc(). */
void *belt_batch(struct belt *belt);

/* Hands over the batch that belt_batch() gave. Returns what the first work that failed returned, as far as known by now, or 0. */
int belt_push(struct belt *belt, size_t count);

/* The same unless count is 0, and waits until everything is done. Returns what the first work that failed
 * returned, or 0. */
int belt_settle(struct belt *belt, size_t count);
