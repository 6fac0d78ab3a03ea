#include "client.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct server_options
client_server_options(void)
{
	return (struct server_options){
		.bind = "127.0.0.1",
		.nodelay = true,
		.workers = 2,
		.request_bytes_max = 64 * 1024,
		.response_bytes_max = 64 * 1024 * 1024,
		.clients_max = 10000,
		.write_timeout_s = 60,
	};
}

struct server *
client_server_start(const struct server_options *options)
{
	struct server_fault fault = { "" };
	struct server *server = NULL;

	if (server_start(options, &server, &fault) < 0)
		fail_msg("%s", fault.text);
	assert_true(server_port(server) != 0);
	return server;
}

void
client_server_stop(struct server *server)
{
	assert_true(server_stop(server, CLIENT_DEADLINE_S));
}

static int
connect_with(uint16_t port, int receive_bytes)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	if (receive_bytes > 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail_msg("connect: %s", strerrorname_np(errno));
	return fd;
}

int
client_connect(uint16_t port)
{
	return connect_with(port, 0);
}

int
client_connect_narrow(uint16_t port)
{
	return connect_with(port, 1);
}

void
client_write(int fd, const char *data, size_t bytes)
{
	while (bytes > 0) {
		struct pollfd poller = { .fd = fd, .events = POLLOUT };

		if (poll(&poller, 1, CLIENT_DEADLINE_S * 1000) != 1)
			fail_msg("the server takes nothing");
		ssize_t sent = send(fd, data, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EAGAIN)
			continue;
		if (sent < 0)
			fail_msg("send: %s", strerrorname_np(errno));
		data += sent;
		bytes -= (size_t)sent;
	}
}

size_t
client_read(int fd, char *data, size_t bytes)
{
	size_t got = 0;

	while (got < bytes) {
		struct pollfd poller = { .fd = fd, .events = POLLIN };

		if (poll(&poller, 1, CLIENT_DEADLINE_S * 1000) != 1)
			fail_msg("the server sends nothing, after %zu bytes of %zu", got, bytes);
		ssize_t received = recv(fd, data + got, bytes - got, 0);

		if (received < 0)
			fail_msg("recv after %zu bytes: %s", got, strerrorname_np(errno));
		if (received == 0)
			break;
		got += (size_t)received;
	}
	return got;
}

void
client_expect(int fd, const char *text)
{
	char got[4096];
	size_t bytes = strlen(text);

	assert_true(bytes < sizeof(got));
	got[client_read(fd, got, bytes)] = '\0';
	assert_string_equal(got, text);
}

void
client_expect_end(int fd)
{
	char byte;

	assert_int_equal(client_read(fd, &byte, 1), 0);
}

bool
client_wait_until(bool (*condition)(const void *context), const void *context)
{
	const struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	const time_t deadline = now.tv_sec + CLIENT_DEADLINE_S;

	while (!condition(context)) {
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > deadline)
			return false;
		(void)nanosleep(&pause, NULL);
	}
	return true;
}

void
client_reset(int fd)
{
	const struct linger reset = { .l_onoff = 1 };

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	(void)close(fd);
}

unsigned
client_descriptors(pid_t pid, int below)
{
	char path[64];
	unsigned count = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *directory = opendir(path);

	assert_non_null(directory);
	const struct dirent *entry;

	while ((entry = readdir(directory)) != NULL) { /* NOLINT(concurrency-mt-unsafe): the stream is ours */
		if (entry->d_name[0] != '.' && strtol(entry->d_name, NULL, 10) < below)
			count++;
	}
	(void)closedir(directory);
	return count;
}

size_t
client_resident_bytes(pid_t pid)
{
	char path[64];
	unsigned long pages = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*u %lu", &pages), 1); /* NOLINT(cert-err34-c) */
	(void)fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

uint64_t
client_processor_ms(pid_t pid)
{
	struct timespec used;
	clockid_t clock;

	assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
	assert_int_equal(clock_gettime(clock, &used), 0);
	return (uint64_t)used.tv_sec * 1000 + (uint64_t)used.tv_nsec / 1000000;
}

uint32_t
client_descriptors_raise(void)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return limit.rlim_cur < UINT32_MAX ? (uint32_t)limit.rlim_cur : UINT32_MAX;
}

/* Serves until the other end of `control` is closed, then tells by its status whether all was answered. */
static void
server_process(const struct server_options *options, uint32_t descriptors_max, int control)
{
	const struct rlimit limit = { .rlim_cur = descriptors_max, .rlim_max = descriptors_max };
	struct server_fault fault = { "" };
	struct server *server = NULL;
	char end;

	if (descriptors_max > 0 && setrlimit(RLIMIT_NOFILE, &limit) < 0)
		_exit(3);
	if (server_start(options, &server, &fault) < 0) {
		(void)fprintf(stderr, "%s\n", fault.text);
		_exit(2);
	}
	uint16_t port = server_port(server);

	(void)write(control, &port, sizeof(port));
	while (read(control, &end, 1) < 0 && errno == EINTR)
		;
	_exit(server_stop(server, CLIENT_DEADLINE_S) ? 0 : 1);
}

void
client_server_fork(const struct server_options *options, uint32_t descriptors_max, struct client_server_process *ret)
{
	int controls[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, controls), 0);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(controls[0]);
		server_process(options, descriptors_max, controls[1]);
	}
	(void)close(controls[1]);
	*ret = (struct client_server_process){ .pid = pid, .control = controls[0] };
	assert_int_equal(client_read(controls[0], (char *)&ret->port, sizeof(ret->port)), sizeof(ret->port));
}

void
client_server_end(struct client_server_process *process)
{
	int status = -1;

	(void)shutdown(process->control, SHUT_WR);
	assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	(void)close(process->control);
}
