/*
 * steps.h - a copy of a store's directory before every step on the disk
 *
 * The calls that make something durable or move it are wrapped by the linker (steps_kit in meson.build). A crash between any
 * two of them leaves one of the copies.
 */
#pragma once

#include "store/kit.h"

enum { STEPS_MAX = 400 };

struct step {
	struct kit *kit; /* the copy; the test's to tear down */
	int answered;    /* steps_answered before the copy was taken */
};

/* Of the last steps_begin(). */
extern struct step steps[STEPS_MAX];
extern size_t step_count;

/* What the test counts as it goes on. */
extern _Atomic int steps_answered;

/* From now on the kit's directory is copied, on whichever thread has a step. */
void steps_begin(struct kit *kit);

/* No more; what is there now is the last copy. Expects more steps than that, and returns the kit, which the test has to close
 * before it opens a copy: one process has one maintenance thread. */
struct kit *steps_end(size_t steps_min);
