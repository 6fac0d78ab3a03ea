/* Thousands of connections: cheap while idle, all served when they speak at once, none left behind, also without descriptors. */
#include "client.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/io.h"

enum { CLIENTS_MAX = 9000, IDLE_BYTES_MAX = 2048 };

static int clients[CLIENTS_MAX];

/* As many as this process may have sockets for. */
static uint32_t
clients_possible(void)
{
	uint32_t descriptors = client_descriptors_raise();

	return descriptors > CLIENTS_MAX + 100 ? CLIENTS_MAX : descriptors - 100;
}

static void
connect_all(uint16_t port, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		clients[i] = client_connect(port);
		client_write_text(clients[i], "hello\n");
		client_expect(clients[i], "pong hello\r\n");
	}
}

static void
close_all(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		(void)close(clients[i]);
}

struct expected {
	pid_t pid;
	int below;
	unsigned descriptors;
};

static struct expected
expect_descriptors(pid_t pid, int below)
{
	return (struct expected){ .pid = pid, .below = below, .descriptors = client_descriptors(pid, below) };
}

static bool
has_descriptors(const void *context)
{
	const struct expected *expected = context;

	return client_descriptors(expected->pid, expected->below) == expected->descriptors;
}

static void
idle_connections_are_cheap(void **state)
{
	const struct server_options options = client_server_options();
	struct client_server_process process;
	uint32_t count = clients_possible();

	(void)state;
	client_server_fork(&options, 0, &process);
	const struct expected expected = expect_descriptors(process.pid, INT_MAX);

	/* The first ones touch what is there once: code, rings, receive buffers. */
	connect_all(process.port, 600);
	close_all(600);
	assert_true(client_wait_until(has_descriptors, &expected));
	size_t before = client_resident_bytes(process.pid);

	connect_all(process.port, count);
	size_t after = client_resident_bytes(process.pid);
	size_t each = after > before ? (after - before) / count : 0;

	print_message("%u idle connections, %zu bytes each\n", count, each);
#ifndef KARMA_SANITIZED
	assert_true(each <= IDLE_BYTES_MAX);
#endif
	/* They are all still served. */
	for (uint32_t i = 0; i < count; i += 97) {
		client_write_text(clients[i], "again\n");
		client_expect(clients[i], "pong again\r\n");
	}
	close_all(count);
	assert_true(client_wait_until(has_descriptors, &expected));
	client_server_end(&process);
}

/*
 * While the worker naps all others send: more than there are receive buffers and places for completions. So receives
 * end for lack of buffers, and completions come by way of the kernel's overflow list.
 */
static void
all_may_speak_at_once(void **state)
{
	struct server_options options = client_server_options();
	struct client_server_process process;
	uint32_t count = clients_possible();
	char text[600];

	(void)state;
	options.workers = 1;
	client_server_fork(&options, 0, &process);
	connect_all(process.port, count);
	memset(text, 'x', sizeof(text));
	text[3] = '\n';
	for (int round = 0; round < 3; round++) {
		client_write_text(clients[0], "nap\n");
		for (uint32_t i = 1; i < count; i++)
			client_write(clients[i], text, sizeof(text)); /* a line and a half */
		client_expect(clients[0], "pong nap\r\n");
		client_write_text(clients[0], "nap\n");
		for (uint32_t i = 1; i < count; i++)
			client_write_text(clients[i], "\ntwo\n");
		client_expect(clients[0], "pong nap\r\n");
		for (uint32_t i = 1; i < count; i++) {
			char got[1024];

			client_expect(clients[i], "pong xxx\r\npong xxxx");
			assert_int_equal(client_read(clients[i], got, sizeof(text) - 8), sizeof(text) - 8);
			client_expect(clients[i], "\r\npong two\r\n");
		}
	}
	close_all(count);
	client_server_end(&process);
}

