/*
 * server.h - the front end: listeners, worker threads, connections
 *
 * Nothing outside net/ knows io_uring.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct engine;
struct ledger;
struct store;
struct server;

struct server_options {
	struct engine *engine;
	struct store *store;
	struct ledger *ledger;   /* NULL: idempotency keys are refused */
	const char *bind;        /* address or name, IPv4 or IPv6 */
	uint16_t port;           /* 0: a free one */
	const char *unix_socket; /* path, or NULL */
	mode_t unix_socket_mode;
	bool nodelay;
	uint32_t workers;
	const int *cpus; /* one per worker to pin it to, or NULL */
	size_t request_bytes_max;
	size_t response_bytes_max;
	const char *auth_token;      /* borrowed; NULL: none */
	const char *read_auth_token; /* the same */
	uint32_t clients_max;
	uint32_t idle_timeout_s;   /* 0: none */
	uint32_t write_timeout_s;  /* 0: none */
	uint32_t query_timeout_ms; /* 0: none */
};

struct server_fault {
	char text[512]; /* one line for people: what failed and what to do */
};

/* Binds, makes the rings, starts the worker threads and accepts. 0, or -1 with *ret_fault written. */
int server_start(const struct server_options *options, struct server **ret_server, struct server_fault *ret_fault);

/* The TCP port in use. */
uint16_t server_port(const struct server *server);

/*
 * Stops accepting and reading, answers what was read, sends it, for at most timeout_s seconds; then cuts what is left,
 * ends the threads and frees the server. Returns true if everything was answered and sent in time.
 */
bool server_stop(struct server *server, uint32_t timeout_s);
