/*
 * day_table.h - the days of one key while they are read
 *
 * Takes (day, count) pairs in any order, also a day twice, and gives them back by ascending day, each once, with the
 * count that came last. Memory follows the number of distinct days, time is n log n.
 *
 * A day with a count that a decrement has taken to 0 before (cut_day.kept) is written as two pairs, the first with 0. Readers
 * of the original's layout take the second. Here the flag is that of the pair right before.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "karma/engine.h"

struct day_table {
	struct cut_day *days;
	struct cut_day *scratch; /* as large as days, once there was something to sort */
	size_t count;
	size_t capacity;
	size_t scratch_capacity;
	bool ascending; /* strictly: nothing to do */
};

void day_table_init(struct day_table *table);
void day_table_deinit(struct day_table *table);

/* Forgets the pairs, keeps the memory. */
void day_table_clear(struct day_table *table);

/* 0 or -ENOMEM. */
int day_table_add(struct day_table *table, uint32_t day, uint64_t count);

/* Brings `days` and `count` into the form above. 0 or -ENOMEM. */
int day_table_settle(struct day_table *table);