/* While the worker naps a few others send more than all receive buffers hold. */
static void
all_may_send_more_than_there_are_buffers(void **state)
{
	enum { SENDERS = 60, LINES = 3000, LINE_BYTES = 100 };
	struct server_options options = client_server_options();
	struct client_server_process process;
	char *lines = malloc((size_t)LINES * LINE_BYTES);
	char got[LINE_BYTES + 6];

	(void)state;
	memset(lines, 'x', (size_t)LINES * LINE_BYTES);
	for (size_t i = 1; i <= LINES; i++)
		lines[i * LINE_BYTES - 1] = '\n';
	options.workers = 1;
	client_server_fork(&options, 0, &process);
	connect_all(process.port, SENDERS);
	client_write_text(clients[0], "nap\n");
	for (int i = 1; i < SENDERS; i++)
		client_write(clients[i], lines, (size_t)LINES * LINE_BYTES);
	client_expect(clients[0], "pong nap\r\n");
	for (int i = 1; i < SENDERS; i++) {
		for (int j = 0; j < LINES; j++) {
			assert_int_equal(client_read(clients[i], got, sizeof(got)), sizeof(got));
			assert_memory_equal(got, "pong xxxx", 9);
			assert_memory_equal(got + sizeof(got) - 3, "x\r\n", 3);
		}
	}
	close_all(SENDERS);
	client_server_end(&process);
	free(lines);
}

static void
connections_that_come_and_go_leave_nothing(void **state)
{
	const struct server_options options = client_server_options();
	struct client_server_process process;

	(void)state;
	client_server_fork(&options, 0, &process);
	const struct expected expected = expect_descriptors(process.pid, INT_MAX);

	for (int i = 0; i < 3000; i++) {
		int fd = client_connect(process.port);

		if (i % 4 > 0)
			client_write_text(fd, i % 4 == 1 ? "half a li" : "whole\nslow\nbehind\n");
		if (i % 4 == 3)
			client_expect(fd, "pong whole\r\n");
		if (i % 3 == 0)
			client_reset(fd);
		else
			(void)close(fd);
	}
	assert_true(client_wait_until(has_descriptors, &expected));
	client_server_end(&process);
}

static bool
is_served(const void *context)
{
	int fd = *(const int *)context;
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1;
}

static void
accepting_goes_on_when_descriptors_are_free_again(void **state)
{
	enum { DESCRIPTORS = 60, CLIENTS = 100 };
	const struct server_options options = client_server_options();
	struct client_server_process process;

	(void)state;
	client_server_fork(&options, DESCRIPTORS, &process);
	const struct expected expected = expect_descriptors(process.pid, DESCRIPTORS);
	const struct expected full = { .pid = process.pid, .below = DESCRIPTORS, .descriptors = DESCRIPTORS };
	const uint32_t served = DESCRIPTORS - expected.descriptors;

	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = client_connect(process.port); /* the kernel says yes, up to the backlog */
		client_write_text(clients[i], "hello\n");
	}
	assert_true(client_wait_until(has_descriptors, &full));
	for (uint32_t i = 0; i < served; i++)
		client_expect(clients[i], "pong hello\r\n");
	assert_false(is_served(&clients[served]));
	/* No busy loop meanwhile: that would burn all of a second. */
	uint64_t before_ms = client_processor_ms(process.pid);

	(void)nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
	assert_true(client_processor_ms(process.pid) - before_ms < 500);
	/* The ones that are in go on being served. */
	client_write_text(clients[0], "again\n");
	client_expect(clients[0], "pong again\r\n");
	/* Each that leaves lets one in. */
	for (uint32_t i = 0; served + i < CLIENTS; i++) {
		(void)close(clients[i]);
		assert_true(client_wait_until(is_served, &clients[served + i]));
		client_expect(clients[served + i], "pong hello\r\n");
	}
	for (uint32_t i = CLIENTS - served; i < CLIENTS; i++)
		(void)close(clients[i]);
	assert_true(client_wait_until(has_descriptors, &expected));
	client_server_end(&process);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_connections_are_cheap),
		cmocka_unit_test(all_may_speak_at_once),
		cmocka_unit_test(all_may_send_more_than_there_are_buffers),
		cmocka_unit_test(connections_that_come_and_go_leave_nothing),
		cmocka_unit_test(accepting_goes_on_when_descriptors_are_free_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
