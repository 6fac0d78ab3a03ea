/* Held replies outlast the end of the input, a stop of the server and all timeouts, but not their client. */
#include "holding.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

#include "fake_log.h"

static void
clients_may_go_while_replies_are_held(void **state)
{
	int fds[6];

	(void)state;
	for (int i = 0; i < 6; i++) {
		fds[i] = holding_connect();
		holding_run(fds[i], "put 1 a\nput 2 b\n", 2);
	}
	client_reset(fds[0]);
	client_reset(fds[3]);
	client_reset(fds[5]);
	holding_expect_clients(4);
	/* Others take their places. */
	fds[0] = holding_connect();
	fds[3] = holding_connect();
	holding_run(fds[0], "put 1 c\n", 1);
	holding_run(fds[3], "put 1 d\n", 1);
	(void)close(fds[1]); /* it may be reading still, for all we know */
	holding_ping();
	fake_wal_release(1);
	client_expect(fds[2], "pong put 1 a\r\n");
	client_expect(fds[0], "pong put 1 c\r\n");
	client_expect(fds[3], "pong put 1 d\r\n");
	client_reset(fds[0]);
	client_reset(fds[2]);
	client_reset(fds[3]);
	holding_expect_clients(3);
	fake_wal_release(2);
	client_expect(fds[4], "pong put 1 a\r\npong put 2 b\r\n");
	(void)close(fds[4]);
	holding_expect_clients(1);
}

static void
replies_are_sent_after_the_end_of_the_input(void **state)
{
	int fd = holding_connect();

	(void)state;
	holding_run(fd, "read\nput 1 a\nput 2 b", 2);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	holding_run(fd, "", 1);
	client_expect(fd, "pong read\r\n");
	holding_expect_silence(fd);
	fake_wal_release(1);
	client_expect(fd, "pong put 1 a\r\n");
	holding_expect_silence(fd);
	fake_wal_release(2);
	client_expect(fd, "pong put 2 b\r\n");
	client_expect_end(fd);
	(void)close(fd);
}

static void
a_line_too_long_is_refused_behind_them(void **state)
{
	struct server_options options = client_server_options();

	(void)state;
	options.workers = 1;
	options.request_bytes_max = 128;
	holding_start(&options);
	int fd = holding_connect();
	char line[200];

	memset(line, 'x', sizeof(line));
	holding_run(fd, "put 1 a\n", 1);
	client_write(fd, line, sizeof(line));
	holding_expect_silence(fd);
	fake_wal_release(1);
	client_expect(fd, "pong put 1 a\r\ntoo large\r\n");
	client_expect_end(fd);
	(void)close(fd);
}

/* ---- stopping ---------------------------------------------------------------------------------------------------- */

static _Atomic(bool) stopped_clean;

static void *
stop_server(void *argument)
{
	const uint32_t *timeout_s = argument;

	atomic_store(&stopped_clean, server_stop(holding_server, *timeout_s));
	return NULL;
}

static void
a_stop_waits_for_the_log(void **state)
{
	uint32_t timeout_s = CLIENT_DEADLINE_S;
	int held = holding_connect();
	int stalled = holding_connect();
	int idle = holding_connect();
	pthread_t stopper;
	char byte;

	(void)state;
	fake_wal_room(0);
	holding_run(held, "put 1 a\n", 1);
	client_write_text(stalled, "room 2\nlast\n");
	holding_expect_laters(1);
	assert_int_equal(pthread_create(&stopper, NULL, stop_server, &timeout_s), 0);
	client_expect_end(idle);
	(void)nanosleep(&(struct timespec){ .tv_nsec = 200 * 1000 * 1000 }, NULL);
	assert_int_equal(recv(held, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(recv(stalled, &byte, 1, MSG_DONTWAIT), -1);
	fake_wal_release(1);
	client_expect(held, "pong put 1 a\r\n");
	client_expect_end(held);
	assert_int_equal(recv(stalled, &byte, 1, MSG_DONTWAIT), -1);
	fake_wal_room(1);
	fake_wal_release(2);
	client_expect(stalled, "pong room 1\r\npong last\r\n");
	client_expect_end(stalled);
	(void)pthread_join(stopper, NULL);
	holding_stopped();
	assert_true(atomic_load(&stopped_clean));
	(void)close(held);
	(void)close(stalled);
	(void)close(idle);
}

static void
a_stop_waits_no_longer_than_told(void **state)
{
	int held = holding_connect();
	int stalled = holding_connect();

	(void)state;
	fake_wal_room(0);
	holding_run(held, "put 1 a\n", 1);
	client_write_text(stalled, "room 2\n");
	holding_expect_laters(1);
	assert_false(server_stop(holding_server, 1));
	holding_stopped();
	client_expect_end(held);
	(void)close(held);
	(void)close(stalled);
}

/* ---- timeouts ---------------------------------------------------------------------------------------------------- */

static void
who_waits_for_the_log_is_not_idle(void **state)
{
	struct server_options options = client_server_options();

	(void)state;
	options.workers = 1;
	options.idle_timeout_s = 1;
	options.write_timeout_s = 1;
	fake_log_clear();
	holding_start(&options);
	int held = holding_connect();
	int stalled = holding_connect();
	int silent;

	fake_wal_room(0);
	holding_run(held, "read\nput 1 a\n", 2);
	client_expect(held, "pong read\r\n");
	client_write_text(stalled, "room 1\n");
	/* Twice the time, told by clients that are idle, the second of whom comes when the first has gone. */
	for (int i = 0; i < 2; i++) {
		silent = holding_connect();
		client_expect_end(silent);
		(void)close(silent);
	}
	fake_wal_room(1);
	fake_wal_release(1);
	client_expect(held, "pong put 1 a\r\n");
	client_expect(stalled, "pong room 1\r\n");
	assert_int_equal(fake_log_count("client dropped", "write timeout"), 0);
	/* Now they are. */
	client_expect_end(held);
	client_expect_end(stalled);
	(void)close(held);
	(void)close(stalled);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, holding_setup, holding_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(clients_may_go_while_replies_are_held),
		TEST(replies_are_sent_after_the_end_of_the_input),
		cmocka_unit_test_teardown(a_line_too_long_is_refused_behind_them, holding_teardown),
		TEST(a_stop_waits_for_the_log),
		TEST(a_stop_waits_no_longer_than_told),
		cmocka_unit_test_teardown(who_waits_for_the_log_is_not_idle, holding_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
