/*
 * What files and log say becomes a ledger. They say it in any order: a log's groups stand in blocks by their writers, a file
 * is read before a log that begins earlier. So records are only gathered in the map, and get their order at the end, by
 * sequence.
 *
 * A log may hold many more uses than the ledger keeps. Those kept are always among the youngest records_max, since records
 * leave from the oldest on; so what is gathered is cut down to these whenever it is twice as much.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/memory.h"
#include "ledger/codec.h"
#include "ledger/ledger_internal.h"

enum { SLACK = 1024 };

struct ledger_loading {
	size_t records; /* in the map */
	struct ledger_range *removed;
	size_t removed_count;
	size_t removed_capacity;
};

void
loading_destroy(struct ledger *ledger)
{
	if (ledger->loading == NULL)
		return;
	mem_free(ledger->loading->removed);
	mem_free(ledger->loading);
	ledger->loading = NULL;
}

/* ---- in order ---- */

static int
by_sequence(const void *a, const void *b)
{
	const struct ledger_record *first = *(struct ledger_record *const *)a;
	const struct ledger_record *second = *(struct ledger_record *const *)b;

	return (first->sequence > second->sequence) - (first->sequence < second->sequence);
}

/* All that is in the map, oldest first; the caller frees the list. NULL when memory is out. */
static struct ledger_record **
records_in_order(const struct ledger *ledger)
{
	size_t count = 0;
	struct ledger_record **records = mem_alloc((ledger->loading->records + 1) * sizeof(struct ledger_record *));

	if (records == NULL)
		return NULL;
	for (uint32_t i = 0; i < ledger->map_count; i++)
		map_collect(&ledger->maps[i], records, &count);
	assert(count == ledger->loading->records);
	qsort((void *)records, count, sizeof(struct ledger_record *), by_sequence);
	return records;
}

static void
drop(struct ledger *ledger, struct ledger_record *record)
{
	map_remove(map_of(ledger, record->hash), record);
	record_destroy(record);
	ledger->loading->records--;
}

/* ---- gathering ---- */

/* To the youngest records_max. */
static int
cut_down(struct ledger *ledger)
{
	struct ledger_record **records = records_in_order(ledger);
	size_t excess = ledger->loading->records - (size_t)ledger->options.records_max;

	if (records == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < excess; i++)
		drop(ledger, records[i]);
	mem_free((void *)records);
	return 0;
}

static bool
is_far_too_many(const struct ledger *ledger)
{
	uint64_t records = ledger->loading->records;

	return records > SLACK && (records - SLACK) / 2 >= ledger->options.records_max;
}

static int
load_use(struct ledger *ledger, const struct ledger_body *body)
{
	union ledger_wanted wanted;

	record_wanted(ledger, body->key, body->key_bytes, &wanted);
	struct ledger_map *map = map_of(ledger, wanted.record.hash);
	struct ledger_record *record = map_find(map, &wanted.record);

	if (record != NULL) {
		if (record->sequence < body->use.sequence)
			record_fill(record, &body->use);
		return 0;
	}
	record = record_create(&wanted.record);
	if (record == NULL || !map_insert(map, record)) {
		record_destroy(record);
		return -ENOMEM;
	}
	record_fill(record, &body->use);
	/* Relaxed: nobody else looks yet. */
	atomic_store_explicit(&record->state, RECORD_DONE, memory_order_relaxed);
	ledger->loading->records++;
	return is_far_too_many(ledger) ? cut_down(ledger) : 0;
}

static int
load_removed(struct ledger_loading *loading, const struct ledger_range *range)
{
	if (loading->removed_count == loading->removed_capacity) {
		size_t capacity = loading->removed_capacity > 0 ? 2 * loading->removed_capacity : 16;
		struct ledger_range *removed = mem_realloc(loading->removed, capacity * sizeof(*removed));

		if (removed == NULL)
			return -ENOMEM;
		loading->removed = removed;
		loading->removed_capacity = capacity;
	}
	loading->removed[loading->removed_count++] = *range;
	return 0;
}

int
ledger_load(struct ledger *ledger, const uint8_t *bytes, size_t count)
{
	struct ledger_body body;

	if (!ledger_body_decode(bytes, count, &body))
		return -EBADMSG;
	if (ledger->loading == NULL && (ledger->loading = mem_alloc_zeroed(sizeof(*ledger->loading))) == NULL)
		return -ENOMEM;
	bool use = body.kind == LEDGER_BODY_USE;
	uint64_t highest = use ? body.use.sequence : body.removed.last;

	/* Relaxed: nobody else looks yet. */
	if (highest > atomic_load_explicit(&ledger->sequence, memory_order_relaxed))
		atomic_store_explicit(&ledger->sequence, highest, memory_order_relaxed);
	return use ? load_use(ledger, &body) : load_removed(ledger->loading, &body.removed);
}

/* ---- the end ---- */

static int
by_first(const void *a, const void *b)
{
	const struct ledger_range *first = a, *second = b;

	return (first->first > second->first) - (first->first < second->first);
}

/* Ranges are met in their order as the records are. They may overlap: one that ends earlier says nothing any more. */
static bool
was_removed(const struct ledger_loading *loading, size_t *at, uint64_t *removed_up_to, uint64_t sequence)
{
	while (*at < loading->removed_count && loading->removed[*at].first <= sequence) {
		if (loading->removed[*at].last > *removed_up_to)
			*removed_up_to = loading->removed[*at].last;
		++*at;
	}
	return sequence <= *removed_up_to;
}

int
ledger_loaded(struct ledger *ledger, uint64_t now_unix)
{
	struct ledger_loading *loading = ledger->loading;
	size_t at = 0;
	uint64_t removed_up_to = 0;

	if (loading == NULL)
		return 0;
	struct ledger_record **records = records_in_order(ledger);
	size_t count = loading->records;

	if (records == NULL)
		return -ENOMEM;
	if (loading->removed_count > 0)
		qsort(loading->removed, loading->removed_count, sizeof(*loading->removed), by_first);
	for (size_t i = 0; i < count; i++) {
		if (was_removed(loading, &at, &removed_up_to, records[i]->sequence))
			drop(ledger, records[i]);
		else
			order_push(ledger, records[i]);
	}
	mem_free((void *)records);
	loading_destroy(ledger);
	(void)ledger_expire(ledger, now_unix, UINT64_MAX);
	return 0;
}

/* ---- the other way ---- */

struct saving {
	ledger_body_fn *visit;
	void *context;
};

static int
save(void *context, const char *key, size_t key_bytes, const struct ledger_use *use)
{
	const struct saving *saving = context;
	uint8_t body[LEDGER_BODY_BYTES_MAX];

	return saving->visit(saving->context, body, ledger_use_encode(key, key_bytes, use, body));
}

int
ledger_save(struct ledger *ledger, ledger_body_fn *visit, void *context)
{
	struct saving saving = { .visit = visit, .context = context };

	return ledger_walk(ledger, save, &saving);
}
