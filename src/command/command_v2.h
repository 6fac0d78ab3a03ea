/*
 * command_v2.h - requests of protocol v2 (PROTOCOL-v2.md), for the files of command/ only
 *
 *   push   command_v2_decode(): steps 1 to 5 of the order of checks. What is wrong is kept with the line.
 *   run    command_v2_run(): steps 6 to 9
 *
 * A table (command_v2_table.c) says of every operation what it reads, what it needs and who does it.
 */
#pragma once

#include "command/command_internal.h"
#include "proto/json_v2_fields.h"

struct v2_operation;

/* What an operation reads, always in this order. */
enum v2_reads {
	READ_RANGE = 1,
	READ_RANGE_IF = 2, /* if it is given */
	READ_SERIES = 4,
	READ_KEY = 8,
	READ_CHANGE = 16, /* bucket and value */
	READ_KEYS = 32,
	READ_ITEMS = 64,
	READ_SUMS = 128,
	READ_PAGE = 256, /* limit and cursor */
	READ_TOP = 512,  /* limit */
	READ_BEFORE = 1024,
};

enum v2_needs {
	WRITES = 1,     /* may change something: goes through the log */
	ELIGIBLE = 2,   /* takes an idempotency key */
	ZERO_ITEMS = 4, /* items may have the value 0 */
	DECIDES = 8,    /* its items are decided one by one, not added */
};

/* A line that is no good request of v1. In the scratch arena. Series, key and range stand in the entry, where a request of v1
 * has them. */
struct v2_request {
	const struct v2_operation *operation; /* NULL: what is wrong stands in code and fault */
	enum v2_error code;
	const char *fault;
	struct text subject;             /* what the fault is about, or empty */
	const struct v1_fault *v1_fault; /* what v1 says of the line, or NULL */
	enum command_protocol guess;     /* with no_request: what the line looks like */
	bool is_v1;      /* an object without a member of v2: v1_fault is the reply, and nothing else counts */
	bool no_request; /* no object: the envelope is that of the connection */
	bool understood; /* the operation was found, whatever is wrong behind that */
	bool has_range;
	bool has_bucket;
	uint32_t bucket;
	uint64_t value;
	struct v2_page page;
	struct text token;
	const struct v2_idempotency *idempotency; /* NULL: without a key */
	union {
		struct v2_keys keys;
		struct v2_items items;
		struct v2_sums sums;
	};
};

typedef enum command_status v2_handler(struct command_worker *worker, const struct command_entry *entry,
                                       struct buffer *out);

struct v2_operation {
	const char *name;
	const char *internal; /* as it is called in messages and idempotency records */
	v2_handler *run;
	uint16_t reads;
	uint16_t needs;
	void (*job)(struct job *job); /* what the store's thread runs, if `run` submits it; else NULL */
};

/* NULL when there is none. */
const struct v2_operation *v2_operation_find(struct text name);

/* Runs a write that has been admitted to the log, and leaves it settled there; its replies stand in out. */
typedef enum command_status v2_write_fn(struct command_worker *worker, const struct command_entry *entry, void *context,
                                        struct buffer *out, uint64_t *ret_hold);

/* The way of a write: the gate if it wants one, is the log in order, write(), out of the gate. *ret_hold as of command_batch_run(). */
enum command_status v2_write(struct command_worker *worker, const struct command_entry *entry, v2_write_fn *write,
                             void *context, struct buffer *out, uint64_t *ret_hold);

/* ---- idempotency keys ---- */

/* What the request is (PROTOCOL-v2.md section 6), and which operation; its bucket is given. */
enum ledger_operation v2_fingerprint(const struct command_entry *entry, uint8_t ret[FINGERPRINT_BYTES]);

/* Instead of the operation's run and its way through the log, for a request with a key. */
enum command_status v2_run_idempotent(struct command_worker *worker, const struct command_entry *entry,
                                      struct buffer *out, uint64_t *ret_hold);

/* ---- replies ---- */

void v2_reply_error(struct buffer *out, enum v2_error code, const char *text);
void v2_reply_forbidden(struct buffer *out, const char *internal);
void v2_reply_not_found(struct buffer *out, struct text series);

/* Of an engine call on one counter. One that found no room in the log did nothing, and is called again later. */
enum command_status v2_reply_ok(struct buffer *out, int result);
enum command_status v2_reply_failure(struct buffer *out, int result);
void v2_reply_overflow(struct buffer *out, const char *before, uint64_t key, uint32_t bucket);

/* ---- the operations, by family ---- */

v2_handler v2_ping;
v2_handler v2_increment, v2_decrement, v2_sum, v2_days, v2_reset_key, v2_delete_key;
v2_handler v2_batch_sum, v2_multi_sum;
v2_handler v2_batch_add, v2_batch_set;
v2_handler v2_batch_reset, v2_batch_delete;
v2_handler v2_create, v2_drop, v2_reset_tree, v2_delete_tree;

/* Hands its job to the store: what writes to the maintenance thread, what reads to the scan thread. */
v2_handler v2_submit;

/* Appends one bucket to a list of `"bucket":count`, but none of 0; context is a struct v2_day_list. */
struct v2_day_list {
	struct buffer *out;
	bool more; /* this is not the first */
};
void v2_append_day(void *context, uint32_t day, uint64_t count);

/* ---- many keys of one tree ---- */

/* Walks over many keys so that their cache misses overlap: each step asks for what later keys need. */
enum { V2_WINDOW = 64 };
struct v2_window {
	struct tree *tree;
	const void *base;
	size_t stride; /* from key to key, in bytes */
	uint32_t count;
	struct key_prefetch prefetch[V2_WINDOW];
};
void v2_window_begin(struct v2_window *window, struct tree *tree, const uint64_t *first, size_t stride, uint32_t count);
void v2_window_step(struct v2_window *window, uint32_t index); /* before key `index` is used; in order from 0 */

/* ---- will the counters bear a batch? (command_v2_overflow.c) ---- */

/*
 * tree may be NULL: then every count is 0. Return 0, ENGINE_OVERFLOW (*ret_offending: the first item that does not fit, after
 * those before it), or -ENOMEM.
 */
int v2_overflow_of_add(struct tree *tree, const struct v2_items *items, const struct v2_item **ret_offending);

/*
 * The same for exact counts, of which the last of equal (key, bucket) counts. *ret_close: some key comes so near its bound
 * that the order matters; then items that a later one replaces have got V2_BUCKET_OUT, and those that lower a count have to be
 * done first. *ret_room: the highest tree_key_room(), or that of a new key.
 */
int v2_overflow_of_set(struct tree *tree, const struct v2_items *items, const struct v2_item **ret_offending,
                       bool *ret_close, size_t *ret_room);

/* ---- on the store's threads ---- */
void v2_job_info(struct job *job);
void v2_job_summary(struct job *job);
void v2_job_keys(struct job *job);
void v2_job_top(struct job *job);
void v2_job_series(struct job *job);
void v2_job_compact(struct job *job);
void v2_job_compact_every(struct job *job);
void v2_job_delete_before(struct job *job);
