/*
 * command_v2_scan.h - a read of a whole tree, on the scan thread, that ends in time
 */
#pragma once

#include "command/command_v2.h"

/* Looks at the clock with the first key and every 256th, so that it costs nothing. */
struct v2_deadline {
	uint64_t begin_ns;   /* steady clock */
	uint32_t timeout_ms; /* 0: none */
	uint32_t keys;
};
struct v2_deadline v2_deadline_begin(uint32_t timeout_ms);
bool v2_deadline_has_passed(struct v2_deadline *deadline); /* once for each key */

/* What a visit of a key may return, besides 0: they end the walk. */
enum v2_scan_end {
	SCAN_FULL = 1,  /* the reply has failed: no sense in going on */
	SCAN_OVERFLOW,  /* a sum does not fit 64 bits */
	SCAN_MISSING,   /* from here on the walk's own: there is no such tree */
	SCAN_LATE,      /* time is up */
	SCAN_ABANDONED, /* nobody waits for the reply */
};

/*
 * Visits the listed keys of the job's tree. 0 when all were visited; else the job's reply is written, whatever stood there
 * before: the tree is missing, or the walk ended early.
 */
int v2_scan_keys(struct command_job *job, tree_key_fn *visit, void *context);

/* Before the walk, when there is no memory for what it gathers. */
void v2_scan_no_memory(struct command_job *job);
