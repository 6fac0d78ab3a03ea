/*
 * child.h - a measurement in a process of its own: fresh memory before, nothing to give back after
 */
#pragma once

#include <stddef.h>

/* Zeroed memory that a child fills and the caller reads. */
void *child_memory(size_t bytes);

/* Forks, runs, waits. Ends the program when the child failed. No other thread may run. */
void child_run(void (*run)(void *context), void *context);
