/*
 * ledger.h - idempotency records: a write that comes again gets the answer of the first time
 *
 *               claim               finish               expire, prune
 *   (no record) ──────► in use ──────────────► done ────────────────────► (no record)
 *        ▲                │  ▲
 *        └── cancel ──────┘  └ cancel, when others are parked: the first of them goes on with the claim
 *
 * A request with a key claims it, which looks and takes the key in one step: of a thousand requests that come with one key at
 * once, one is told to run. The others are parked. When it finishes, each of them is woken and finds the answer; when it
 * fails, the next runs, and the rest stay parked. Nobody waits for a thread here: who is parked is called back.
 *
 *             claim  finish  cancel  unpark  expire  prune  walk  sequence    -  run together freely
 *   claim       p      p       p       p       s       s     -       -        p  a short lock for each part of the map
 *   finish             p       p       p       o       o     -       -        s  the record found stays for the section
 *   cancel                     p       p       p       p     -       -        o  a short lock for the order, too; finish and
 *   unpark                             p       p       p     -       -           expire pass by when it is taken
 *   expire                                     o       o     -       -
 *   prune                                              o     -       -
 *   walk                                                     -       -
 *
 * Claims are made in an epoch section, since what they find is valid until its end. The rest may be called anywhere, and by
 * another thread than the one that claimed: a claim outlives sections. Memory is freed by epoch_reclaim() alone.
 *
 * Order of first use is the order in which requests finished. Records leave in that order and in no other: the oldest when
 * there are more than records_max, or when it is older than age_max_seconds. Every finish looks at a few, so nothing is ever
 * walked whole, and the ledger does not grow while nobody calls ledger_expire().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "ledger/fingerprint.h"
#include "ledger/operation.h"

enum {
	LEDGER_KEY_BYTES_MAX = 256,
	LEDGER_RESPONSE_BYTES_MAX = 48, /* of any operation that takes a key: the longest is that of a batch_add, 46 */
};

struct ledger;
struct ledger_map;
struct ledger_record; /* to others: a claim */

struct ledger_options {
	uint64_t records_max;     /* at least 1 */
	uint64_t age_max_seconds; /* 0: any age */
};

/* 0 or -ENOMEM. */
int ledger_create(const struct ledger_options *options, struct ledger **ret);

/* Frees everything, claims included. Nobody may be parked, or call any more. NULL is fine. */
void ledger_destroy(struct ledger *ledger);

/* ---- using a key --------------------------------------------------------------------------------------------------- */

/* What the first request with a key was, and what it was answered. */
struct ledger_use {
	const uint8_t *fingerprint; /* FINGERPRINT_BYTES */
	enum ledger_operation operation;
	const char *response; /* the member of the reply, as JSON */
	size_t response_bytes;
	uint64_t created_at_unix;
	uint64_t sequence; /* of ledger_sequence_next() */
	uint64_t tag;      /* log epoch of its group; 0 without a log */
};

/*
 * A request that waits for a key, in memory of its owner's that is lent to the ledger from LEDGER_PARKED until
 * ledger_unpark() returned true or wake() was called. The owner sets `wake`, and the rest to 0.
 *
 * wake() runs on the thread that finished or cancelled, outside any lock; it may not call the ledger. If it finds `claim`
 * set, the key has been handed over: the request runs now, and ends by ledger_finish() or ledger_cancel() as any
 * claim does, by the latter also when its client has gone meanwhile. If it is NULL, ledger_claim() will have the answer.
 */
struct ledger_waiter {
	void (*wake)(struct ledger_waiter *waiter);
	struct ledger_record *claim;
	/* The ledger's; `map` is NULL before the first use. */
	struct ledger_map *map;
	struct ledger_record *record;
	TAILQ_ENTRY(ledger_waiter) link;
	bool parked;
};

enum ledger_outcome {
	LEDGER_CLAIMED = 0, /* run it; *ret_claim */
	LEDGER_REPLAY,      /* it was run: *ret_use */
	LEDGER_CONFLICT,    /* the key was used by a request with another fingerprint: *ret_use */
	LEDGER_PARKED,      /* one with this key runs: wake() will be called */
};

