/*
 * wal.h - the write-ahead log of a running server: epochs and group commit (DESIGN.md section 5)
 *
 * A worker appends the records of its requests to buffer[tag & 1] of its writer, inside the section in which the tag was
 * loaded. The committer closes an epoch: E = e + 1; waits for a quiescent point of every worker (epoch_quiesce()), after
 * which every buffer[e & 1] is complete and stable; writes them as one block; syncs; publishes e as released and durable;
 * and wakes who waits. E reaches e + 2 only after that, so two buffers suffice.
 *
 *              append  flush/wait  gate  sync/rotate/forget  commit  prepare     - run together freely
 *   of one writer: append, flush, wait and gate are calls of its own thread.
 *   wal_sync(), wal_rotate(), wal_forget(): threads that are in no section and are no workers; rotate and forget one at a time.
 *   wal_commit(): the committer's thread, or a test in its place. wal_prepare(): the preparing thread, or a test.
 *
 * Wal knows no tree and no reply. It moves E by a callback and wakes writers by theirs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wal/block.h"
#include "wal/device.h"
#include "wal/record.h"

struct wal;
struct wal_writer;

enum wal_fsync { WAL_FSYNC_FALSE, WAL_FSYNC_TRUE, WAL_FSYNC_EVERYSEC };

enum wal_state {
	WAL_OK,
	WAL_FULL,   /* no room for a next segment: refuse writes before they touch memory; it recovers by itself */
	WAL_FAILED, /* a write or a sync failed: nothing more is logged, what was not released is unknown. Final */
};

/*
 * Of each of a writer's two buffers, unless told. A request has to fit one. With segments of 48 MiB or more the least is what the
 * largest request takes that a client may always ask for, however many writers there are; so with very many the segments
 * become larger than asked for. With smaller ones it is less, down to 64 KiB.
 */
enum { WAL_WRITER_BYTES_MIN = 3 << 19, WAL_WRITER_BYTES_MAX = 64 << 20 };

struct wal_options {
	struct wal_device device;
	uint8_t identity[WAL_IDENTITY_BYTES];
	enum wal_fsync fsync;
	uint64_t segment_bytes;
	uint64_t bytes_max;     /* grown() is called when the segments together are larger */
	uint32_t batch_wait_us; /* to gather more before a commit */
	uint32_t writers_max;
	uint32_t
	    writer_bytes; /* of each of a writer's two buffers. 0: a share of segment_bytes, within the bounds above */
	uint64_t epoch_first;     /* E of this run: above every epoch ever seen */
	uint64_t sequence_first;  /* of this run's first segment, or a later one: above every one ever seen */
	uint64_t sequence_needed; /* the manifest's first segment: those before may be recycled. 0: all are needed */
	struct wal_position last; /* the last block that recovery accepted */
	/* Moves the word that tags are loaded from (sequentially consistent store). */
	void (*epoch_store)(void *context, uint64_t epoch);
	uint32_t (*today)(void *context);
	void (*grown)(void *context); /* committer's thread; once until the next wal_forget() */
	/* For the log: under a lock, so it calls nothing of wal but wal_state(). error is a negative errno, or 0 with WAL_OK. */
	void (*state_changed)(void *context, enum wal_state state, int error, const char *doing);
	void *context;
};

/*
 * Makes the first segment of this run (header written and synced, directory synced) and moves E. No thread is started.
 * 0 or negative errno.
 */
int wal_create(const struct wal_options *options, struct wal **ret_wal);

/* Starts the committer's and the preparing thread. 0 or negative errno. */
int wal_start(struct wal *wal);

/* Commits what waits (if the log has not failed), syncs, ends the threads, frees. Writers must be gone. NULL is fine. */
void wal_destroy(struct wal *wal);

/* ---- writers ------------------------------------------------------------------------------------------------------ */

/* wake() is called on the committer's thread; it must be safe until wal_writer_destroy() returns. 0, -ENOMEM or -EMFILE. */
int wal_writer_create(struct wal *wal, void (*wake)(void *context), void *context, struct wal_writer **ret);

