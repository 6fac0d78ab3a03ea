/*
 * machine.h - processors and memory of this process
 */
#pragma once

#include <stdint.h>

/* How many processors the process may use, at least 1. */
unsigned machine_cpus(void);

/* The calling thread runs on the index-th of them only (index modulo their number). Call machine_cpus() once before the first
 * thread is pinned: it remembers what the process may use. */
void machine_pin(unsigned index);

/* The same on the processor of this number, as taskset counts them. 0 or negative errno. */
int machine_pin_to(unsigned cpu);

/* Resident now, and at most so far. */
uint64_t machine_resident_bytes(void);
uint64_t machine_resident_bytes_most(void);