/*
 * ledger_claim() - is this request the first with its key?
 *
 * Thread:    any, inside an epoch section. *ret_use and what it points to are valid until its end.
 * Progress:  a key that is done is found without a lock; else the lock of its part of the map is taken for a look and an insert.
 * Order:     takes effect at the load of the record's state, or at the insert under the lock. Who gets an answer depends
 *            on the log epoch ret_use->tag: its reply must not go out before, a conflict neither.
 * Memory:    borrows key and fingerprint; waiter is as above, or NULL: then LEDGER_PARKED only tells that the key is in use.
 *            A claim takes a record's memory, some 160 bytes and the key.
 * Return:    enum ledger_outcome, or -ENOMEM (nothing changed). Each writes its own result alone.
 */
int ledger_claim(struct ledger *ledger, const char *key, size_t key_bytes, const uint8_t *fingerprint,
                 struct ledger_waiter *waiter, struct ledger_record **ret_claim, struct ledger_use *ret_use);

/* The next global sequence number, from 1, for the log's record of this use. Any thread. */
uint64_t ledger_sequence_next(struct ledger *ledger);

/*
 * The request was run: its answer is there for all who come with the key. Takes the claim, copies use. Wakes all who are
 * parked. In the section in which its group was appended to the log, or on the thread that makes dumps, so that a walk
 * behind a rotation of the log finds every record that stands before it. Cannot fail.
 */
void ledger_finish(struct ledger *ledger, struct ledger_record *claim, const struct ledger_use *use);

/* The request failed, or was not begun: nothing of it stays. Takes the claim; the first who is parked gets it. */
void ledger_cancel(struct ledger *ledger, struct ledger_record *claim);

/* The waiter's client has gone. True: it will not be woken. False: it has been, or is being, woken (or was never parked). */
bool ledger_unpark(struct ledger_waiter *waiter);

/* ---- the end of records -------------------------------------------------------------------------------------------- */

/* Removes at most `limit` of those that are too many or, at this time, too old. Returns how many. For a thread that does it
 * every now and then; returns 0 at once when another is at it. */
uint64_t ledger_expire(struct ledger *ledger, uint64_t now_unix, uint64_t limit);

/* Sequence numbers of removed records. */
struct ledger_range {
	uint64_t first;
	uint64_t last;
};

/*
 * Removes records with created_at_unix < before, oldest first, at most `limit`, up to the first that is younger. Those
 * removed are told as ranges: it stops when ranges_max of them are full, or after some hundred records, so that the
 * order's lock is not held for long. Call again until it returns 0. Returns how many were removed.
 */
uint64_t ledger_prune(struct ledger *ledger, uint64_t before_unix, uint64_t limit, struct ledger_range *ranges,
                      size_t ranges_max, size_t *ret_ranges);

/* Visits the records that are done, oldest first, while others come and go: all that were finished before, but those that
 * leave. Outside any section; waits for those that are open. A non-zero return ends it and is returned. */
typedef int ledger_walk_fn(void *context, const char *key, size_t key_bytes, const struct ledger_use *use);
int ledger_walk(struct ledger *ledger, ledger_walk_fn *visit, void *context);

/* ---- across restarts ----------------------------------------------------------------------------------------------- */

/*
 * Takes a body that a file or the log holds (codec.h), in any order and as often as it is met: of one key the use with the highest
 * sequence counts. Before the ledger is used, one thread. Keeps a bounded number beyond records_max. 0, -EBADMSG: it is no
 * body, or -ENOMEM.
 */
int ledger_load(struct ledger *ledger, const uint8_t *body, size_t bytes);

/* Behind the last of them: puts what is left in order, less what was removed, is too old or too many. 0 or -ENOMEM. */
int ledger_loaded(struct ledger *ledger, uint64_t now_unix);

/* Gives visit the body of every record that is done, as ledger_walk() does. */
typedef int ledger_body_fn(void *context, const uint8_t *body, size_t bytes);
int ledger_save(struct ledger *ledger, ledger_body_fn *visit, void *context);

/* Any thread, about. removed: expired and pruned since the start. */
uint64_t ledger_count(const struct ledger *ledger);
uint64_t ledger_removed(const struct ledger *ledger);
