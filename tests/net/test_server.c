/* Requests come in any pieces and any number; replies go out whole and in order; the end of a connection loses nothing. */
#include "client.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake_command.h"
#include "net/net_limits.h"
#include "net/server_internal.h"
#include "net/worker.h"

static struct server *server;

static int
setup(void **state)
{
	const struct server_options options = client_server_options();

	(void)state;
	server = client_server_start(&options);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	client_server_stop(server);
	return 0;
}

/* One worker, so that all connections meet in its batches. */
static int
setup_one_worker(void **state)
{
	struct server_options options = client_server_options();

	(void)state;
	options.workers = 1;
	server = client_server_start(&options);
	return 0;
}

static void
answers_one_line(void **state)
{
	int fd = client_connect(server_port(server));

	(void)state;
	client_write_text(fd, "hello\r\n");
	client_expect(fd, "pong hello\r\r\n");
	client_write_text(fd, "\n");
	client_expect(fd, "pong \r\n");
	(void)close(fd);
}

/* Waits until the server has read everything so far, so that the next write is a piece of its own. */
static void
settle(int fd)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };

	(void)fd;
	(void)nanosleep(&pause, NULL);
}

static void
answers_requests_cut_at_every_byte(void **state)
{
	const char text[] = "one\ntwo three\n\nfour\n";
	int fd = client_connect(server_port(server));

	(void)state;
	for (size_t i = 1; i < sizeof(text) - 1; i++) {
		client_write(fd, text, i);
		settle(fd);
		client_write(fd, text + i, sizeof(text) - 1 - i);
		client_expect(fd, "pong one\r\npong two three\r\npong \r\npong four\r\n");
	}
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		client_write(fd, text + i, 1);
		settle(fd);
	}
	client_expect(fd, "pong one\r\npong two three\r\npong \r\npong four\r\n");
	(void)close(fd);
}

struct stream {
	int fd;
	int count;
	size_t padding;
};

/* Lines `<number> xxx…`, far more than any buffer holds. */
static void *
write_stream(void *argument)
{
	const struct stream *stream = argument;
	char *line = malloc(stream->padding + 32);

	for (int i = 0; i < stream->count; i++) {
		int bytes = snprintf(line, 32, "%d ", i);

		memset(line + bytes, 'x', stream->padding);
		line[(size_t)bytes + stream->padding] = '\n';
		client_write(stream->fd, line, (size_t)bytes + stream->padding + 1);
	}
	free(line);
	return NULL;
}

static void
expect_stream(const struct stream *stream)
{
	char *expected = malloc(stream->padding + 64);
	char *got = malloc(stream->padding + 64);

	for (int i = 0; i < stream->count; i++) {
		size_t bytes = (size_t)snprintf(expected, 64, "pong %d ", i);

		memset(expected + bytes, 'x', stream->padding);
		bytes += stream->padding;
		expected[bytes++] = '\r';
		expected[bytes++] = '\n';
		assert_int_equal(client_read(stream->fd, got, bytes), bytes);
		assert_memory_equal(got, expected, bytes);
	}
	free(expected);
	free(got);
}

static void
pipelines(int count, size_t padding)
{
	struct stream stream = { .fd = client_connect(server_port(server)), .count = count, .padding = padding };
	pthread_t writer;

	assert_int_equal(pthread_create(&writer, NULL, write_stream, &stream), 0);
	expect_stream(&stream);
	(void)pthread_join(writer, NULL);
	(void)close(stream.fd);
}

static void
answers_ten_thousand_pipelined_lines(void **state)
{
	(void)state;
	pipelines(10000, 0);
	pipelines(10000, 60);
}

static void
answers_lines_spread_over_buffers(void **state)
{
	(void)state;
	pipelines(300, IO_BUFFER_BYTES - 100);
	pipelines(300, IO_BUFFER_BYTES + 17);
	pipelines(100, 64 * 1024 - 10);
}

/* Everything in one go, read only afterwards: replies of a connection are sent one after the other. */
static void
answers_before_anything_is_read(void **state)
{
	struct stream stream = { .fd = client_connect(server_port(server)), .count = 3000, .padding = 10 };

	(void)state;
	(void)write_stream(&stream);
	expect_stream(&stream);
	(void)close(stream.fd);
}

struct flood {
	int fd;
	_Atomic(bool) enough;
	uint64_t lines;
	uint64_t reply_bytes;
};

static void *
write_flood(void *argument)
{
	struct flood *flood = argument;
	char block[2000];

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = i % 2 == 0 ? 'f' : '\n';
	while (!atomic_load(&flood->enough)) {
		client_write(flood->fd, block, sizeof(block));
		flood->lines += sizeof(block) / 2;
	}
	(void)shutdown(flood->fd, SHUT_WR);
	return NULL;
}

