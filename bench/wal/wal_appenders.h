/*
 * wal_appenders.h - threads that append to a log, each with a writer of its own, as workers do
 */
#pragma once

#include <stdint.h>

#include "kit/scratch.h"
#include "wal/wal.h"

struct wal_shape {
	enum wal_fsync fsync;
	unsigned appenders;
	unsigned records; /* of a section, each a group of its own: requests of one batch */
	bool streaming;   /* waits only for room; else for the commit of what was appended, then appends again */
	uint64_t segment_bytes;
	double seconds;
};

/* Runs a log of its own in the directory and adds its row. */
void wal_appenders_measure(const struct scratch *scratch, const struct wal_shape *shape);
