/*
 * The order of first use, and who leaves when: see ledger_internal.h.
 */
#include <errno.h>

#include "base/memory.h"
#include "ledger/ledger_internal.h"

enum { PRUNED_AT_ONCE = 256 };

int
order_init(struct ledger *ledger)
{
	struct ledger_record nobody = { .key_bytes = 0 };
	struct ledger_record *dummy = record_create(&nobody);

	if (dummy == NULL)
		return -ENOMEM;
	atomic_init(&ledger->head, dummy);
	atomic_init(&ledger->tail, dummy);
	return 0;
}

/* Those behind the dummy are the map's. */
void
order_deinit(struct ledger *ledger)
{
	record_destroy(atomic_load_explicit(&ledger->head, memory_order_relaxed));
}

void
order_push(struct ledger *ledger, struct ledger_record *record)
{
	atomic_fetch_add_explicit(&ledger->count, 1, memory_order_relaxed);
	/* Release: who comes next writes to our `next`, which was made before. Acquire: the same of the one before. */
	struct ledger_record *before = atomic_exchange_explicit(&ledger->tail, record, memory_order_acq_rel);

	atomic_store_explicit(&before->next, record, memory_order_release); /* L3 */
}

/* Under the order's lock. NULL: none, or the one that comes first is being linked. */
static struct ledger_record *
order_oldest(const struct ledger *ledger)
{
	struct ledger_record *dummy = atomic_load_explicit(&ledger->head, memory_order_relaxed); /* the lock's */

	return atomic_load_explicit(&dummy->next, memory_order_acquire); /* L3 */
}

/* Under the order's lock: the oldest leaves the map and becomes the dummy. */
static void
order_drop(struct ledger *ledger, struct ledger_record *oldest)
{
	struct ledger_record *dummy = atomic_load_explicit(&ledger->head, memory_order_relaxed); /* the lock's */
	struct ledger_map *map = map_of(ledger, oldest->hash);

	lock_take(&map->lock);
	assert(record_state(oldest) == RECORD_DONE);
	map_remove(map, oldest);
	lock_release(&map->lock);
	/* Relaxed: who still sees it done has found it before it left. */
	atomic_store_explicit(&oldest->state, RECORD_GONE, memory_order_relaxed);
	atomic_store_explicit(&ledger->head, oldest, memory_order_release); /* L4 */
	atomic_fetch_sub_explicit(&ledger->count, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&ledger->removed, 1, memory_order_relaxed);
	record_retire(dummy);
}

static bool
is_too_old(const struct ledger *ledger, uint64_t created_at_unix, uint64_t now_unix)
{
	uint64_t age_max = ledger->options.age_max_seconds;

	return age_max > 0 && now_unix > age_max && created_at_unix < now_unix - age_max;
}

static bool
is_too_many(const struct ledger *ledger)
{
	return atomic_load_explicit(&ledger->count, memory_order_relaxed) > ledger->options.records_max;
}

bool
order_wants_trim(const struct ledger *ledger, uint64_t now_unix)
{
	return is_too_many(ledger) ||
	       is_too_old(ledger, atomic_load_explicit(&ledger->oldest_at_unix, memory_order_relaxed), now_unix);
}

static void
order_unlock(struct ledger *ledger)
{
	const struct ledger_record *oldest = order_oldest(ledger);

	/* 0 makes the next finish look. */
	atomic_store_explicit(&ledger->oldest_at_unix, oldest == NULL ? 0 : oldest->created_at_unix,
	                      memory_order_relaxed);
	lock_release(&ledger->order_lock);
}

uint64_t
ledger_expire(struct ledger *ledger, uint64_t now_unix, uint64_t limit)
{
	struct ledger_record *oldest = NULL;
	uint64_t count = 0;

	if (!lock_try(&ledger->order_lock))
		return 0;
	while (count < limit && (oldest = order_oldest(ledger)) != NULL &&
	       (is_too_many(ledger) || is_too_old(ledger, oldest->created_at_unix, now_unix))) {
		order_drop(ledger, oldest);
		count++;
	}
	order_unlock(ledger);
	return count;
}

/* False: there is no room for one more range. */
static bool
note_range(uint64_t sequence, struct ledger_range *ranges, size_t ranges_max, size_t *count)
{
	if (*count > 0 && ranges[*count - 1].last + 1 == sequence) {
		ranges[*count - 1].last = sequence;
		return true;
	}
	if (*count == ranges_max)
		return false;
	ranges[(*count)++] = (struct ledger_range){ sequence, sequence };
	return true;
}

uint64_t
ledger_prune(struct ledger *ledger, uint64_t before_unix, uint64_t limit, struct ledger_range *ranges,
             size_t ranges_max, size_t *ret_ranges)
{
	struct ledger_record *oldest;
	uint64_t count = 0;

	*ret_ranges = 0;
	lock_take(&ledger->order_lock);
	while (count < limit && count < PRUNED_AT_ONCE && (oldest = order_oldest(ledger)) != NULL &&
	       oldest->created_at_unix < before_unix && note_range(oldest->sequence, ranges, ranges_max, ret_ranges)) {
		order_drop(ledger, oldest);
		count++;
	}
	order_unlock(ledger);
	return count;
}

/* Behind the open sections nobody who was pushed before is still being linked. */
int
ledger_walk(struct ledger *ledger, ledger_walk_fn *visit, void *context)
{
	epoch_quiesce();
	unsigned token = epoch_walk_begin();
	struct ledger_record *record = atomic_load_explicit(&ledger->head, memory_order_acquire); /* L4 */
	int r = 0;

	while (r == 0 && (record = atomic_load_explicit(&record->next, memory_order_acquire)) != NULL) { /* L3 */
		struct ledger_use use;

		record_use(record, &use);
		r = visit(context, record->key, record->key_bytes, &use);
	}
	epoch_walk_end(token);
	return r;
}
