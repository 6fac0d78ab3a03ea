/*
 * wal_internal.h - the running log's own structures, for the files of wal/ and its simulation only
 *
 * Edges
 *   W1  released: store in released_publish() -> acquire in wal_released() and its like. Who sees e sees that the committer
 *       is done with every buffer of e and of before: a writer may use buffer[e & 1] again.
 *   W2  wanted against released and state, both sequentially consistent (Dekker): a writer stores wanted, then looks at
 *       released and state; the committer stores released or state, then looks at wanted. One of them sees the other.
 *   W3  kicked: exchange in wal_kick() -> exchange of the committer before it looks at what there is to do. So whatever was
 *       appended or wanted before a kick is seen by the commit that this kick asks for, or by one before.
 *   W4  gate: a writer stores inside, then looks at closing; the committer stores closing, then looks at inside; sequentially
 *       consistent. In gate.c.
 *   W5  state: store before E moves -> load in sections. A section that begins after epoch_quiesce() began sees it (Q2).
 *   W6  durable, block_synced: release store of the committer after its sync -> acquire load in wal_sync(), wal_synced(). Who
 *       sees an epoch knows it on the disk, and may write a manifest that says so.
 *   Q1, Q2  of epoch.h make the buffers of a closed epoch complete and visible.
 *
 * What belongs to whom stands with the fields: "committer" is the thread that calls wal_commit(), "preparing" the one that calls
 * wal_prepare(), files_lock comes before lock, nothing is waited for under lock but `changed`, and no device call is made under it.
 */
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/checksum.h"
#include "wal/wal.h"

enum {
	WAL_CACHE_LINE = 64,
	WAL_SPARES_MAX = 2,
	WAL_FULL_BLOCKS_MIN = 3, /* that must fit while the state is WAL_OK; the proof stands in segments.c */
};

/* ---- writers ---- */

/* Written by the writer alone; read by the committer after the epoch of its tag is closed and quiescent. */
struct wal_buffer {
	uint8_t *data;
	size_t used;
	uint64_t tag; /* of what it holds; not above released: it holds nothing any more */
};

struct wal_writer {
	struct wal *wal;
	struct wal_buffer buffers[2]; /* by tag & 1 */
	bool dirty;                   /* appended and not yet flushed */
	bool used;                    /* under lock; a writer's memory is kept for the next one */
	void (*wake)(void *context);  /* under wake_lock */
	void *wake_context;
	_Alignas(WAL_CACHE_LINE) _Atomic bool inside; /* W4 */
	_Atomic uint64_t appended;                    /* W3: the highest tag */
	_Atomic uint64_t wanted;                      /* W2; 0: nothing */
};

/* ---- files ---- */

/* The segment that is written, or the one prepared for after it. file < 0: there is none. */
struct wal_segment {
	int file;
	bool reused;
	bool direct; /* written around the cache: write_through() */
	uint64_t sequence;
};

/* A segment that is needed and no longer written. */
struct wal_needed {
	char name[64];
	uint64_t sequence;
	uint64_t bytes;
};

struct wal_files {
	struct wal_needed *needed; /* lock */
	size_t needed_count;
	size_t needed_capacity;
	uint64_t spares[WAL_SPARES_MAX]; /* files_lock: the numbers in their names */
	unsigned spares_count;
};

/* ---- the log ---- */

/* A write that is being made, and what will be true when it is on the disk. */
struct wal_pending {
	uint64_t offset;
	uint64_t epoch;
	uint64_t end;
	uint64_t checksum;
	size_t payload_bytes; /* 0: there is no block in it */
};

/*
 * Where what goes around the cache is put together: pages of the file. The last page of a write is seldom full; what it holds
 * stays at the begin, for the next write goes over that page again, with the same bytes in it.
 */
struct wal_stage {
	uint8_t *data; /* WAL_DIRECT_BYTES and the largest block, rounded up; NULL: there is none */
	size_t kept;   /* of the last page, in front of what is added next */
	size_t filled;
	struct iovec pieces[2]; /* what is to be written; the second: zeros ahead */
	int count;
	uint64_t offset;
};

struct wal {
	struct wal_options options;
	size_t writer_capacity;
	uint64_t block_bytes_max; /* with every buffer full */
	uint64_t segment_bytes;   /* in force */

	/* Read by everybody, written once a commit. */
	_Alignas(WAL_CACHE_LINE) _Atomic uint64_t released; /* W1, W2 */
	_Atomic uint64_t durable;       /* W6: everything up to it is synced; never above released */
	_Atomic uint64_t block_synced;  /* W6: the last block's epoch that is */
	_Atomic uint64_t epoch;         /* E; released + 1, but while it is being closed */
	_Atomic int state;              /* enum wal_state; W2, W5; changed under lock */
	_Atomic uint32_t writers_count; /* only grows; release: the entry is there */
	struct wal_writer **writers;

	_Alignas(WAL_CACHE_LINE) _Atomic bool kicked; /* W3 */
	sem_t kick;
	_Alignas(WAL_CACHE_LINE) _Atomic bool closing; /* W4 */
	sem_t gate_left;

	/* Committer. */
	struct wal_segment current;
	bool header_pending; /* of current: goes out with its first block */
	uint8_t header[WAL_HEADER_BYTES];
	struct wal_position last; /* where the chain ends */
	struct wal_pending pending;
	struct wal_stage stage;
	bool unsynced;
	int64_t unsynced_since_ns;
	uint64_t zeroed;               /* offset up to which zeros were written ahead */
	uint64_t pushed;               /* offset up to which writing back was begun */
	struct iovec *pieces;          /* room for all of a block */
	struct checksum_piece *hashed; /* the same */

