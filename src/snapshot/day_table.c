#include "snapshot/day_table.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"

enum { DAYS_FIRST = 16 };

void
day_table_init(struct day_table *table)
{
	*table = (struct day_table){ .ascending = true };
}

void
day_table_deinit(struct day_table *table)
{
	mem_free(table->days);
	mem_free(table->scratch);
	day_table_init(table);
}

void
day_table_clear(struct day_table *table)
{
	table->count = 0;
	table->ascending = true;
}

static int
day_table_grow(struct day_table *table)
{
	size_t capacity = table->capacity > 0 ? 2 * table->capacity : DAYS_FIRST;
	struct cut_day *days = mem_realloc(table->days, capacity * sizeof(*days));

	if (days == NULL)
		return -ENOMEM;
	table->days = days;
	table->capacity = capacity;
	return 0;
}

int
day_table_add(struct day_table *table, uint32_t day, uint64_t count)
{
	int r;

	if (table->count > 0 && table->days[table->count - 1].day == day) { /* the last one counts */
		struct cut_day *before = &table->days[table->count - 1];

		before->kept = before->count == 0;
		before->count = count;
		return 0;
	}
	if (table->count == table->capacity) {
		/* Repeated days are thrown out before more memory is asked for. Growing unless half became free keeps
		 * the sorting at n log n in all. */
		r = day_table_settle(table);
		if (r == 0 && table->count >= table->capacity / 2)
			r = day_table_grow(table);
		if (r != 0)
			return r;
	}
	if (table->count > 0 && table->days[table->count - 1].day >= day)
		table->ascending = false;
	table->days[table->count++] = (struct cut_day){ .day = day, .count = count };
	return 0;
}

/* Merges two sorted neighbours; on a tie the first goes first, so the order of equal days is kept. */
static void
days_merge(struct cut_day *to, const struct cut_day *first, size_t first_count, const struct cut_day *second,
           size_t second_count)
{
	while (first_count > 0 && second_count > 0) {
		if (second->day < first->day) {
			*to++ = *second++;
			second_count--;
		} else {
			*to++ = *first++;
			first_count--;
		}
	}
	memcpy(to, first, first_count * sizeof(*to));
	memcpy(to + first_count, second, second_count * sizeof(*to));
}

static void
days_sort(struct day_table *table)
{
	for (size_t width = 1; width < table->count; width *= 2) {
		for (size_t at = 0; at < table->count; at += 2 * width) {
			size_t rest = table->count - at;
			size_t first = rest < width ? rest : width;
			size_t second = rest - first < width ? rest - first : width;

			days_merge(table->scratch + at, table->days + at, first, table->days + at + first, second);
		}
		struct cut_day *sorted = table->scratch;

		table->scratch = table->days;
		table->days = sorted;
	}
}

static void
days_keep_last(struct day_table *table)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->count; i++) {
		if (kept > 0 && table->days[kept - 1].day == table->days[i].day)
			kept--;
		table->days[kept++] = table->days[i];
	}
	table->count = kept;
}

int
day_table_settle(struct day_table *table)
{
	if (table->ascending)
		return 0;
	if (table->scratch_capacity != table->capacity) {
		mem_free(table->scratch);
		table->scratch_capacity = 0;
		table->scratch = mem_alloc(table->capacity * sizeof(*table->scratch));
		if (table->scratch == NULL)
			return -ENOMEM;
		table->scratch_capacity = table->capacity;
	}
	days_sort(table);
	days_keep_last(table);
	table->ascending = true;
	return 0;
}
