#include "load/load_connect.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int
connect_to(int family, const struct sockaddr *address, socklen_t address_bytes)
{
	const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int on = 1;

	if (fd < 0)
		return -errno;
	if (connect(fd, address, address_bytes) < 0 ||
	    (family != AF_UNIX && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)) {
		const int error = errno;

		(void)close(fd);
		return -error;
	}
	return fd;
}

static int
connect_to_path(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return connect_to(AF_UNIX, (const struct sockaddr *)&address, sizeof(address));
}

static int
connect_to_any(const char *host, const char *port)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *addresses;
	int fd = -EHOSTUNREACH;

	if (getaddrinfo(host, port, &hints, &addresses) != 0)
		return -EHOSTUNREACH;
	for (const struct addrinfo *address = addresses; address != NULL && fd < 0; address = address->ai_next)
		fd = connect_to(address->ai_family, address->ai_addr, address->ai_addrlen);
	freeaddrinfo(addresses);
	return fd;
}

int
load_connect(const struct load_options *options)
{
	return options->unix_socket != NULL ? connect_to_path(options->unix_socket)
	                                    : connect_to_any(options->host, options->port);
}

const char *
load_connect_describe(const struct load_options *options, char text[static LOAD_WHERE_BYTES_MAX])
{
	if (options->unix_socket != NULL)
		(void)snprintf(text, LOAD_WHERE_BYTES_MAX, "connecting to %s", options->unix_socket);
	else
		(void)snprintf(text, LOAD_WHERE_BYTES_MAX, "connecting to %s port %s", options->host, options->port);
	return text;
}
