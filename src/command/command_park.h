/*
 * command_park.h - lines whose idempotency key is in use
 *
 *   run ──► parked at the ledger ──► woken, by another thread or this ──► told by command_unparked() ──► run again
 *
 * The line itself stays with the front end, which pushes it again; what is kept here is only that its turn will come, by
 * the ticket of its connection, and the claim if the key has been handed over. One of a connection at most.
 */
#pragma once

#include <sys/queue.h>

#include "base/limits.h"
#include "ledger/ledger.h"

struct command_worker;

/* Lent to the ledger until it is woken, or ledger_unpark() returned true. */
struct command_parked {
	struct ledger_waiter waiter; /* first: the ledger knows this part */
	struct command_worker *owner;
	struct command_parked *next;     /* of those woken, under the worker's lock */
	LIST_ENTRY(command_parked) link; /* this and the rest: the worker's own */
	uint64_t ticket;
	bool told;      /* it is to be run again; waiter.claim is its own */
	bool abandoned; /* its client has gone while it was being woken */
};

LIST_HEAD(command_parked_list, command_parked);

enum { TICKET_LISTS_BITS = 8, TICKET_LISTS = 1 << TICKET_LISTS_BITS };

struct command_parking {
	size_t count;
	struct command_parked *spare;                   /* for the next; NULL at times */
	struct command_parked_list lists[TICKET_LISTS]; /* by ticket */
};

/* All functions: the worker's thread. */

/* What ledger_claim() needs to park a line with this ticket. NULL when memory is out. */
struct ledger_waiter *command_park_prepare(struct command_worker *worker, uint64_t ticket);

/* It has been parked. */
void command_park(struct command_worker *worker);

/* A line is run that was parked perhaps: the claim that was handed over to it, or NULL: the ledger has to be asked. */
struct ledger_record *command_park_take(struct command_worker *worker, uint64_t ticket);

/* The client has gone; nothing if it has no parked line. */
void command_park_abandon(struct command_worker *worker, uint64_t ticket);

/* At the end: the first before what is lent has come back, the other behind that. */
void command_park_abandon_all(struct command_worker *worker);
void command_park_end(struct command_worker *worker);
