/*
 * fake_wal.h - the log of the fake command layer, moved by the test
 *
 * Lines beside those of fake_command.h, as long as the log is open:
 *   put E …     a write: its reply, `pong <line>`, depends on epoch E; `+` is one of the two next ones, and the reply ends
 *               with ` @<epoch>` then
 *   bigput E N  the same with a reply of N bytes 'x'
 *   until E     keeps the worker until E is released or the log has failed
 *   job E       goes pending; replies `pong job` after fake_command_release(), depending on E
 *   room E …    a write that needs room: COMMAND_LATER until E is released if there is none, else `pong room <n>`, the n-th
 *               of all; `pong refused` when the log has failed
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Before the server starts: released is 0 and nothing moves it but the test. Close: after it has stopped. */
void fake_wal_open(void);
void fake_wal_close(void);

/* Moves what is released, and wakes who waits for it. */
void fake_wal_release(uint64_t epoch);
uint64_t fake_wal_released(void);

/* From now on whatever is waited for is released soon after. */
void fake_wal_release_when_asked(void);

void fake_wal_fail(void);

/* So many more lines find room; at first there is no bound. */
void fake_wal_room(uint32_t lines);

/* Lines put off, and calls of command_wait(). */
uint64_t fake_wal_laters(void);
uint64_t fake_wal_waits(void);

/* What stands for a reply that is not known. */
#define FAKE_UNKNOWN "nobody knows what has become of this one\r\n"

/* ---- for fake_command.c ---- */

struct buffer;
struct command_options;
struct command_worker;

void fake_wal_attach(struct command_worker *worker, const struct command_options *options);
void fake_wal_detach(struct command_worker *worker);

/* Does what was asked for: now and then, any thread. */
void fake_wal_tick(void);

void fake_wal_until(uint64_t epoch);

/* Runs a line: its enum command_status, or -1 if it is none of the log's. A job is pending: with *ret_hold. */
int fake_wal_run(struct command_worker *worker, const char *line, size_t bytes, struct buffer *out, uint64_t *ret_hold);