	pthread_mutex_t wake_lock; /* while wake() is called; a writer that goes takes it */
	pthread_mutex_t files_lock;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* released, durable, state, a rotation, a try to prepare */
	pthread_cond_t prepare; /* the preparing thread has something to do */

	/* lock */
	struct wal_files files;
	struct wal_segment spare;
	uint64_t sequence_next; /* of the spare, or of the one to be made */
	int prepare_error;      /* of the last try */
	const char *prepare_doing;
	uint64_t prepare_asked;
	uint64_t prepare_tried; /* the highest prepare_asked that a try began after */
	uint64_t sync_wanted;
	uint64_t rotate_wanted; /* counts calls */
	uint64_t rotate_done;
	uint64_t rotate_sequence;
	unsigned waiting; /* threads on `changed` */
	bool grown_told;

	/* Threads; set by wal_start() and wal_destroy(). */
	bool started;
	_Atomic bool ending;
	bool prepare_ending; /* lock */
	pthread_t committer;
	pthread_t preparer;

	/* Relaxed: figures for people, nothing is read through them. */
	_Atomic uint64_t bytes;
	_Atomic uint64_t sequence;
	_Atomic uint64_t blocks;
	_Atomic uint64_t payload_bytes;
	_Atomic uint64_t syncs;
};

/* ---- wal.c ---- */

/* Under lock. Nothing leaves WAL_FAILED. */
void wal_state_set(struct wal *wal, enum wal_state state, int error, const char *doing);

/* Is it WAL_FAILED? Acquire. */
bool wal_failed(const struct wal *wal);

/* Asks the committer to look (W3). Any thread; a system call only if it sleeps. */
void wal_kick(struct wal *wal);

/* Under lock: waits for `changed`, or does a committer's work itself when there is no thread for it. */
void wal_wait_changed(struct wal *wal);
void wal_changed(struct wal *wal); /* tells them; takes lock */

/* ---- writer.c ---- */

void wal_writers_free(struct wal *wal);

/* Committer, after released or state has changed. */
void wal_writers_wake(struct wal *wal);

/* Committer: has anything been appended or asked for that is not released? */
bool wal_writers_waiting(const struct wal *wal);

/* ---- gate.c ---- */

void wal_gate_close(struct wal *wal);
void wal_gate_open(struct wal *wal);

/* ---- commit.c ---- */

/* Committer. Syncs what is unsynced. 0, or negative errno with the state WAL_FAILED. */
int wal_commit_sync(struct wal *wal);

/* When a sync is due in mode everysec, on the monotonic clock; -1: none is. Committer. */
int64_t wal_sync_due_ns(const struct wal *wal);
int64_t wal_now_ns(void);

/* WAL_FAILED, and everybody who waits is told. Committer. */
void wal_fail(struct wal *wal, int error, const char *doing);

/* ---- write.c ---- */

/* Writes all pieces (which it spoils). 0 or negative errno. */
int wal_write_all(const struct wal_device *device, int file, struct iovec *pieces, int count, uint64_t offset);

/*
 * Committer, when every buffer of the epoch is complete: its block, if it has records, in the segment after this one if rotate
 * is set or it does not fit. 0, or negative errno with the state WAL_FAILED.
 */
int wal_block_write(struct wal *wal, uint64_t epoch, bool rotate);

/* wal->pending is in the file, and on the disk if `synced`. */
void wal_block_end(struct wal *wal, bool synced);

/* Are zeros to be written behind what ends there? */
bool wal_zeros_due(const struct wal *wal, uint64_t end);

/* ---- stage.c ---- */

/* No memory, or not asked for: there is no stage, and segments are not written around the cache. */
void wal_stage_begin(struct wal *wal);

/* Puts the pieces into whole pages, for the segment's offset pending.offset. */
void wal_stage_fill(struct wal *wal, const struct iovec *pieces, int count);

/* Committer: writes them. 0 or negative errno. */
int wal_stage_write(struct wal *wal);

/* They are written. */
void wal_stage_end(struct wal *wal);

/* ---- segments.c ---- */

/* Makes the first segment, header on disk. 0 or negative errno. */
int wal_segments_begin(struct wal *wal);

/* Committer, before it moves E: is there room for what will be accepted? Else the state becomes WAL_FULL. */
void wal_room_check(struct wal *wal);

/* Committer: is a spare there, now or after one more try to make it? */
bool wal_spare_await(struct wal *wal);

/* Committer: the spare becomes current, its header pending. Syncs what was written before. 0 or negative errno. */
int wal_segment_next(struct wal *wal, uint64_t epoch);

/* ---- files.c ---- */

/* What is in the directory: segments of ours become needed or spare. 0 or negative errno. Raises sequence_next. */
int wal_files_begin(struct wal *wal);

/* The room behind the last block of the run before, once a header leads past it. What fails only costs room. */
void wal_files_trim(struct wal *wal);

/* Under files_lock: opens a file for the segment, under its final name, with its room. Negative errno, and what was tried. */
int wal_file_make(struct wal *wal, uint64_t sequence, struct wal_segment *ret, const char **ret_doing);

/* Under lock: room in the list for one more. 0 or -ENOMEM. Then wal_needed_add() cannot fail. */
int wal_needed_reserve(struct wal_files *files);
void wal_needed_add(struct wal_files *files, const char *name, uint64_t sequence, uint64_t bytes);

/* ---- threads.c ---- */

void wal_threads_end(struct wal *wal);
