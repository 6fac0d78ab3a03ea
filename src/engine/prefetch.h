/*
 * prefetch.h - a look at where ck_hs will look
 *
 * ck_hs offers no prefetch, and a batch gains most from overlapping its cache misses. So this looks at the map the way
 * ck_hs_get() begins: the head, entries[hash & mask] and what follows on its line, then the record with the key's tag
 * (map_entry.h) among them. It only prefetches: when it is wrong (collision, other layout) a line was fetched in vain.
 * The layout is private to Concurrency Kit; prefetch_check() tries it on a real map at start, and unless the guess is
 * right there, prefetching stays off.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <ck_hs.h>

/* Looks whether the layout is as we think, once per process; false: prefetch_* do nothing. Any thread. */
bool prefetch_check(void);

/* The head of the map, which says where its slots are. As below. */
void prefetch_map(const ck_hs_t *hs);

/* The line of the map's slot, by the key's hash. The set must be a partition's and made. Any thread, inside a section. */
void prefetch_slot(const ck_hs_t *hs, uint64_t hash);

/* The record, if it stands in the slot or the next, as most do. */
void prefetch_record(const ck_hs_t *hs, uint64_t hash);
