/*
 * load_report.h - the result as a table and as JSON
 */
#pragma once

#include "load/load_usage.h"
#include "load/load_thread.h"

struct load_report {
	const struct load_options *options;
	struct load_thread *threads; /* for their slices */
	uint64_t from_ns;            /* start of the window … */
	double from_unix_s;          /* … by the clock on the wall */
	double seconds;              /* its length */
	struct load_result total;
	struct histogram latency_ns;
	struct load_usage server; /* within the window; zeros without --pid */
	struct load_usage load;   /* the same of this process, to tell whether it was the limit */
	int server_error;         /* errno of reading that, or 0 */
};

/* Both return 0 or negative errno of writing. */
int load_report_table(const struct load_report *report);
int load_report_json(const struct load_report *report, const char *path); /* "-": stdout */
