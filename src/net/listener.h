/*
 * listener.h - listening sockets, TCP and unix
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct server_fault;

struct listener {
	int fd;
	char *path; /* of a unix socket */
};

/*
 * Listens on an address or name. *port 0: a free one; comes back with the one in use. Returns 0, or -1 with *ret_fault
 * written.
 */
int listener_open_tcp(const char *host, uint16_t *port, bool nodelay, struct listener *ret,
                      struct server_fault *ret_fault);

/* Listens on a unix socket. A file left by a dead server is replaced, a live server's is not. As above. */
int listener_open_unix(const char *path, mode_t mode, struct listener *ret, struct server_fault *ret_fault);

/* Clients are refused from now on; an accept under way ends. Any thread. */
void listener_stop(struct listener *listener);

/* Closes; removes the file of a unix socket, unless another server has put its own there. */
void listener_close(struct listener *listener);
