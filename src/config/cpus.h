/*
 * cpus.h - which CPUs this process may use, and how much of them
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

/*
 * Reads a list such as 0,2-5 into list. False unless it is one, names only CPUs this process may use, each once, and at
 * most WORKERS_MAX of them.
 */
bool cpus_parse(const char *text, int list[static WORKERS_MAX], size_t *ret_count);

/* The CPUs of the affinity mask as such a list, cut off at `bytes`. */
void cpus_describe_allowed(char *text, size_t bytes);

/* CPUs of the affinity mask, or fewer when a cgroup grants less of their time: 1 … WORKERS_MAX. */
uint32_t cpus_usable(void);

/*
 * CPUs' worth of time that the cgroup v2 `path` (such as /a/b) and those above it grant, rounded up; 0 when there is no
 * quota. root is where the hierarchy is mounted.
 */
uint64_t cpus_of_quota(const char *root, const char *path);
