/*
 * mailbox.h - descriptors on their way from the worker that accepts to the one that serves
 *
 *            post  take
 *   post      -     -      -  run together freely
 *   take      -     x      x  the owner only
 *
 * A list with one atomic end: post puts a message in front by CAS, take has all of them in one exchange and turns them
 * round. Nothing is ever removed singly, so a message that comes back at the same address (ABA) does no harm: a CAS
 * that succeeds has linked the very list that is there.
 *
 * M1  post: CAS release -> take: exchange acquire. Who takes a message sees what it holds.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

struct mail {
	struct mail *next; /* the poster's until it is linked, then the taker's */
	int fd;
};

struct mailbox {
	_Atomic(struct mail *) newest; /* M1 */
};

/* Takes mail. Lock-free, any thread. */
static inline void
mailbox_post(struct mailbox *mailbox, struct mail *mail)
{
	/* Relaxed: the value is only linked to, and a stale one makes the CAS fail. */
	struct mail *newest = atomic_load_explicit(&mailbox->newest, memory_order_relaxed);

	do {
		mail->next = newest;
	} while (!atomic_compare_exchange_weak_explicit(&mailbox->newest, &newest, mail, memory_order_release,
	                                                memory_order_relaxed));
}

/* Returns all mail, oldest first, or NULL. Wait-free, the owner only. */
static inline struct mail *
mailbox_take(struct mailbox *mailbox)
{
	struct mail *oldest = NULL;

	/* Looked at first, since it is nearly always empty. Relaxed: mail not seen now is announced by a wake. */
	if (atomic_load_explicit(&mailbox->newest, memory_order_relaxed) == NULL)
		return NULL;
	struct mail *newest = atomic_exchange_explicit(&mailbox->newest, NULL, memory_order_acquire);

	while (newest != NULL) {
		struct mail *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}
