/* Nothing that a client does makes the server keep more than it should; each limit gives a clear answer. */
#include "client.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_command.h"
#include "fake_log.h"
#include "net/net_limits.h"
#include "net/server_internal.h"
#include "net/worker.h"

static struct server *server;

static void
start(const struct server_options *options)
{
	fake_log_clear();
	server = client_server_start(options);
}

static uint64_t
received_bytes(void)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < server->options.workers; i++)
		bytes += atomic_load(&server->workers[i]->counters.received_bytes);
	return bytes;
}

static uint64_t
sent_bytes(void)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < server->options.workers; i++)
		bytes += atomic_load(&server->workers[i]->counters.sent_bytes);
	return bytes;
}

/* Waits until a number has grown, and stopped growing. */
static uint64_t
at_rest(uint64_t (*number)(void), uint64_t start)
{
	const struct timespec pause = { .tv_nsec = 300 * 1000 * 1000 };
	uint64_t before = start;
	uint64_t now = number();

	while (now == start || now != before) {
		before = now;
		(void)nanosleep(&pause, NULL);
		now = number();
	}
	return now;
}

static bool
no_clients(const void *context)
{
	(void)context;
	return atomic_load(&server->clients) == 0;
}

/* ---- long lines -------------------------------------------------------------------------------------------------- */

static void
write_line(int fd, size_t bytes)
{
	char *line = malloc(bytes + 1);

	memset(line, 'x', bytes);
	line[bytes] = '\n';
	client_write(fd, line, bytes + 1);
	free(line);
}

static void
expect_pong(int fd, size_t bytes)
{
	char *got = malloc(bytes + 7);

	assert_int_equal(client_read(fd, got, bytes + 7), bytes + 7);
	assert_memory_equal(got, "pong xx", 7);
	assert_memory_equal(got + 5 + bytes, "\r\n", 2);
	free(got);
}

static void
a_line_may_be_as_long_as_allowed(void **state)
{
	const size_t bounds[] = { 128, 1000, IO_BUFFER_BYTES - 1, IO_BUFFER_BYTES, 64 * 1024, 1024 * 1024 };

	(void)state;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		struct server_options options = client_server_options();

		options.request_bytes_max = bounds[i];
		start(&options);
		int fd = client_connect(server_port(server));

		write_line(fd, bounds[i]);
		expect_pong(fd, bounds[i]);
		client_write_text(fd, "ok\n");
		write_line(fd, bounds[i] + 1);
		client_write_text(fd, "never run\n");
		client_expect(fd, "pong ok\r\ntoo large\r\n");
		client_expect_end(fd);
		(void)close(fd);
		assert_true(client_wait_until(no_clients, NULL));
		assert_int_equal(fake_log_count("client dropped", "request too long 127.0.0.1:"), 1);
		client_server_stop(server);
	}
}

/* The client is still writing when the answer goes out: it must not be lost by a reset. */
static void
a_line_without_end_is_answered_too(void **state)
{
	struct server_options options = client_server_options();
	char *endless = malloc(CONN_LINGER_BYTES_MAX / 2);

	(void)state;
	memset(endless, 'x', CONN_LINGER_BYTES_MAX / 2);
	start(&options);
	for (int i = 0; i < 5; i++) {
		int fd = client_connect(server_port(server));

		client_write(fd, endless, CONN_LINGER_BYTES_MAX / 2);
		client_expect(fd, "too large\r\n");
		client_expect_end(fd);
		(void)close(fd);
	}
	assert_true(client_wait_until(no_clients, NULL));
	client_server_stop(server);
	free(endless);
}

/* It has had its answer: it is not waited for much longer. */
static void
who_stays_after_the_end_is_let_go(void **state)
{
	struct server_options options = client_server_options();

	(void)state;
	options.request_bytes_max = 128;
	start(&options);
	int fd = client_connect(server_port(server));

	write_line(fd, 129);
	client_expect(fd, "too large\r\n");
	client_expect_end(fd);
	assert_true(client_wait_until(no_clients, NULL));
	(void)close(fd);
	client_server_stop(server);
}

