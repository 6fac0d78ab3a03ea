/* Addresses of all kinds can be bound; what can not be is said in one line; sockets of the dead are replaced. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/listener.h"
#include "net/server.h"

static char directory[] = "/tmp/karma-listener-XXXXXX";
static char path[128];

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/socket", directory);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return rmdir(directory);
}

static void
expect_reachable(int family, uint16_t port)
{
	struct sockaddr_in inet = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 inet6 = { .sin6_family = AF_INET6,
		                      .sin6_port = htons(port),
		                      .sin6_addr = in6addr_loopback };
	int fd = socket(family, SOCK_STREAM, 0);

	inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (family == AF_INET)
		assert_int_equal(connect(fd, (struct sockaddr *)&inet, sizeof(inet)), 0);
	else
		assert_int_equal(connect(fd, (struct sockaddr *)&inet6, sizeof(inet6)), 0);
	(void)close(fd);
}

static void
binds_addresses_and_names(void **state)
{
	const char *hosts[] = { "127.0.0.1", "0.0.0.0", "localhost" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct server_fault fault = { "" };
		struct listener listener;
		uint16_t port = 0;

		if (listener_open_tcp(hosts[i], &port, true, &listener, &fault) < 0)
			fail_msg("%s", fault.text);
		assert_int_not_equal(port, 0);
		if (i < 2)
			expect_reachable(AF_INET, port);
		listener_close(&listener);
	}
}

static void
binds_ipv6_for_both_families(void **state)
{
	struct server_fault fault = { "" };
	struct listener listener;
	uint16_t port = 0;

	(void)state;
	if (access("/proc/net/if_inet6", F_OK) != 0)
		skip();
	assert_int_equal(listener_open_tcp("::", &port, true, &listener, &fault), 0);
	expect_reachable(AF_INET, port);
	expect_reachable(AF_INET6, port);
	listener_close(&listener);
}

static void
says_what_can_not_be_bound(void **state)
{
	struct server_fault fault = { "" };
	struct listener first;
	struct listener second;
	char expected[200];
	uint16_t port = 0;

	(void)state;
	assert_int_equal(listener_open_tcp("127.0.0.1", &port, true, &first, &fault), 0);
	assert_int_equal(listener_open_tcp("127.0.0.1", &port, true, &second, &fault), -1);
	(void)snprintf(expected, sizeof(expected),
	               "Cannot listen on 127.0.0.1:%u: Address already in use (is another server running?)", port);
	assert_string_equal(fault.text, expected);
	port = 8080;
	assert_int_equal(listener_open_tcp("192.0.2.1", &port, true, &second, &fault), -1);
	assert_non_null(strstr(fault.text, "192.0.2.1:8080: Cannot assign requested address"));
	assert_int_equal(listener_open_tcp("2001:db8::1", &port, true, &second, &fault), -1);
	assert_non_null(strstr(fault.text, "[2001:db8::1]:8080: "));
	assert_int_equal(listener_open_tcp("no.such.name.invalid", &port, true, &second, &fault), -1);
	assert_non_null(strstr(fault.text, "Cannot listen on no.such.name.invalid:8080: "));
	listener_close(&first);
}

static void
hands_options_down_to_accepted_sockets(void **state)
{
	(void)state;
	for (int nodelay = 0; nodelay <= 1; nodelay++) {
		struct server_fault fault = { "" };
		struct listener listener;
		uint16_t port = 0;
		int value = -1;
		socklen_t bytes = sizeof(value);

		assert_int_equal(listener_open_tcp("127.0.0.1", &port, nodelay != 0, &listener, &fault), 0);
		expect_reachable(AF_INET, port);
		int fd = accept(listener.fd, NULL, NULL);

		assert_true(fd >= 0);
		assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &bytes), 0);
		assert_int_equal(value != 0, nodelay);
		assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &bytes), 0);
		assert_int_not_equal(value, 0);
		(void)close(fd);
		listener_close(&listener);
	}
}

static void
replaces_a_dead_unix_socket_but_no_live_one(void **state)
{
	struct server_fault fault = { "" };
	struct listener first;
	struct listener second;
	struct stat status;

	(void)state;
	assert_int_equal(listener_open_unix(path, 0640, &first, &fault), 0);
	assert_int_equal(lstat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_int_equal(listener_open_unix(path, 0640, &second, &fault), -1);
	assert_non_null(strstr(fault.text, "Address already in use (is another server running?)"));
	(void)close(first.fd); /* as by a crash: the file stays */
	first.fd = -1;
	assert_int_equal(listener_open_unix(path, 0600, &second, &fault), 0);
	listener_close(&first); /* must not remove what has become another's */
	assert_int_equal(lstat(path, &status), 0);
	listener_close(&second);
	assert_int_equal(lstat(path, &status), -1);
}

static void
leaves_other_files_alone(void **state)
{
	struct server_fault fault = { "" };
	struct listener listener;
	char too_long[300];
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	(void)state;
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(listener_open_unix(path, 0600, &listener, &fault), -1);
	assert_non_null(strstr(fault.text, "is no socket"));
	assert_int_equal(unlink(path), 0);
	memset(too_long, 'x', sizeof(too_long));
	too_long[sizeof(too_long) - 1] = '\0';
	assert_int_equal(listener_open_unix(too_long, 0600, &listener, &fault), -1);
	assert_int_equal(listener_open_unix("/nonexistent/socket", 0600, &listener, &fault), -1);
	assert_non_null(strstr(fault.text, "No such file"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(binds_addresses_and_names),
		cmocka_unit_test(binds_ipv6_for_both_families),
		cmocka_unit_test(says_what_can_not_be_bound),
		cmocka_unit_test(hands_options_down_to_accepted_sockets),
		cmocka_unit_test(replaces_a_dead_unix_socket_but_no_live_one),
		cmocka_unit_test(leaves_other_files_alone),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