/* Takes writer; what it has appended must have been released, or the log have failed. Waits for that. NULL is fine. */
void wal_writer_destroy(struct wal_writer *writer);

/* Bytes that may be appended now with any tag. */
size_t wal_writer_room(const struct wal_writer *writer);

/* Bytes that fit when nothing waits: a request that needs more can never be logged. */
size_t wal_writer_capacity(const struct wal_writer *writer);

/*
 * A group: begin, add, end, in the section in which tag was loaded, with room looked at before. `tag` is E or E - 1 as of
 * the engine's word.
 */
struct wal_group {
	struct wal_writer *writer;
	uint8_t *at;
	uint8_t *last_kind; /* NULL: the group is empty so far */
	uint64_t tag;
};
void wal_group_begin(struct wal_group *group, struct wal_writer *writer, uint64_t tag);
void wal_group_add(struct wal_group *group, const struct wal_record *record);
void wal_group_end(struct wal_group *group);

/* After the section: asks for a commit if anything was appended or is waited for. At most one system call. */
void wal_writer_flush(struct wal_writer *writer);

/*
 * Asks for wake() once wal_released() ≥ epoch, or the log has failed; asks for the commit of that epoch. False, and no
 * wake: that is so already. Call before blocking; a later call replaces the earlier, 0 ends it.
 */
bool wal_writer_wait(struct wal_writer *writer, uint64_t epoch);

/*
 * The gate: shared by requests that decide key by key and need one tag for all of it; while one is inside, E stands still.
 * Outside any section. False: the committer is moving E, or waits to: end the batch, flush, try again. No request of
 * protocol v1 needs it: each is one operation. Batches that set many keys in one group will.
 */
bool wal_gate_try_enter(struct wal_writer *writer);
void wal_gate_leave(struct wal_writer *writer);

/* ---- any thread --------------------------------------------------------------------------------------------------- */

/*
 * Who writes looks at it inside the section in which it loads its tag, or inside the gate: the room that is kept free when the
 * state becomes WAL_FULL is for what began before. Acquire.
 */
enum wal_state wal_state(const struct wal *wal);

/* Must replies wait for their epoch? (--wal-fsync=true) */
bool wal_holds_replies(const struct wal *wal);

/* The highest epoch that is settled: written, and with fsync=true synced. Acquire: who sees it sees its buffers empty. */
uint64_t wal_released(const struct wal *wal);

/* E, as of now. */
uint64_t wal_epoch(const struct wal *wal);

/* Waits until everything up to epoch is synced, in every mode. 0, or -EIO when the log has failed. */
int wal_sync(struct wal *wal, uint64_t epoch);

/* What a manifest says of the log, after wal_sync(): the epoch of the last block that is synced. */
uint64_t wal_synced(const struct wal *wal);

/*
 * Goes on in a new segment, or in the present one if there is no room for a new one. Everything tagged after the return
 * stands in segments from *ret_sequence on. 0, or -EIO (failed). Waits.
 */
int wal_rotate(struct wal *wal, uint64_t *ret_sequence);

/* Segments before `sequence` are no longer needed: recycled, or removed. */
void wal_forget(struct wal *wal, uint64_t sequence);

struct wal_figures {
	uint64_t epoch;
	uint64_t released;
	uint64_t sequence; /* of the segment being written */
	uint64_t bytes;    /* of all segments needed, as far as they are written (of earlier runs: their files) */
	uint64_t blocks;   /* of this run, and: */
	uint64_t payload_bytes;
	uint64_t syncs;
};
void wal_figures(const struct wal *wal, struct wal_figures *ret);

/* ---- the threads' bodies, for tests with a scheduler of their own ---------------------------------------------------- */

/* One commit of what waits. True: something was done. */
bool wal_commit(struct wal *wal);

/* Makes the next segment ready if it is not. True: something was done. */
bool wal_prepare(struct wal *wal);