static void *
write_for_ever(void *argument)
{
	int fd = *(const int *)argument;
	static char block[64 * 1024];

	while (send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

static void
who_never_ends_a_line_is_cut_off(void **state)
{
	struct server_options options = client_server_options();
	pthread_t writer;

	(void)state;
	start(&options);
	int fd = client_connect(server_port(server));

	assert_int_equal(pthread_create(&writer, NULL, write_for_ever, &fd), 0);
	(void)pthread_join(writer, NULL);
	assert_true(client_wait_until(no_clients, NULL));
	(void)close(fd);
	client_server_stop(server);
}

/* ---- slow readers ------------------------------------------------------------------------------------------------ */

enum { BIG_BYTES = 100 * 1000, BIG_COUNT = 600 };

static void
a_client_that_does_not_read_is_paused_and_goes_on(void **state)
{
	struct server_options options = client_server_options();
	char *big = malloc(BIG_BYTES + 2);

	(void)state;
	options.write_timeout_s = 0;
	start(&options);
	int slow = client_connect_narrow(server_port(server));
	int other = client_connect(server_port(server));
	uint64_t runs_before = fake_command_runs();

	for (int i = 0; i < BIG_COUNT; i++)
		client_write_text(slow, "big 100000\n");
	client_write_text(slow, "end\n");
	uint64_t runs = at_rest(fake_command_runs, runs_before) - runs_before;

	/* What it may have unread, and what the kernel keeps for it (tcp_wmem). */
	assert_true(runs * BIG_BYTES < CONN_UNSENT_BYTES_MAX + BIG_BYTES + 16 * 1024 * 1024);
	for (int i = 0; i < 20; i++) {
		client_write_text(other, "x\n");
		client_expect(other, "pong x\r\n");
	}
	for (int i = 0; i < BIG_COUNT; i++)
		assert_int_equal(client_read(slow, big, BIG_BYTES + 2), BIG_BYTES + 2);
	client_expect(slow, "pong end\r\n");
	(void)close(slow);
	(void)close(other);
	free(big);
	client_server_stop(server);
}

static bool
is_dropped(const void *context)
{
	return fake_log_count("client dropped", context) > 0;
}

static void
a_client_that_takes_nothing_is_dropped(void **state)
{
	struct server_options options = client_server_options();
	char byte;

	(void)state;
	options.write_timeout_s = 1;
	start(&options);
	int slow = client_connect_narrow(server_port(server));
	int other = client_connect(server_port(server));

	client_write_text(slow, "big 60000000\nnever run\n");
	assert_true(client_wait_until(is_dropped, "write timeout 127.0.0.1:"));
	client_write_text(other, "x\n");
	client_expect(other, "pong x\r\n");
	(void)close(other);
	assert_true(client_wait_until(no_clients, NULL));
	while (recv(slow, &byte, 1, 0) > 0)
		;
	assert_int_equal(errno, ECONNRESET);
	(void)close(slow);
	client_server_stop(server);
}

static void
an_idle_client_is_dropped_if_so_wished(void **state)
{
	struct server_options options = client_server_options();

	(void)state;
	options.idle_timeout_s = 1;
	start(&options);
	int silent = client_connect(server_port(server));
	int waiting = client_connect(server_port(server));

	client_write_text(silent, "x\nhalf a li");
	client_write_text(waiting, "hold\n");
	client_expect(silent, "pong x\r\n");
	client_expect_end(silent);
	assert_int_equal(fake_log_count("client dropped", "idle timeout 127.0.0.1:"), 1);
	/* Who waits for us is not idle. */
	fake_command_release();
	client_expect(waiting, "pong hold\r\n");
	client_expect_end(waiting);
	(void)close(silent);
	(void)close(waiting);
	client_server_stop(server);
}

/* ---- input ------------------------------------------------------------------------------------------------------- */

enum { HELD_LINES = 400 * 1000 };

static void *
write_lines(void *argument)
{
	int fd = *(const int *)argument;
	enum { BLOCK_LINES = 1000, LINE_BYTES = 64 };
	char *block = malloc(BLOCK_LINES * LINE_BYTES);

	memset(block, 'x', BLOCK_LINES * LINE_BYTES);
	for (int i = 1; i <= BLOCK_LINES; i++)
		block[i * LINE_BYTES - 1] = '\n';
	for (int i = 0; i < HELD_LINES; i += BLOCK_LINES)
		client_write(fd, block, BLOCK_LINES * LINE_BYTES);
	free(block);
	return NULL;
}

static void
input_behind_a_pending_reply_is_bounded(void **state)
{
	struct server_options options = client_server_options();
	pthread_t writer;

	(void)state;
	start(&options);
	int fd = client_connect(server_port(server));

	client_write_text(fd, "hold\n");
	assert_int_equal(pthread_create(&writer, NULL, write_lines, &fd), 0);
	/* 25 MB are on their way: the kernel may keep its share, we keep ours. */
	assert_true(at_rest(received_bytes, 0) <= CONN_INPUT_BYTES_MAX + (uint64_t)IO_BUFFERS * IO_BUFFER_BYTES);
	fake_command_release();
	client_expect(fd, "pong hold\r\n");
	for (int i = 0; i < HELD_LINES; i++) {
		char got[70];

		assert_int_equal(client_read(fd, got, 70), 70);
		assert_memory_equal(got, "pong xxxxxxxxxx", 15);
		assert_memory_equal(got + 67, "x\r\n", 3);
	}
	(void)pthread_join(writer, NULL);
	(void)close(fd);
	client_server_stop(server);
}

/* ---- clients ----------------------------------------------------------------------------------------------------- */

static bool
is_admitted(const void *context)
{
	const uint16_t *port = context;
	char first = 0;
	int fd = client_connect(*port);

	client_write_text(fd, "x\n");
	assert_int_equal(client_read(fd, &first, 1), 1);
	(void)close(fd);
	return first == 'p';
}

static void
clients_above_the_limit_are_told_so(void **state)
{
	struct server_options options = client_server_options();
	int fds[3];

	(void)state;
	options.clients_max = 3;
	start(&options);
	uint16_t port = server_port(server);

	for (int i = 0; i < 3; i++) {
		fds[i] = client_connect(port);
		client_write_text(fds[i], "x\n");
		client_expect(fds[i], "pong x\r\n");
	}
	for (int i = 0; i < 10; i++) {
		int fd = client_connect(port);

		client_write_text(fd, "not read\n");
		client_expect(fd, "too many clients\r\n");
		client_expect_end(fd);
		(void)close(fd);
	}
	assert_int_equal(fake_log_count("too many clients", NULL), 1);
	client_write_text(fds[1], "still served\n");
	client_expect(fds[1], "pong still served\r\n");
	(void)close(fds[0]);
	assert_true(client_wait_until(is_admitted, &port));
	(void)close(fds[1]);
	(void)close(fds[2]);
	client_server_stop(server);
}

/* ---- stopping ---------------------------------------------------------------------------------------------------- */

static _Atomic(bool) stopped_clean;

static void *
stop_server(void *argument)
{
	const uint32_t *timeout_s = argument;

	atomic_store(&stopped_clean, server_stop(server, *timeout_s));
	return NULL;
}

static void
stop_answers_what_was_read(void **state)
{
	struct server_options options = client_server_options();
	uint32_t timeout_s = CLIENT_DEADLINE_S;
	char text[1100];
	static char big[1000000];
	pthread_t stopper;

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		text[i] = i % 2 == 0 ? 'x' : '\n';
	text[1000] = '\0';
	start(&options);
	int fd = client_connect(server_port(server));
	int idle = client_connect(server_port(server));

	/* One piece, read as one. */
	(void)snprintf(text + 1000, sizeof(text) - 1000, "hold\nbig 1000000\nlast\nno end");
	client_write(fd, text, strlen(text));
	for (int i = 0; i < 500; i++)
		client_expect(fd, "pong x\r\n");
	assert_int_equal(pthread_create(&stopper, NULL, stop_server, &timeout_s), 0);
	client_expect_end(idle);
	fake_command_release();
	client_expect(fd, "pong hold\r\n");
	assert_int_equal(client_read(fd, big, 1000000), 1000000);
	client_expect(fd, "\r\npong last\r\n");
	client_expect_end(fd);
	(void)pthread_join(stopper, NULL);
	assert_true(atomic_load(&stopped_clean));
	(void)close(fd);
	(void)close(idle);
}

static void
stop_waits_no_longer_than_told(void **state)
{
	struct server_options options = client_server_options();
	uint32_t abandoned = fake_command_abandoned();

	(void)state;
	start(&options);
	int slow = client_connect_narrow(server_port(server));
	int pending = client_connect(server_port(server));

	client_write_text(slow, "big 60000000\n");
	client_write_text(pending, "hold\n");
	(void)at_rest(sent_bytes, 0);
	assert_false(server_stop(server, 1));
	assert_int_equal(fake_command_abandoned() - abandoned, 1);
	(void)close(slow);
	(void)close(pending);
}

static void
stop_loses_no_reply_to_a_client_that_goes_on_writing(void **state)
{
	struct server_options options = client_server_options();
	pthread_t stopper;
	uint32_t timeout_s = CLIENT_DEADLINE_S;

	(void)state;
	start(&options);
	int fd = client_connect(server_port(server));

	client_write_text(fd, "a\nhold\n");
	client_expect(fd, "pong a\r\n");
	assert_int_equal(pthread_create(&stopper, NULL, stop_server, &timeout_s), 0);
	for (int i = 0; i < 100; i++)
		client_write_text(fd, "x\n");
	fake_command_release();
	client_expect(fd, "pong hold\r\n");
	(void)close(fd);
	(void)pthread_join(stopper, NULL);
	assert_true(atomic_load(&stopped_clean));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_may_be_as_long_as_allowed),
		cmocka_unit_test(a_line_without_end_is_answered_too),
		cmocka_unit_test(who_stays_after_the_end_is_let_go),
		cmocka_unit_test(who_never_ends_a_line_is_cut_off),
		cmocka_unit_test(a_client_that_does_not_read_is_paused_and_goes_on),
		cmocka_unit_test(a_client_that_takes_nothing_is_dropped),
		cmocka_unit_test(an_idle_client_is_dropped_if_so_wished),
		cmocka_unit_test(input_behind_a_pending_reply_is_bounded),
		cmocka_unit_test(clients_above_the_limit_are_told_so),
		cmocka_unit_test(stop_answers_what_was_read),
		cmocka_unit_test(stop_waits_no_longer_than_told),
		cmocka_unit_test(stop_loses_no_reply_to_a_client_that_goes_on_writing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
