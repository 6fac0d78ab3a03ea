/*
 * Claims. A key that is done is found and answered without a lock. Everything else is decided under the lock of its part of
 * the map: whether it is there, who runs, who is parked, who is next.
 */
#include <errno.h>
#include <string.h>

#include "base/mutant.h"
#include "ledger/ledger_internal.h"

enum { WOKEN_AT_ONCE = 32, EXPIRED_AT_ONCE = 16 };

static int
answer(const struct ledger_record *record, const uint8_t *fingerprint, struct ledger_use *ret_use)
{
	record_use(record, ret_use);
	return memcmp(record->fingerprint, fingerprint, FINGERPRINT_BYTES) == 0 ? LEDGER_REPLAY : LEDGER_CONFLICT;
}

/* ---- claiming ---- */

static void
park(struct ledger_map *map, struct ledger_record *record, struct ledger_waiter *waiter)
{
	if (waiter == NULL)
		return;
	waiter->claim = NULL;
	waiter->record = record;
	waiter->map = map;
	waiter->parked = true;
	TAILQ_INSERT_TAIL(&record->waiters, waiter, link);
}

/* Under the lock. -EAGAIN: it is done by now, or has gone and mine is wanted. */
static int
take_or_park(struct ledger_map *map, const struct ledger_record *wanted, struct ledger_record *mine,
             struct ledger_waiter *waiter)
{
	struct ledger_record *found = map_find(map, wanted);

	if (found == NULL && mine != NULL)
		return map_insert(map, mine) ? LEDGER_CLAIMED : -ENOMEM;
	if (found == NULL || record_state(found) != RECORD_IN_USE)
		return -EAGAIN;
	if (MUTANT(CLAIM_IN_USE) && mine != NULL)
		return LEDGER_CLAIMED;
	park(map, found, waiter);
	return LEDGER_PARKED;
}

/* Goes round again only when somebody else's request has ended between its looks. */
int
ledger_claim(struct ledger *ledger, const char *key, size_t key_bytes, const uint8_t *fingerprint,
             struct ledger_waiter *waiter, struct ledger_record **ret_claim, struct ledger_use *ret_use)
{
	union ledger_wanted wanted;
	struct ledger_record *mine = NULL;
	int outcome;

	record_wanted(ledger, key, key_bytes, &wanted);
	struct ledger_map *map = map_of(ledger, wanted.record.hash);

	do {
		struct ledger_record *found = map_find(map, &wanted.record);

		if (found != NULL && record_state(found) == RECORD_DONE) {
			outcome = answer(found, fingerprint, ret_use);
			break;
		}
		if ((found == NULL || MUTANT(CLAIM_IN_USE)) && mine == NULL &&
		    (mine = record_create(&wanted.record)) == NULL)
			return -ENOMEM;
		lock_take(&map->lock);
		outcome = take_or_park(map, &wanted.record, mine, waiter);
		lock_release(&map->lock);
	} while (outcome == -EAGAIN);
	if (outcome == LEDGER_CLAIMED)
		*ret_claim = mine;
	else
		record_destroy(mine);
	return outcome;
}

/* ---- its end ---- */

/* Under the lock. */
static struct ledger_waiter *
unpark_first(struct ledger_record *record)
{
	struct ledger_waiter *waiter = TAILQ_FIRST(&record->waiters);

	if (waiter == NULL)
		return NULL;
	TAILQ_REMOVE(&record->waiters, waiter, link);
	waiter->parked = false;
	return waiter;
}

/* The record is done, so nobody parks on it any more who takes the lock behind us. Some at a time, so that it is not held
 * for a thousand. */
static void
wake_all(struct ledger_map *map, struct ledger_record *record)
{
	struct ledger_waiter *waiters[WOKEN_AT_ONCE];
	size_t count;

	do {
		count = 0;
		lock_take(&map->lock);
		while (count < WOKEN_AT_ONCE && (waiters[count] = unpark_first(record)) != NULL)
			count++;
		lock_release(&map->lock);
		for (size_t i = 0; i < count; i++)
			waiters[i]->wake(waiters[i]);
	} while (count == WOKEN_AT_ONCE);
}

void
ledger_finish(struct ledger *ledger, struct ledger_record *claim, const struct ledger_use *use)
{
	assert(record_state(claim) == RECORD_IN_USE);
	record_fill(claim, use);
	if (MUTANT(DONE_AFTER_WAKE))
		wake_all(map_of(ledger, claim->hash), claim);
	atomic_store_explicit(&claim->state, RECORD_DONE, memory_order_release); /* L2 */
	if (!MUTANT(DONE_AFTER_WAKE))
		wake_all(map_of(ledger, claim->hash), claim);
	order_push(ledger, claim); /* last: from here on it may leave */
	if (order_wants_trim(ledger, use->created_at_unix))
		(void)ledger_expire(ledger, use->created_at_unix, EXPIRED_AT_ONCE);
}

void
ledger_cancel(struct ledger *ledger, struct ledger_record *claim)
{
	struct ledger_map *map = map_of(ledger, claim->hash);

	lock_take(&map->lock);
	assert(record_state(claim) == RECORD_IN_USE);
	struct ledger_waiter *next = unpark_first(claim);

	if (next == NULL) {
		map_remove(map, claim);
		/* Relaxed: who sees it in use takes the lock. */
		atomic_store_explicit(&claim->state, RECORD_GONE, memory_order_relaxed);
	} else {
		next->claim = claim;
	}
	lock_release(&map->lock);
	if (next != NULL)
		next->wake(next);
	else
		record_retire(claim);
}

bool
ledger_unpark(struct ledger_waiter *waiter)
{
	if (waiter->map == NULL)
		return false;
	lock_take(&waiter->map->lock);
	bool parked = waiter->parked;

	if (parked)
		TAILQ_REMOVE(&waiter->record->waiters, waiter, link);
	waiter->parked = false;
	lock_release(&waiter->map->lock);
	return parked;
}
