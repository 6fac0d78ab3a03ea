/*
 * store.h - what makes engine and files one database
 *
 * The store owns the dump directory (lock file, identity, manifest, dumps), the maintenance thread, which dumps, loads,
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

struct store;

struct store_options {
	const char *directory;
	bool restore;
	bool restore_skip_damaged;
	uint32_t dump_retention_per_tree; /* 0 keeps all */
};

struct store_fault {
	char text[768]; /* one line for people */
};

/*
 * Opens the directory (it must exist and be writable), takes its lock, restores into the empty engine, starts the
 * threads. Logs what it restored. 0, or -1 with *ret_fault written.
 */
int store_open(struct engine *engine, const struct store_options *options, struct store **ret_store,
               struct store_fault *ret_fault);

/* Ends the threads (queued jobs are run first) and gives the lock back. No dump is made: see store_dump_all(). */
void store_close(struct store *store);

/* Hand a job over. False when JOBS_QUEUED_MAX jobs wait already. Any thread. */
bool store_submit_maintenance(struct store *store, struct job *job);
bool store_submit_scan(struct store *store, struct job *job);

/* The same for the main thread's dumps, for which one slot is kept that requests of clients cannot fill. */
bool store_submit_maintenance_reserved(struct store *store, struct job *job);

/* A ticket for the dumps below, to be taken when the request is accepted: what the caller has seen done by now is in a dump
 * that answers it. Any thread. */
uint64_t store_ticket(struct store *store);

/* ---- on the maintenance thread (inside a job's run) ---- */

/* The maintenance thread's own worker. */
struct engine_worker *store_worker(struct store *store);

/* Dumps one tree, unless a dump whose cut began after the ticket is there already. 0, ENGINE_MISSING, or -1 with
 * *ret_fault (logged already). */
int store_dump(struct store *store, const char *name, size_t bytes, uint64_t ticket, struct store_fault *ret_fault);

/* Dumps every tree, writes the manifest, drops old dumps. 0, or -1 with the first fault; goes on behind a fault (each is
 * logged). store_dump_all_joined() does nothing if a full dump that began after the ticket was made already. */
int store_dump_all(struct store *store, struct store_fault *ret_fault);
int store_dump_all_joined(struct store *store, uint64_t ticket, struct store_fault *ret_fault);

/* Loads a file of the directory as a live tree. ret_tree_name gets the name (TREE_NAME_BYTES_MAX bytes). 0,
 * ENGINE_MISSING (no such file; the name is set), or -1 with *ret_fault. */
int store_load(struct store *store, const char *file, size_t bytes, char *ret_tree_name, size_t *ret_tree_bytes,
               struct store_fault *ret_fault);

/* ---- any service thread ---- */

/* Names of the dump files, newest first by stamp; regular files `<digits>_<…>.tree` only. 0 or negative errno. The caller
 * frees *ret_names with store_files_free(). */
int store_files(struct store *store, char ***ret_names, size_t *ret_count);
void store_files_free(char **names, size_t count);
