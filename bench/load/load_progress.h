/*
 * load_progress.h - a line each second, on a terminal
 *
 * Belongs to the main thread, which only looks at counters that the others write anyway.
 */
#pragma once

#include <stdbool.h>

#include "load/load_thread.h"

struct load_progress {
	const struct load_options *options;
	const struct load_thread *threads;
	bool on;
	uint64_t start_ns, from_ns;
	uint64_t seen_ns, seen_replies; /* at the last line */
};

/* Prints on stderr if that is a terminal. */
void load_progress_init(struct load_progress *progress, const struct load_options *options,
                        const struct load_thread *threads, const struct load_window *window);

/* When to call load_progress_print() next; UINT64_MAX when never. */
uint64_t load_progress_due_ns(const struct load_progress *progress);
void load_progress_print(struct load_progress *progress, uint64_t now_ns);

/* Removes the line. */
void load_progress_clear(const struct load_progress *progress);
