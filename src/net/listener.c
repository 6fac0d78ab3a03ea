/*
 * listener.c - binding
 *
 * A name may stand for several addresses. The first that can be bound is taken: with port 0 a second socket could not
 * promise to get the same port, and who wants both families binds "::", which takes IPv4 clients as well here,
 * whatever net.ipv6.bindv6only says.
 *
 * A server that is killed keeps its listening sockets some milliseconds longer than its process: the kernel takes its
 * rings down, with the accepts under way, behind its end. Whoever restarts it at once must not fail for that, so an
 * address in use is tried again for a while.
 *
 * Options of accepted sockets are set on the listening one, which hands them down: no system call per connection.
 */
#include "net/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/address.h"
#include "net/fault.h"
#include "net/net_limits.h"

static const char *
hint_of(int error)
{
	switch (error) {
	case EADDRINUSE:
		return " (is another server running?)";
	case EACCES:
		return " (ports below 1024 need a privilege)";
	case EADDRNOTAVAIL:
		return " (no interface of this machine has that address)";
	default:
		return "";
	}
}

static void
option_set(int fd, int level, int name, int value)
{
	/* All of these only make things better; without them it works, too. */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

/* Returns the listening socket or a negative errno. */
static int
listen_on(const struct addrinfo *info, bool nodelay)
{
	int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC, info->ai_protocol);

	if (fd < 0)
		return -errno;
	option_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	option_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1); /* clients that vanished do not stay for ever */
	option_set(fd, IPPROTO_TCP, TCP_NODELAY, nodelay);
	if (info->ai_family == AF_INET6)
		option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, LISTEN_BACKLOG) < 0) {
		int error = errno;

		(void)close(fd);
		return -error;
	}
	return fd;
}

/* Lets a server that has just been killed give its sockets back. False: it had time enough. */
static bool
wait_for_predecessor(unsigned *tries)
{
	const struct timespec pause = { .tv_nsec = LISTEN_RETRY_MS * 1000000L };

	if (++*tries == LISTEN_TRIES)
		return false;
	(void)nanosleep(&pause, NULL);
	return true;
}

/* The first of the addresses that can be bound. Returns the listening socket or a negative errno. */
static int
listen_on_any(const struct addrinfo *found, bool nodelay)
{
	unsigned tries = 0;
	int fd;

	do {
		fd = -EADDRNOTAVAIL;
		/* An address in use ends it: another server has that name's port, its clients would find either. */
		for (const struct addrinfo *info = found; info != NULL && fd < 0 && fd != -EADDRINUSE;
		     info = info->ai_next)
			fd = listen_on(info, nodelay);
	} while (fd == -EADDRINUSE && wait_for_predecessor(&tries));
	return fd;
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_storage storage = { .ss_family = AF_UNSPEC };
	socklen_t bytes = sizeof(storage);

	(void)getsockname(fd, (struct sockaddr *)&storage, &bytes);
	return address_port((const struct sockaddr *)&storage);
}

int
listener_open_tcp(const char *host, uint16_t *port, bool nodelay, struct listener *ret, struct server_fault *ret_fault)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	const char *format = strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u";
	struct addrinfo *found = NULL;
	char service[8];
	char where[300];
	int fd;

	(void)snprintf(service, sizeof(service), "%u", *port);
	/* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral): one of the two above */
	(void)snprintf(where, sizeof(where), format, host, *port);
	int r = getaddrinfo(host, service, &hints, &found);

	if (r != 0)
		return fault_set(ret_fault, "Cannot listen on %s: %s", where,
		                 r == EAI_SYSTEM ? fault_errno(errno) : gai_strerror(r));
	fd = listen_on_any(found, nodelay);
	freeaddrinfo(found);
	if (fd < 0)
		return fault_set(ret_fault, "Cannot listen on %s: %s%s", where, fault_errno(-fd), hint_of(-fd));
	*port = port_of(fd);
	*ret = (struct listener){ .fd = fd };
	return 0;
}

/* 0 if somebody listens there, -ECONNREFUSED if nobody does, or why that cannot be told. */
static int
unix_socket_probe(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

	if (fd >= 0)
		(void)close(fd);
	return r == -EAGAIN ? 0 : r; /* too busy to answer now */
}

/* Only what nobody listens on is removed, not what we may not connect to. 0 or a negative errno. */
static int
unix_socket_remove_stale(const struct sockaddr_un *address)
{
	struct stat status;

	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	int r = unix_socket_probe(address);

	if (r != -ECONNREFUSED)
		return r == 0 ? -EADDRINUSE : r;
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

/* 0 or a negative errno. Nobody can connect before listen(), so the mode is right from the first moment that counts. */
static int
unix_socket_listen(int fd, const struct sockaddr_un *address, mode_t mode)
{
	unsigned tries = 0;
	int r;

	do {
		r = unix_socket_remove_stale(address);
	} while (r == -EADDRINUSE && wait_for_predecessor(&tries));
	if (r < 0)
		return r;
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return -errno;
	if (chmod(address->sun_path, mode) < 0 || listen(fd, LISTEN_BACKLOG) < 0) {
		r = -errno;
		(void)unlink(address->sun_path);
	}
	return r;
}

int
listener_open_unix(const char *path, mode_t mode, struct listener *ret, struct server_fault *ret_fault)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct listener listener = { .fd = -1 };
	int r;

	if (strlen(path) == 0 || strlen(path) >= sizeof(address.sun_path))
		return fault_set(ret_fault, "Cannot listen on %s: a path of 1 to %zu bytes is needed", path,
		                 sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	listener.path = mem_alloc(strlen(path) + 1);
	listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener.path == NULL || listener.fd < 0) {
		r = listener.path == NULL ? -ENOMEM : -errno;
		goto fail;
	}
	memcpy(listener.path, path, strlen(path) + 1);
	r = unix_socket_listen(listener.fd, &address, mode);
	if (r < 0)
		goto fail;
	*ret = listener;
	return 0;
fail:
	if (listener.fd >= 0)
		(void)close(listener.fd);
	mem_free(listener.path);
	return fault_set(ret_fault, "Cannot listen on %s: %s%s", path, fault_errno(-r),
	                 r == -EEXIST       ? " (and is no socket)"
	                 : r == -EADDRINUSE ? hint_of(EADDRINUSE)
	                                    : "");
}

void
listener_stop(struct listener *listener)
{
	(void)shutdown(listener->fd, SHUT_RDWR);
}

void
listener_close(struct listener *listener)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)close(listener->fd);
	if (listener->path == NULL)
		return;
	/* Ours is stale now. If somebody listens there, it has become another server's. */
	memcpy(address.sun_path, listener->path, strlen(listener->path) + 1);
	(void)unix_socket_remove_stale(&address);
	mem_free(listener->path);
}
