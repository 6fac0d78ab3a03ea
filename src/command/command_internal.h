/*
 * command_internal.h - a worker's requests, for the files of command/ only
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "base/arena.h"
#include "base/job.h"
#include "base/limits.h"
#include "command/command.h"
#include "command/command_auth.h"
#include "command/command_park.h"
#include "proto/json_v1_shape.h"
#include "proto/json_v2.h"
#include "store/effect_log.h"
#include "store/store.h"

struct v2_request;

/* Which part of a whole tree a request of v2 asks for, besides the range. */
struct v2_page {
	uint64_t limit;
	uint64_t cursor;
	bool has_cursor;
};

/* A line of the batch. */
struct command_entry {
	struct v1_request request;   /* of a request of v2 only tree, key and range */
	const struct v2_request *v2; /* in the scratch arena; NULL: a good request of v1 */
	struct command_client *client;
	struct tree *tree; /* found while decoding; the run asks whether it is still current */
	struct key_prefetch prefetch;
	uint64_t ticket;
};
static_assert(sizeof(struct command_entry) <= 16 * sizeof(uint64_t), "a batch of them stays in the cache");

/* A request that a thread of the store runs. Lent to the store until its done(). */
struct command_job {
	struct job job; /* first: the store knows this part */
	void (*work)(struct job *job);
	struct command_job *next;
	LIST_ENTRY(command_job) pending_link; /* the worker's own */
	struct command_worker *owner;         /* NULL: nobody waits for a reply */
	/* Set by the worker while a thread of the store has the job. Relaxed: nothing is read through it, and who sees it late
	 * has worked a little longer in vain. */
	_Atomic(bool) abandoned;
	struct store *store;
	size_t response_bytes_max;
	enum command_protocol protocol; /* of the reply */
	uint64_t ticket;                /* of the request, for the front end */
	uint64_t store_ticket;          /* for joining dumps */
	uint64_t from, to;
	bool has_range; /* of v2 */
	struct v2_page page;
	uint64_t hold;           /* log epoch on which the reply depends, or 0 */
	struct command_use *use; /* of an idempotency key; NULL: without one */
	struct buffer reply;
	size_t tree_bytes;
	char tree[];
};

static inline struct command_job *
command_job_of(struct job *job)
{
	return (struct command_job *)(void *)job; /* first member */
}

/* What waits for a client is kept by its ticket, in so many short lists that ten thousand clients can leave at once. */
static inline size_t
ticket_list(uint64_t ticket)
{
	return ticket * UINT64_C(0x9E3779B97F4A7C15) >> (64 - TICKET_LISTS_BITS);
}

LIST_HEAD(command_job_list, command_job);

struct command_worker {
	struct command_options options;
	struct engine_worker *engine_worker;
	struct wal *wal; /* NULL: there is no log */
	struct effect_log log;
	uint64_t later_until; /* no write is begun before this epoch is released; 0: they are */
	uint64_t released;    /* as of the begin of this batch */
	uint32_t today;       /* of this round, for plain adds; who decides asks the engine */
	bool in_batch;
	bool prefetched;
	bool needs_token;
	uint32_t count;
	uint32_t next;      /* lines from here on have not been run */
	uint32_t forgotten; /* what was looked up for the lines below was of a section that has ended, and is gone */
	uint32_t done_end;  /* above next: lines between them have been executed, only their replies are missing */
	uint64_t done_hold; /* what these depend on */
	struct arena scratch;
	struct command_auth auth;
	struct v1_shapes shapes;
	struct buffer answer;    /* of a request with an idempotency key, while it is run; has room for any success */
	struct command_use *use; /* what the next job is to have; NULL mostly */
	struct command_parking parking;
	size_t pending;                                      /* jobs whose reply has not been fetched */
	struct command_job_list pending_lists[TICKET_LISTS]; /* by ticket */

	pthread_mutex_t lock; /* the rest: with the store's threads */
	pthread_cond_t returned;
	struct command_job *completed; /* oldest first */
	struct command_job **completed_last;
	size_t lent;                  /* jobs that the store has, lines that the ledger has parked */
	struct command_parked *woken; /* oldest first */
	struct command_parked **woken_last;

	struct command_entry entries[BATCH_REQUESTS_MAX];
};

/* command_v2_decode.c: decodes a line that v1 has not taken. v1_fault, in the scratch arena, is what v1 says of it; NULL: it has met a
 * member of v2. */
enum { COMMAND_V2_BYTES_MAX = 512 }; /* of scratch that it takes, besides v2_scratch_bytes() */
void command_v2_decode(struct command_worker *worker, struct command_entry *entry, const char *text, size_t bytes,
                       const struct v1_fault *v1_fault);

/* command_v1.c, command_v2.c: executes one request. On COMMAND_DONE its reply stands in out, whatever its length. *ret_hold
 * as of command_batch_run(). */
enum command_status command_v2_run(struct command_worker *worker, const struct command_entry *entry, struct buffer *out,
                                   uint64_t *ret_hold);
enum command_status command_v1_run(struct command_worker *worker, const struct command_entry *entry, struct buffer *out,
                                   uint64_t *ret_hold);

/* The entry's tree. The one of the first pass, if its name still leads there; a drop or reset earlier in the batch is seen.
 * NULL: there is none. */
static inline struct tree *
command_find_tree(struct command_worker *worker, const struct command_entry *entry)
{
	if (entry->tree != NULL && tree_is_current(entry->tree))
		return entry->tree;
	return tree_find(worker->engine_worker, entry->request.tree.data, entry->request.tree.bytes);
}

