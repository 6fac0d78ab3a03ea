/*
 * asker.h - a command worker over a store of its own, asked line by line
 */
#pragma once

#include <semaphore.h>

#include "command/command.h"
#include "ledger/durable.h"
#include "ledger/ledger.h"
#include "store/kit.h"

struct asker {
	struct kit *kit;
	struct ledger *ledger;
	struct store_ledger durable;
	struct command_worker *worker;
	struct command_options options; /* for the next asker_restart() */
	sem_t woken;
	struct buffer reply;
	struct command_client client;
};

enum { ASKER_REQUEST_BYTES_MAX = 4096, ASKER_RESPONSE_BYTES_MAX = 8192 };

/* cmocka's setup and teardown; *state is the asker. */
int asker_setup(void **state);
int asker_setup_log(void **state); /* with a log, as kit_setup_log() */
int asker_teardown(void **state);

/* Ends the worker and makes one with the options as they are now. */
void asker_restart(struct asker *asker);

/* The same with a store opened anew, whose log chooses the size of its writers' buffers. */
void asker_reopen(struct asker *asker, uint32_t writers_max, uint64_t segment_bytes);

/* The reply to one line in a batch of its own, NUL-terminated, with its CR LF. Waits for what is pending. Valid until the
 * next call. */
const char *asker_ask(struct asker *asker, const char *line);
const char *asker_ask_bytes(struct asker *asker, const char *line, size_t bytes);

/* Asks and compares; `response` is what stands behind "response": in the reply. */
void asker_expect(struct asker *asker, const char *line, bool success, const char *response);

/* Pushes one line of the batch that has begun; returns its index. */
int asker_push(struct asker *asker, const char *line, uint64_t ticket);

/* Runs it, and compares: `response` as above, one that is a text stands for a failure. Returns what the reply depends on. */
uint64_t asker_expect_run(struct asker *asker, int index, const char *response);

/* The same in the envelope of v2: `members` stand between {"v":2, and }. */
void asker_expect_v2(struct asker *asker, const char *members, const char *response);
void asker_expect_v2_error(struct asker *asker, const char *members, const char *code, const char *text);

/* Waits for the next reply of a pending request. */
uint64_t asker_wait(struct asker *asker, struct buffer *ret_reply);

/* Waits until the log has released replies that depend on this epoch. */
void asker_wait_released(struct asker *asker, uint64_t epoch);

/* A job that keeps a thread of the store until it is let go. */
struct blocker {
	struct job job; /* first */
	sem_t entered;
	sem_t let_go;
	sem_t left;
};
void asker_block_maintenance(struct asker *asker, struct blocker *blocker);
void asker_unblock(struct blocker *blocker);
