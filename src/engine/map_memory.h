/*
 * map_memory.h - where the maps of the engine come from
 *
 * A map that was grown out of goes to epoch_retire().
 */
#pragma once

#include <ck_malloc.h>

/*
 * For maps that there are many of, which grow at about the same time: large ones stand in regions (base/region.h), so
 * that the memory of what was grown out of goes back to the system.
 */
extern struct ck_malloc map_memory_of_many;

/* For a map that is alone: from the heap, where it shares huge pages with others. */
extern struct ck_malloc map_memory_of_one;
