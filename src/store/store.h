/*
 * store.h - what makes engine, log and files one database
 *
 * The store owns the dump directory (lock file, identity, manifest, dumps, log), the maintenance thread, which dumps, loads,
 * deletes whole trees and is the only one that frees memory, and the scan thread for whole-tree reads. Both threads take
 * struct job from bounded queues.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/job.h"
#include "karma/engine.h"
#include "wal/wal.h"

struct store;

/*
 * What is kept besides trees. The store knows no more of it than bodies of the log's WAL_LEDGER records, which may be met in any
 * order and more than once.
 *
 * load() gets, on the thread of store_open(), each that a file or the log has: 0, -EBADMSG (it is none) or -ENOMEM. loaded()
 * comes behind the last. save(), on the maintenance thread, gives visit all that a log would need to say again: everything
 * that was done before the call. What visit returns, if not 0, ends it and is returned. idle(), on the same thread twice a
 * second, does a bounded part of what is to be done now and then.
 */
typedef int store_ledger_fn(void *context, const uint8_t *body, size_t bytes);
struct store_ledger {
	store_ledger_fn *load;
	int (*loaded)(void *context);
	int (*save)(void *context, store_ledger_fn *visit, void *visit_context);
	void (*idle)(void *context);
	void *context;
};

struct store_options {
	const char *directory;
	bool restore;
	bool restore_skip_damaged;
	uint32_t dump_retention_per_tree; /* 0 keeps all */
	bool wal;                         /* the rest counts only with it, but for wal_truncate_at_damage */
	enum wal_fsync wal_fsync;
	uint64_t wal_segment_bytes;
	uint32_t wal_writer_bytes; /* of each of a writer's buffers; 0: as the log chooses */
	uint64_t wal_max_bytes;    /* a full dump starts by itself when the log is larger */
	uint32_t wal_batch_wait_us;
	bool wal_truncate_at_damage;
	uint32_t writers_max; /* of the log: the workers', and one for the store */
	const struct store_ledger
	    *ledger; /* borrowed; NULL: there is none, and what a log says of one is passed over */
};

struct store_fault {
	char text[768]; /* one line for people */
};

/*
 * Opens the directory (it must exist and be writable), takes its lock, restores into the empty engine, starts the log and
 * the threads. Logs what it restored. 0, or -1 with *ret_fault written.
 */
int store_open(struct engine *engine, const struct store_options *options, struct store **ret_store,
               struct store_fault *ret_fault);

/*
 * What store_open() would restore from the directory, into the empty engine, for tools: no lock is taken and nothing is
 * changed. While a server runs on it this may fail for what the server does meanwhile; call again, with another engine. Logs
 * as a start does. 0, or -1 with *ret_fault written.
 */
int store_read(struct engine *engine, const char *directory, struct store_fault *ret_fault);

/* Ends the threads (queued jobs are run first) and the log, and gives the lock back. The workers' writers must be gone. No
 * dump is made: see store_dump_all(). */
void store_close(struct store *store);

/* ---- the log: any thread ---- */

/* NULL without a log. Constant from store_open() to store_close(). */
struct wal *store_wal(struct store *store);

/* The log has failed: nothing may be changed any more, and no dump is made, until a restart. */
bool store_is_read_only(const struct store *store);

/* Hand a job over. False when JOBS_QUEUED_MAX jobs wait already. Any thread. */
bool store_submit_maintenance(struct store *store, struct job *job);
bool store_submit_scan(struct store *store, struct job *job);

/* The same for the main thread's dumps, for which one slot is kept that requests of clients cannot fill. */
bool store_submit_maintenance_reserved(struct store *store, struct job *job);

/* A ticket for the dumps below, to be taken when the request is accepted: what the caller has seen done by now is in a dump
 * that answers it. Any thread. */
uint64_t store_ticket(struct store *store);

/* ---- on the maintenance thread (inside a job's run) ---- */

/*
 * Whole-tree delete (tree_delete_range_all()), logged. 0, ENGINE_MISSING, or -1 with *ret_fault: then a part may be
 * deleted, as the fault says. *ret_hold is written in every case: the log's epoch on which the reply depends, 0 for none.
 */
int store_delete_range(struct store *store, const char *name, size_t bytes, uint64_t from, uint64_t to,
                       uint64_t *ret_hold, struct store_fault *ret_fault);

/*
 * The same for what is older than day `before`; then the keys that have nothing left go (tree_compact_all()). Alone, of one
 * tree or of every tree: those that have nothing. Of every tree 0 or -1; it ends at the first fault.
 */
int store_delete_before(struct store *store, const char *name, size_t bytes, uint64_t before, uint64_t *ret_hold,
                        struct store_fault *ret_fault);
int store_compact(struct store *store, const char *name, size_t bytes, uint64_t *ret_hold,
                  struct store_fault *ret_fault);
int store_compact_every(struct store *store, uint64_t *ret_hold, struct store_fault *ret_fault);

/*
 * A group of the log with one record of the ledger's: that of a request that was run here, behind the last group of its effects,
 * or of prunings. In one section say() writes its body (WAL_LEDGER_BODY_MAX bytes of room; returns how many, 0: there is
 * none), it is appended, and said() gets its tag (0 without a log): there the answer becomes known to others.
 */
struct store_ledger_step {
	size_t (*say)(void *context, uint8_t *body);
	void (*said)(void *context, uint64_t tag);
	void *context;
};

/* Waits for room. 0, or -1 with *ret_fault: neither was called. *ret_hold as of store_delete_range(). */
int store_log_ledger(struct store *store, const struct store_ledger_step *step, uint64_t *ret_hold,
                     struct store_fault *ret_fault);

/* Dumps one tree, unless a dump whose cut began after the ticket is there already. 0, ENGINE_MISSING, or -1 with
 * *ret_fault (logged already). With a log everything that the dump holds is durable when this returns 0. */
int store_dump(struct store *store, const char *name, size_t bytes, uint64_t ticket, struct store_fault *ret_fault);

/* Dumps every tree, writes the manifest, drops old dumps and what the log no longer needs. 0, or -1 with the first fault;
 * goes on behind a fault (each is logged). store_dump_all_joined() does nothing if a full dump that began after the
 * ticket was made already. */
int store_dump_all(struct store *store, struct store_fault *ret_fault);
int store_dump_all_joined(struct store *store, uint64_t ticket, struct store_fault *ret_fault);

/* Loads a file of the directory as a live tree. ret_tree_name gets the name (TREE_NAME_BYTES_MAX bytes). 0,
 * ENGINE_MISSING (no such file; the name is set), or -1 with *ret_fault. *ret_hold as of store_delete_range(). */
int store_load(struct store *store, const char *file, size_t bytes, char *ret_tree_name, size_t *ret_tree_bytes,
               uint64_t *ret_hold, struct store_fault *ret_fault);

/* ---- any service thread ---- */

/* Names of the dump files, newest first by stamp; regular files `<digits>_<…>.tree` only. 0 or negative errno. The caller
 * frees *ret_names with store_files_free(). */
int store_files(struct store *store, char ***ret_names, size_t *ret_count);
void store_files_free(char **names, size_t count);
