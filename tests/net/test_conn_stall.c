/* A write that finds no room in the log stays in the input of its connection, waits its turn, and nobody else waits. */
#include "holding.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "net/net_limits.h"
#include "net/server_internal.h"
#include "net/worker.h"

static void
reads_go_on_beside_a_write_without_room(void **state)
{
	int writer = holding_connect();
	int reader = holding_connect();

	(void)state;
	fake_wal_room(0);
	holding_run(writer, "a\nput 1 b\nroom 2\nbehind\nroom 2\nhalf a li", 2);
	client_expect(writer, "pong a\r\n");
	holding_expect_laters(1);
	for (int i = 0; i < 100; i++) {
		client_write_text(reader, "read\n");
		client_expect(reader, "pong read\r\n");
	}
	fake_wal_release(1);
	client_expect(writer, "pong put 1 b\r\n");
	holding_expect_laters(1); /* not tried before its time */
	fake_wal_room(10);
	fake_wal_release(2);
	client_expect(writer, "pong room 1\r\npong behind\r\npong room 2\r\n");
	client_write_text(writer, "ne\n");
	client_expect(writer, "pong half a line\r\n");
	holding_expect_laters(1);
	(void)close(writer);
	(void)close(reader);
}

static void
the_first_put_off_is_the_first_to_be_retried(void **state)
{
	enum { WAITING = 5 };
	int fds[WAITING];
	int blocker = holding_connect();
	int late = holding_connect();
	char text[32];

	(void)state;
	fake_wal_room(0);
	for (unsigned i = 0; i < WAITING; i++) {
		fds[i] = holding_connect();
		client_write_text(fds[i], "room 1\n");
		holding_expect_laters(i + 1);
	}
	/* Who comes meanwhile is behind them. */
	holding_run(blocker, "until 1\n", 1);
	client_write_text(late, "room 1\n");
	fake_wal_room(2);
	fake_wal_release(1);
	client_expect(blocker, "pong until 1\r\n");
	client_expect(fds[0], "pong room 1\r\n");
	client_expect(fds[1], "pong room 2\r\n");
	holding_expect_laters(WAITING + WAITING - 2 + 1);
	fake_wal_room(10);
	fake_wal_release(2);
	for (int i = 2; i < WAITING; i++) {
		(void)snprintf(text, sizeof(text), "pong room %d\r\n", i + 1);
		client_expect(fds[i], text);
	}
	client_expect(late, "pong room 6\r\n");
	for (int i = 0; i < WAITING; i++)
		(void)close(fds[i]);
	(void)close(blocker);
	(void)close(late);
}

/* The worker sleeps until there may be room, whether replies are held or not. */
static void
nobody_polls_for_room(void **state)
{
	const struct timespec pause = { .tv_nsec = 300 * 1000 * 1000 };
	int fd = holding_connect();
	int other = holding_connect();

	(void)state;
	fake_wal_room(0);
	holding_run(other, "put 2 x\n", 1);
	client_write_text(fd, "room 1\n");
	holding_expect_laters(1);
	holding_ping();
	uint64_t rounds = holding_rounds();

	(void)nanosleep(&pause, NULL);
	assert_true(holding_rounds() - rounds <= 5);
	fake_wal_room(1);
	fake_wal_release(1);
	client_expect(fd, "pong room 1\r\n");
	holding_expect_silence(other);
	fake_wal_release(2);
	client_expect(other, "pong put 2 x\r\n");
	(void)close(fd);
	(void)close(other);
}

static void
clients_may_go_while_they_wait_for_room(void **state)
{
	int fds[5];

	(void)state;
	fake_wal_room(0);
	for (unsigned i = 0; i < 5; i++) {
		fds[i] = holding_connect();
		client_write_text(fds[i], "room 1\n");
		holding_expect_laters(i + 1);
	}
	client_reset(fds[0]);
	client_reset(fds[2]);
	client_reset(fds[4]);
	holding_expect_clients(3);
	fake_wal_room(10);
	fake_wal_release(1);
	client_expect(fds[1], "pong room 1\r\n");
	client_expect(fds[3], "pong room 2\r\n");
	(void)close(fds[1]);
	(void)close(fds[3]);
}

static void
input_that_ends_while_it_waits_for_room_is_answered(void **state)
{
	int fd = holding_connect();

	(void)state;
	fake_wal_room(0);
	client_write_text(fd, "room 1\nread\nno end");
	holding_expect_laters(1);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	holding_expect_silence(fd);
	fake_wal_room(1);
	fake_wal_release(1);
	client_expect(fd, "pong room 1\r\npong read\r\npong no end\r\n");
	client_expect_end(fd);
	(void)close(fd);
}

enum { BEHIND_LINES = 200 * 1000 };

static void *
write_lines(void *argument)
{
	static char block[64 * 1000];
	int fd = *(const int *)argument;

	memset(block, 'x', sizeof(block));
	for (size_t i = 64; i <= sizeof(block); i += 64)
		block[i - 1] = '\n';
	for (int i = 0; i < BEHIND_LINES; i += 1000)
		client_write(fd, block, sizeof(block));
	return NULL;
}

static uint64_t
received_at_rest(void)
{
	const struct timespec pause = { .tv_nsec = 300 * 1000 * 1000 };
	const _Atomic(uint64_t) *received = &holding_server->workers[0]->counters.received_bytes;
	uint64_t before = 0;
	uint64_t now = atomic_load(received);

	while (now != before) {
		before = now;
		(void)nanosleep(&pause, NULL);
		now = atomic_load(received);
	}
	return now;
}

static void
input_behind_a_write_without_room_is_bounded(void **state)
{
	int fd = holding_connect();
	pthread_t writer;
	char got[70];

	(void)state;
	fake_wal_room(0);
	client_write_text(fd, "room 1\n");
	holding_expect_laters(1);
	assert_int_equal(pthread_create(&writer, NULL, write_lines, &fd), 0);
	assert_true(received_at_rest() <= CONN_INPUT_BYTES_MAX + (uint64_t)IO_BUFFERS * IO_BUFFER_BYTES);
	fake_wal_room(1);
	fake_wal_release(1);
	client_expect(fd, "pong room 1\r\n");
	for (int i = 0; i < BEHIND_LINES; i++) {
		assert_int_equal(client_read(fd, got, sizeof(got)), sizeof(got));
		assert_memory_equal(got, "pong xxx", 8);
		assert_memory_equal(got + 67, "x\r\n", 3);
	}
	(void)pthread_join(writer, NULL);
	(void)close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, holding_setup, holding_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_go_on_beside_a_write_without_room),
		TEST(the_first_put_off_is_the_first_to_be_retried),
		TEST(nobody_polls_for_room),
		TEST(clients_may_go_while_they_wait_for_room),
		TEST(input_that_ends_while_it_waits_for_room_is_answered),
		TEST(input_behind_a_write_without_room_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