static void *
read_flood(void *argument)
{
	struct flood *flood = argument;
	char *sink = malloc(1 << 20);
	ssize_t bytes;

	while ((bytes = recv(flood->fd, sink, 1 << 20, 0)) > 0)
		flood->reply_bytes += (uint64_t)bytes;
	free(sink);
	return NULL;
}

static void
a_flood_leaves_room_for_others(void **state)
{
	struct flood flood = { .fd = client_connect(server_port(server)) };
	int other = client_connect(server_port(server));
	uint32_t mixed_enough = fake_command_mixed_batches() + 20;
	pthread_t writer;
	pthread_t reader;

	(void)state;
	assert_int_equal(pthread_create(&writer, NULL, write_flood, &flood), 0);
	assert_int_equal(pthread_create(&reader, NULL, read_flood, &flood), 0);
	for (int i = 0; i < 100000 && fake_command_mixed_batches() < mixed_enough; i++) {
		client_write_text(other, "x\n");
		client_expect(other, "pong x\r\n");
	}
	atomic_store(&flood.enough, true);
	(void)pthread_join(writer, NULL);
	(void)pthread_join(reader, NULL);
	assert_int_equal(flood.reply_bytes, flood.lines * strlen("pong f\r\n"));
	assert_true(fake_command_mixed_batches() >= mixed_enough);
	assert_true(fake_command_longest_turn() <= CONN_TURN_LINES);
	(void)close(flood.fd);
	(void)close(other);
}

static void
answers_a_last_line_without_end(void **state)
{
	int fd = client_connect(server_port(server));

	(void)state;
	client_write_text(fd, "one\nlast");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	client_expect(fd, "pong one\r\npong last\r\n");
	client_expect_end(fd);
	(void)close(fd);

	fd = client_connect(server_port(server));
	client_write_text(fd, "la");
	settle(fd);
	client_write_text(fd, "st");
	settle(fd);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	client_expect(fd, "pong last\r\n");
	client_expect_end(fd);
	(void)close(fd);

	fd = client_connect(server_port(server));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	client_expect_end(fd);
	(void)close(fd);
}

static void
sends_all_replies_to_a_client_that_has_half_closed(void **state)
{
	struct stream stream = { .fd = client_connect(server_port(server)), .count = 5000, .padding = 30 };
	pthread_t writer;

	(void)state;
	assert_int_equal(pthread_create(&writer, NULL, write_stream, &stream), 0);
	(void)pthread_join(writer, NULL);
	client_write_text(stream.fd, "slow\nbig 3000000\nend");
	assert_int_equal(shutdown(stream.fd, SHUT_WR), 0);
	expect_stream(&stream);
	client_expect(stream.fd, "pong slow\r\n");
	char *big = malloc(3000002);

	assert_int_equal(client_read(stream.fd, big, 3000002), 3000002);
	free(big);
	client_expect(stream.fd, "pong end\r\n");
	client_expect_end(stream.fd);
	(void)close(stream.fd);
}

static void
a_pending_reply_keeps_its_place(void **state)
{
	int waiting = client_connect(server_port(server));
	int other = client_connect(server_port(server));

	(void)state;
	client_write_text(waiting, "a\nslow\nb\nslow\nslow\nc\nhold\nd\n");
	client_expect(waiting, "pong a\r\npong slow\r\npong b\r\npong slow\r\npong slow\r\npong c\r\n");
	/* Others go on meanwhile, on this worker and the other. */
	for (int i = 0; i < 10; i++) {
		client_write_text(other, "x\n");
		client_expect(other, "pong x\r\n");
	}
	client_write_text(waiting, "e\nf");
	settle(waiting);
	client_write_text(waiting, "\n");
	fake_command_release();
	client_expect(waiting, "pong hold\r\npong d\r\npong e\r\npong f\r\n");
	(void)close(waiting);
	(void)close(other);
}

static bool
no_connections(const void *context)
{
	(void)context;
	for (uint32_t i = 0; i < server->options.workers; i++) {
		if (atomic_load(&server->workers[i]->load) != 0)
			return false;
	}
	return atomic_load(&server->clients) == 0;
}

static void
a_late_reply_meets_no_newer_connection(void **state)
{
	(void)state;
	uint32_t abandoned = fake_command_abandoned();

	assert_true(client_wait_until(no_connections, NULL));
	for (int i = 0; i < 20; i++) {
		int gone = client_connect(server_port(server));

		client_write_text(gone, "x\nhold\nnever run\n");
		client_expect(gone, "pong x\r\n");
		client_reset(gone);
		assert_true(client_wait_until(no_connections, NULL));
		int next = client_connect(server_port(server)); /* in the same slot */

		client_write_text(next, "y\n");
		client_expect(next, "pong y\r\n");
		fake_command_release();
		client_write_text(next, "slow\nz\n");
		client_expect(next, "pong slow\r\npong z\r\n");
		(void)close(next);
		assert_true(client_wait_until(no_connections, NULL));
	}
	assert_int_equal(fake_command_abandoned() - abandoned, 20);
}

