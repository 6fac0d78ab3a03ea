/*
 * client.h - a server to talk to, and clients that talk, for tests
 *
 * Whatever is waited for has a deadline of CLIENT_DEADLINE_S; a test that passes it fails. Nothing else depends on time.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>

#include "net/server.h"

enum { CLIENT_DEADLINE_S = 60 };

/* On 127.0.0.1 and a free port, two workers, limits like the program's defaults. */
struct server_options client_server_options(void);
struct server *client_server_start(const struct server_options *options);

/* Stops it and expects that everything was answered. */
void client_server_stop(struct server *server);

/*
 * The same in a process of its own, whose descriptor limit (soft and hard) is set first if not 0. Only while this process
 * has one thread.
 */
struct client_server_process {
	pid_t pid;
	int control;
	uint16_t port;
};

void client_server_fork(const struct server_options *options, uint32_t descriptors_max,
                        struct client_server_process *ret);
void client_server_end(struct client_server_process *process);

int client_connect(uint16_t port);

/* With a receive buffer as small as the kernel lets it be. */
int client_connect_narrow(uint16_t port);

void client_write(int fd, const char *data, size_t bytes);
#define client_write_text(fd, text) client_write(fd, text, strlen(text))

/* Reads until `bytes` have come; fewer if the server closes. Returns how many. */
size_t client_read(int fd, char *data, size_t bytes);

/* Reads exactly this text. */
void client_expect(int fd, const char *text);

/* Reads the end: the server has closed, and sent nothing more. */
void client_expect_end(int fd);

/* Waits until a condition becomes true. */
bool client_wait_until(bool (*condition)(const void *context), const void *context);

/* Has the connection reset when it is closed, as by a client that died. */
void client_reset(int fd);

/* Open descriptors of a process with numbers below that. */
unsigned client_descriptors(pid_t pid, int below);

/* Resident bytes of a process. */
size_t client_resident_bytes(pid_t pid);

/* Processor time that it has used. */
uint64_t client_processor_ms(pid_t pid);

/* As many descriptors as this process may have. Returns how many that are. */
uint32_t client_descriptors_raise(void);
