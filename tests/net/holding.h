/*
 * holding.h - a server of one worker with a log that the test moves
 */
#pragma once

#include "client.h"

#include <string.h>
#include <unistd.h>

#include "fake_command.h"
#include "fake_wal.h"

/* Of the test that runs. */
extern struct server *holding_server;

/* For cmocka_unit_test_setup_teardown(). A test with options of its own calls holding_start() instead of the setup. */
int holding_setup(void **state);
int holding_teardown(void **state);
void holding_start(const struct server_options *options);

/* The server has been stopped by the test. */
void holding_stopped(void);

int holding_connect(void);

/* Writes lines and waits until as many as that have been run (all that came before included). */
void holding_run(int fd, const char *lines, unsigned count);

/* One round trip on a connection of its own: what was due to be sent before has been. */
void holding_ping(void);

/* Nothing has come, and nothing will by itself. */
void holding_expect_silence(int fd);

/* Waits until so many clients are left (the one of holding_ping() included). */
void holding_expect_clients(uint32_t count);

/* Waits until that many lines in all have been put off for want of room. */
void holding_expect_laters(uint64_t count);

/* Of the worker so far. */
uint64_t holding_rounds(void);
uint64_t holding_sent_bytes(void);
