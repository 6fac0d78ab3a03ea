#include "command/command_park.h"

#include <assert.h>

#include "base/memory.h"
#include "command/command_internal.h"

static struct command_parked_list *
list_of(struct command_worker *worker, uint64_t ticket)
{
	return &worker->parking.lists[ticket_list(ticket)];
}

static struct command_parked *
find(struct command_worker *worker, uint64_t ticket)
{
	struct command_parked *parked;

	if (worker->parking.count == 0)
		return NULL;
	LIST_FOREACH(parked, list_of(worker, ticket), link)
	{
		if (parked->ticket == ticket && !parked->abandoned)
			return parked;
	}
	return NULL;
}

/* Out of the lists. Its memory serves again. */
static void
forget(struct command_worker *worker, struct command_parked *parked)
{
	LIST_REMOVE(parked, link);
	worker->parking.count--;
	if (worker->parking.spare == NULL)
		worker->parking.spare = parked;
	else
		mem_free(parked);
}

/* It will not be run: a key that was kept for it goes to the next. */
static void
leave(struct command_worker *worker, struct command_parked *parked)
{
	struct ledger_record *claim = parked->waiter.claim;

	forget(worker, parked);
	if (claim != NULL)
		ledger_cancel(worker->options.ledger, claim);
}

/* ---- parking ---- */

static void
wake(struct ledger_waiter *waiter)
{
	struct command_parked *parked = (struct command_parked *)(void *)waiter; /* first member */
	struct command_worker *worker = parked->owner;

	(void)pthread_mutex_lock(&worker->lock);
	parked->next = NULL;
	*worker->woken_last = parked;
	worker->woken_last = &parked->next;
	command_lent_return_unlock(worker);
}

struct ledger_waiter *
command_park_prepare(struct command_worker *worker, uint64_t ticket)
{
	struct command_parking *parking = &worker->parking;

	if (parking->spare == NULL)
		parking->spare = mem_alloc(sizeof(*parking->spare));
	if (parking->spare == NULL)
		return NULL;
	*parking->spare = (struct command_parked){ .waiter = { .wake = wake }, .owner = worker, .ticket = ticket };
	return &parking->spare->waiter;
}

/* It may be back already: `lent` passes below 0 for a moment then, which only this thread would see. */
void
command_park(struct command_worker *worker)
{
	struct command_parked *parked = worker->parking.spare;

	worker->parking.spare = NULL;
	assert(find(worker, parked->ticket) == NULL);
	LIST_INSERT_HEAD(list_of(worker, parked->ticket), parked, link);
	worker->parking.count++;
	command_lent_add(worker, 1);
}

static struct command_parked *
woken_take(struct command_worker *worker)
{
	(void)pthread_mutex_lock(&worker->lock);
	struct command_parked *parked = worker->woken;

	if (parked != NULL) {
		worker->woken = parked->next;
		if (worker->woken == NULL)
			worker->woken_last = &worker->woken;
	}
	(void)pthread_mutex_unlock(&worker->lock);
	return parked;
}

bool
command_unparked(struct command_worker *worker, uint64_t *ret_ticket)
{
	struct command_parked *parked;

	if (worker->parking.count == 0)
		return false;
	while ((parked = woken_take(worker)) != NULL) {
		if (!parked->abandoned) {
			parked->told = true;
			*ret_ticket = parked->ticket;
			return true;
		}
		leave(worker, parked);
	}
	return false;
}

struct ledger_record *
command_park_take(struct command_worker *worker, uint64_t ticket)
{
	struct command_parked *parked = find(worker, ticket);

	if (parked == NULL)
		return NULL;
	assert(parked->told); /* the front end does not run it before */
	struct ledger_record *claim = parked->waiter.claim;

	forget(worker, parked);
	return claim;
}

/* ---- who has gone ---- */

static void
abandon(struct command_worker *worker, struct command_parked *parked)
{
	if (parked->told) {
		leave(worker, parked);
	} else if (ledger_unpark(&parked->waiter)) {
		command_lent_add(worker, (size_t)-1);
		forget(worker, parked);
	} else {
		parked->abandoned = true; /* it is on its way to us */
	}
}

void
command_park_abandon(struct command_worker *worker, uint64_t ticket)
{
	struct command_parked *parked = find(worker, ticket);

	if (parked != NULL)
		abandon(worker, parked);
}

void
command_park_abandon_all(struct command_worker *worker)
{
	for (size_t i = 0; i < TICKET_LISTS; i++) {
		struct command_parked *next, *parked = LIST_FIRST(&worker->parking.lists[i]);

		for (; parked != NULL; parked = next) {
			next = LIST_NEXT(parked, link);
			abandon(worker, parked);
		}
	}
}

void
command_park_end(struct command_worker *worker)
{
	struct command_parked *parked;

	while ((parked = woken_take(worker)) != NULL)
		leave(worker, parked);
	assert(worker->parking.count == 0);
	mem_free(worker->parking.spare);
}
