/*
 * load_exchange.h - what a thread of karma-load says to the server, and what it makes of the answers
 *
 * Functions that return bool return false when the thread can not go on; the result tells why. All belong to the
 * thread's own loop.
 */
#pragma once

#include "load/load_thread.h"

enum { EXCHANGE_INPUT_BYTES = 64 << 10 };

/* Notes the first failure. Always false, to be returned. */
bool exchange_fail(struct load_thread *thread, const char *failure, int error);

/* Closed loop: brings the connection to as many requests in flight as it may have, and sends. */
bool exchange_fill(struct load_thread *thread, struct load_conn *conn, uint64_t now_ns);

/* Paced: begins every request that is due, as far as connections have room, and sends. */
bool exchange_send_due(struct load_thread *thread, uint64_t now_ns);

/* Paced: when the next request is due, and how many are in the whole run. */
uint64_t exchange_next_due_ns(const struct load_thread *thread);
uint64_t exchange_due_count(const struct load_thread *thread);

/* A request due then would not belong to the run any more. */
bool exchange_is_over(const struct load_thread *thread, uint64_t due_ns);

/* Goes on sending what the socket did not take. */
bool exchange_flush(struct load_thread *thread, struct load_conn *conn);

/* Reads and judges all replies that are there; to_the_end: until the end of the stream, which is a failure. input is
 * scratch of EXCHANGE_INPUT_BYTES. */
bool exchange_receive(struct load_thread *thread, struct load_conn *conn, char *input, bool to_the_end);
