/*
 * snapshot_taker.h - a thread that takes snapshots back to back
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "karma/engine.h"
#include "kit/field.h"
#include "kit/scratch.h"

enum snapshot_target {
	SNAPSHOT_NONE,
	SNAPSHOT_WALK, /* the cut alone, its keys looked at and dropped */
	SNAPSHOT_FILE, /* a dump, as a server writes it */
	SNAPSHOT_TARGETS,
};

struct snapshot_taker {
	const struct field *field;
	enum snapshot_target target;
	const struct scratch *scratch; /* for the files */
	unsigned cpu;
	/* What was done, to be read after the end. */
	uint64_t count;
	uint64_t keys, bytes;
	double seconds;
	pthread_t thread;
	_Atomic bool ending;
};

/* Takes one, on the calling thread. */
void snapshot_take(struct snapshot_taker *taker);

/* Takes them until the end is asked for; the last is completed, and there is one at least. */
void snapshot_taker_begin(struct snapshot_taker *taker);
void snapshot_taker_end(struct snapshot_taker *taker);