/* 0 or what the engine said. */
int command_create_tree(struct command_worker *worker, const struct command_entry *entry, struct tree **ret_tree);
static inline int
command_find_or_create_tree(struct command_worker *worker, const struct command_entry *entry, struct tree **ret_tree)
{
	*ret_tree = command_find_tree(worker, entry);
	return *ret_tree != NULL ? 0 : command_create_tree(worker, entry, ret_tree);
}

/* Of an engine call that found no room in the log: COMMAND_LATER, it is called again. Else there is a reply. */
enum command_status command_reply_number(struct buffer *out, int result, uint64_t value);

/* command_increment.c: v1's increment; those right behind it with it. */
enum command_status command_increment(struct command_worker *worker, const struct command_entry *entry,
                                      struct buffer *out);

/* command_log.c: the way of a write through the log. */
int command_log_init(struct command_worker *worker);   /* 0 or negative errno */
void command_log_look(struct command_worker *worker);  /* when a batch begins */
void command_log_flush(struct command_worker *worker); /* behind its section */

/* May a write be begun now? */
enum command_admission {
	ADMIT_NOW,     /* with room for what it will log (effect_log_room()) */
	ADMIT_LATER,   /* not before *ret_hold is released */
	ADMIT_REFUSED, /* the reply that says why stands in out */
};
enum command_admission command_log_admit(struct command_worker *worker, const struct command_entry *entry,
                                         struct buffer *out, uint64_t *ret_hold);

/*
 * A write has been run on the worker, in its section: what it did goes to the log. Its status (COMMAND_LATER: it found no
 * room and did nothing) becomes the one for the front end: a write that can never be logged is refused in out. What a
 * thread of the store does (COMMAND_PENDING) is none of this worker's log.
 */
enum command_status command_log_settle(struct command_worker *worker, const struct command_entry *entry,
                                       enum command_status status, struct buffer *out, uint64_t *ret_hold);

/*
 * Around a write whose effects are to have one tag though each is decided by itself: the log's epoch stands still. The section
 * begins anew, so what was looked up in it for later lines is forgotten. False without a log: there is nothing to leave.
 */
bool command_log_gate_enter(struct command_worker *worker);
void command_log_gate_leave(struct command_worker *worker);

/* command_v2_idempotent.c: a job with a claim has been run, or abandoned before. Takes job->use; on the job's thread. */
void command_use_end(struct command_job *job, bool was_run);

/* command_jobs.c: what the store's threads run for requests of either protocol, each writing job->reply. */
void command_job_trees(struct job *job);
void command_job_delete(struct job *job);

/* Appends one name to a list of them in a job's reply, as a tree_name_fn; context is a struct command_name_list. Ends when the
 * reply is full or nobody waits for it. */
struct command_name_list {
	struct command_job *job;
	bool more; /* this is not the first */
};
int command_append_name(void *context, struct tree *tree, const char *name, size_t bytes);

/* command_v1_jobs.c: what the store's threads run for a request, each writing job->reply. */
void v1_job_find(struct job *job);
void v1_job_dumps(struct job *job);
void v1_job_dump(struct job *job);
void v1_job_dump_all(struct job *job);
void v1_job_load(struct job *job);

/* command_reply.c: replies that more than one file gives. */
void v1_reply_error(struct buffer *out, const char *text);

/* In the envelope of a protocol; the code is v2's alone. */
void command_reply_error(enum command_protocol protocol, struct buffer *out, enum v2_error code, const char *text);

/* command_v2.c: of a line that has been read. */
enum command_protocol entry_protocol(const struct command_entry *entry);

/* Of what is no request. */
enum command_protocol command_envelope(const struct command_client *client, enum command_protocol guess);

/* Around what a request is answered that was run. */
void command_reply_begin(enum command_protocol protocol, struct buffer *out);
void command_reply_end(enum command_protocol protocol, struct buffer *out);

void command_reply_response_too_large(enum command_protocol protocol, struct buffer *out, size_t response_bytes_max);
void v1_reply_read_only(struct buffer *out);
extern const char command_read_only_text[];

/* Appends one day to a list of `"day":count`; context is a struct v1_day_list. */
struct v1_day_list {
	struct buffer *out;
	bool more; /* this is not the first */
};
void v1_append_day(void *context, uint32_t day, uint64_t count);

/* The reply to a failure of the engine (negative errno) or to an outcome that any change may have. */
void v1_reply_failure(struct buffer *out, int result);

/* command_job.c */
enum command_thread { COMMAND_MAINTENANCE, COMMAND_SCAN };

/* Hands a request over. COMMAND_PENDING, or COMMAND_DONE with an error in out. */
enum command_status command_job_submit(struct command_worker *worker, const struct command_entry *entry,
                                       enum command_thread thread, void (*run)(struct job *job), struct buffer *out);

/* The same for a request whose reply does not wait: "OK" in out, or an error. */
void command_job_submit_detached(struct command_worker *worker, enum command_thread thread,
                                 void (*run)(struct job *job), struct buffer *out);

/* What is lent to another thread is more or, wrapping, less. */
void command_lent_add(struct command_worker *worker, size_t change);

/* One that was lent comes back, on the thread that had it: called with the worker's lock held, behind the insert into the
 * list that it comes back by. Wakes the worker, and unlocks. The worker may be gone on return. */
void command_lent_return_unlock(struct command_worker *worker);

/* Nobody will read the reply. */
bool command_job_is_abandoned(const struct command_job *job);

/* All that is pending. */
void command_job_abandon_all(struct command_worker *worker);

/* A reply that ran out of room or of memory is thrown away, and the reply says so. */
void command_job_settle_reply(struct command_job *job);

void command_job_destroy(struct command_job *job);
