/*
 * store_internal.h - the store's own structure, for the files of store/ only
 *
 * Everything without a remark belongs to the maintenance thread; before that starts and after it has ended, to
 * store_open() and store_close().
 */
#pragma once

#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "snapshot/dump_file.h"
#include "store/catalog.h"
#include "store/effect_log.h"
#include "store/file_list.h"
#include "store/service.h"
#include "store/store.h"

struct store {
	struct engine *engine;        /* borrowed; read-only after store_open(), as the next five */
	struct store_options options; /* directory is ours */
	int directory_fd;
	int lock_fd;
	struct service *maintenance;
	struct service *scan;
	struct engine_worker *worker;
	uint8_t identity[DIRECTORY_IDENTITY_BYTES];
	struct wal *wal; /* NULL without a log; read-only after store_open() */
	struct effect_log effects;
	sem_t released;           /* posted when what the maintenance thread waits for is settled */
	_Atomic bool log_grown;   /* set by the log's thread: it is larger than it should be */
	bool grown_failed;        /* the last dump for that reason failed, at: */
	struct timespec grown_at; /* steady clock */
	struct manifest_log log;  /* `first`: a recovery begins there, 0 without a log; the rest as restored */
	struct catalog catalog;
	uint64_t ledger_number;             /* of the ledger's file that the manifest names; 0: none */
	const struct manifest_tree *staged; /* of the load under way, or NULL */
	bool reads_only;                    /* of store_read(): no file is changed */
	bool manifest_stale;          /* no file yet, or its last write failed: it does not say what the catalog says */
	bool manifest_failing;        /* the last write failed, and that was logged */
	uint64_t directory_seen;      /* engine_directory_version() of the last manifest */
	uint64_t full_cut;            /* number of the last full dump, see dump.c */
	struct timespec compacted_at; /* steady clock */
	uint64_t compactions;
	bool keeps_files; /* no retention now: the files are what was found damaged, and what it was restored from */
	_Atomic uint64_t cuts; /* S1: cuts begun so far */
};

/* publish.c: makes the manifest say what the catalog says, less the trees that no longer live. store_publish_changes()
 * writes only if it is stale or a tree has gone. 0, or -1 with *ret_fault. */
int store_publish(struct store *store, struct store_fault *ret_fault);
int store_publish_changes(struct store *store, struct store_fault *ret_fault);

/* start.c: restores, starts the log, makes the manifest name it. 0, or -1 with *ret_fault. */
int store_fill(struct store *store, struct store_fault *ret_fault);

/* retention.c: removes old dumps: per tree part all but the newest `keep` of our own, and never one that the catalog
 * names. Returns how many. */
size_t retention_run(int directory_fd, uint32_t keep, const struct catalog *catalog);

/* store.c: what must not wait for a long job's end, called between its parts: drops get into the manifest, and retired
 * memory back. Trees found before may be freed by it. */
void store_keep_up(struct store *store);

static inline uint64_t
ms_since(const struct timespec *start)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)(now.tv_sec - start->tv_sec) * 1000 + (uint64_t)((now.tv_nsec - start->tv_nsec) / 1000000);
}
