/*
 * log.h - a write-ahead log by itself, without the store that runs it in a server
 */
#pragma once

#include "kit/crew.h"
#include "wal/wal.h"

enum { LOG_TODAY = 20261123 };

struct log {
	struct wal *wal;
	_Alignas(CREW_CACHE_LINE) _Atomic uint64_t epoch; /* the word that tags are loaded from */
};

/* Makes a new log. options say the device, whether it is synced, its segments' size and how many writers; nothing else of them
 * is read. Who wants the log's threads starts them. A log that fails ends the program. */
void log_begin(struct log *log, const struct wal_options *options);