/* Input and reset come so close together that a multishot receive misses the reset now and then. */
static void
a_reset_right_behind_input_is_noticed(void **state)
{
	(void)state;
	for (int i = 0; i < 5000; i++) {
		int fd = client_connect(server_port(server));

		client_write_text(fd, "half a li");
		client_reset(fd);
	}
	int last = client_connect(server_port(server)); /* accepted behind all of them, which are counted by then */

	client_write_text(last, "x\n");
	client_expect(last, "pong x\r\n");
	(void)close(last);
	assert_true(client_wait_until(no_connections, NULL));
}

static void
spreads_connections_evenly(void **state)
{
	int fds[20];

	(void)state;
	assert_true(client_wait_until(no_connections, NULL));
	for (int i = 0; i < 20; i++) {
		fds[i] = client_connect(server_port(server));
		client_write_text(fds[i], "x\n");
		client_expect(fds[i], "pong x\r\n");
	}
	assert_int_equal(atomic_load(&server->workers[0]->load), 10);
	assert_int_equal(atomic_load(&server->workers[1]->load), 10);
	for (int i = 0; i < 20; i++)
		(void)close(fds[i]);
}

static void
serves_a_unix_socket(void **state)
{
	char directory[] = "/tmp/karma-server-XXXXXX";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct server_options options = client_server_options();

	(void)state;
	assert_non_null(mkdtemp(directory));
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
	options.unix_socket = address.sun_path;
	options.unix_socket_mode = 0600;
	struct server *both = client_server_start(&options);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	client_write_text(fd, "over a file\n");
	client_expect(fd, "pong over a file\r\n");
	int tcp = client_connect(server_port(both));

	client_write_text(tcp, "over tcp\n");
	client_expect(tcp, "pong over tcp\r\n");
	(void)close(fd);
	(void)close(tcp);
	/* Input and its end come close together. */
	for (int i = 0; i < 200; i++) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
		client_write_text(fd, "one\n");
		client_expect(fd, "pong one\r\n"); /* so it is receiving */
		client_write_text(fd, "last");
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
		client_expect(fd, "pong last\r\n");
		client_expect_end(fd);
		(void)close(fd);
	}
	client_server_stop(both);
	assert_int_equal(access(address.sun_path, F_OK), -1);
	assert_int_equal(rmdir(directory), 0);
}

static uint64_t
rounds(void)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < server->options.workers; i++)
		count += atomic_load(&server->workers[i]->counters.rounds);
	return count;
}

static bool
sleeps(const void *context)
{
	const struct timespec pause = { .tv_nsec = 700 * 1000 * 1000 }; /* longer than a tick */
	uint64_t before = rounds();

	(void)context;
	(void)nanosleep(&pause, NULL);
	return rounds() == before;
}

/* A timer that was armed for a request fires within one tick; then there is nothing left to wake up for. */
static void
an_idle_server_sleeps(void **state)
{
	int fd = client_connect(server_port(server));

	(void)state;
	client_write_text(fd, "x\n");
	client_expect(fd, "pong x\r\n");
	assert_true(client_wait_until(sleeps, NULL));
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_one_line),
		cmocka_unit_test(answers_requests_cut_at_every_byte),
		cmocka_unit_test(answers_ten_thousand_pipelined_lines),
		cmocka_unit_test(answers_lines_spread_over_buffers),
		cmocka_unit_test(answers_before_anything_is_read),
		cmocka_unit_test(answers_a_last_line_without_end),
		cmocka_unit_test(sends_all_replies_to_a_client_that_has_half_closed),
		cmocka_unit_test(a_pending_reply_keeps_its_place),
		cmocka_unit_test(a_late_reply_meets_no_newer_connection),
		cmocka_unit_test(a_reset_right_behind_input_is_noticed),
		cmocka_unit_test(spreads_connections_evenly),
		cmocka_unit_test(serves_a_unix_socket),
		cmocka_unit_test(an_idle_server_sleeps),
	};
	const struct CMUnitTest one_worker[] = {
		cmocka_unit_test(a_flood_leaves_room_for_others),
		cmocka_unit_test(a_pending_reply_keeps_its_place),
	};
	int failed = cmocka_run_group_tests(tests, setup, teardown);

	return failed + cmocka_run_group_tests(one_worker, setup_one_worker, teardown);
}
