#include "command/command_park.h"

#include <assert.h>

#include "base/memory.h"
#include "command/command_internal.h"

static struct command_parked_list *
list_of(struct command_worker *worker, uint64_t ticket)
{
	return &worker->parking.lists[ticket * UINT64_C(0x9E3779B97F4A7C15) >> (64 - PARKED_LISTS_BITS)];
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

/* Two locked steps around the worker's wake, as job_return(). */
static void
wake(struct ledger_waiter *waiter)
{
	struct command_parked *parked = (struct command_parked *)(void *)waiter; /* first member */
	struct command_worker *worker = parked->owner;

	(void)pthread_mutex_lock(&worker->lock);
	parked->next = NULL;
	*worker->woken_last = parked;
	worker->woken_last = &parked->next;
	(void)pthread_mutex_unlock(&worker->lock);
	worker->options.wake(worker->options.wake_context);
	(void)pthread_mutex_lock(&worker->lock);
	worker->lent--;
	(void)pthread_cond_signal(&worker->returned);
	(void)pthread_mutex_unlock(&worker->lock);
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
	(void)pthread_mutex_lock(&worker->lock);
	worker->lent++;
	(void)pthread_mutex_unlock(&worker->lock);
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
lent_back(struct command_worker *worker)
{
	(void)pthread_mutex_lock(&worker->lock);
	worker->lent--;
	(void)pthread_mutex_unlock(&worker->lock);
}

static void
abandon(struct command_worker *worker, struct command_parked *parked)
{
	if (parked->told) {
		leave(worker, parked);
	} else if (ledger_unpark(&parked->waiter)) {
		lent_back(worker);
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
	for (size_t i = 0; i < PARKED_LISTS; i++) {
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
