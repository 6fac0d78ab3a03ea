/*
 * effect_log.h - effects of the engine as groups of the log
 *
 * The one place where what the engine did becomes what the log says, for workers and for the maintenance thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "karma/engine.h"

struct wal_writer;

/* What a thread that changes counters has for the log: its writer, and the scratch that the engine appends to. */
struct effect_log {
	struct wal_writer *writer; /* NULL: there is no log */
	struct effect_buffer buffer;
	uint32_t capacity; /* allocated */
};

/* Makes the scratch for writer (taken; NULL: without a log) and has worker append to it. 0 or -ENOMEM (writer destroyed). */
int effect_log_init(struct effect_log *log, struct wal_writer *writer, struct engine_worker *worker);

/* After the worker has been destroyed, or appends elsewhere. Waits as wal_writer_destroy(). */
void effect_log_deinit(struct effect_log *log);

/* Before a request: lets the engine use what fits the log now, whatever the tag. Counts with one create a request. */
void effect_log_room(struct effect_log *log);

/*
 * Is there room for so many effects? With a tree: from here on the request changes keys of that tree alone, none above key_max.
 * Then its records are shorter than records may be, and the engine may use what more of them fits. NULL: of any tree.
 */
bool effect_log_has_room(struct effect_log *log, const struct tree *tree, uint64_t key_max, size_t effects);

/* The same for a request that the ledger has a record of as well, of so many bytes (body). False: not even that fits now. */
bool effect_log_room_for_ledger(struct effect_log *log, size_t body_bytes);

/* Nothing waits in the buffers: a request that found no room now will never find it. */
bool effect_log_is_empty(const struct effect_log *log);

/* After a request, in its section: appends its effects, one group per run of equal tags, and empties the scratch. Returns the
 * last tag, or 0 when there were no effects. */
uint64_t effect_log_append(struct effect_log *log);

/*
 * The same with a record of the ledger's (body, borrowed) in the last group, so that it is there if and only if what stands
 * in that group is. What has an earlier tag may be there without it, and must be harmless to do again, as a create is: a
 * request of several operations that are not holds the log's gate, where all get one tag.
 *
 * A request that changed nothing has a group of it alone, with the tag given: E as loaded in this section, after the last
 * look. Returns the group's tag; 0 without a log.
 */
uint64_t effect_log_append_ledger(struct effect_log *log, const uint8_t *body, size_t body_bytes, uint64_t tag);
