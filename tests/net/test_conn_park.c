/* A line whose idempotency key is in use stays in the input of its connection until its turn comes; nobody else waits. */
#include "holding.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "fake_log.h"
#include "fake_park.h"

static bool
are_parked(const void *context)
{
	return fake_park_parked() == *(const uint32_t *)context;
}

static void
expect_parked(uint32_t count)
{
	assert_true(client_wait_until(are_parked, &count));
}

static void
nothing_overtakes_a_parked_line(void **state)
{
	int fd = holding_connect();
	int other = holding_connect();

	(void)state;
	client_write_text(fd, "a\npark\nbehind\n");
	client_expect(fd, "pong a\r\n");
	expect_parked(1);
	client_write_text(other, "read\n");
	client_expect(other, "pong read\r\n");
	client_write_text(fd, "more\nhalf a li");
	holding_expect_silence(fd);
	fake_park_release();
	client_expect(fd, "pong park\r\npong behind\r\npong more\r\n");
	client_write_text(fd, "ne\n");
	client_expect(fd, "pong half a line\r\n");
	(void)close(fd);
	(void)close(other);
}

static void
a_connection_may_park_again(void **state)
{
	int fd = holding_connect();

	(void)state;
	client_write_text(fd, "park\npark\nlast\n");
	expect_parked(1);
	fake_park_release();
	client_expect(fd, "pong park\r\n");
	expect_parked(1);
	holding_expect_silence(fd);
	fake_park_release();
	client_expect(fd, "pong park\r\npong last\r\n");
	(void)close(fd);
}

static void
clients_may_go_while_they_are_parked(void **state)
{
	const uint32_t abandoned = fake_command_abandoned();
	int fds[5];

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		fds[i] = holding_connect();
		client_write_text(fds[i], "park\nnever run\n");
	}
	expect_parked(5);
	client_reset(fds[0]);
	client_reset(fds[2]);
	client_reset(fds[4]);
	holding_expect_clients(3);
	assert_int_equal(fake_command_abandoned() - abandoned, 3);
	expect_parked(2);
	fake_park_release();
	client_expect(fds[1], "pong park\r\npong never run\r\n");
	client_expect(fds[3], "pong park\r\npong never run\r\n");
	(void)close(fds[1]);
	(void)close(fds[3]);
	holding_expect_clients(1);
	assert_int_equal(fake_command_abandoned() - abandoned, 3);
}

/* The worker finds both at once: that its turn has come, and that the client has gone. What is told and then neither run nor
 * given back fails the fake when it ends. */
static void
a_client_may_go_when_its_turn_has_come(void **state)
{
	int busy = holding_connect();
	int fd = holding_connect();

	(void)state;
	client_write_text(fd, "park\n");
	expect_parked(1);
	client_write_text(busy, "until 1\n");
	fake_park_release();
	expect_parked(0);
	client_reset(fd);
	fake_wal_release(1);
	client_expect(busy, "pong until 1\r\n");
	holding_expect_clients(2);
	(void)close(busy);
}

static void
input_that_ends_behind_a_parked_line_is_answered(void **state)
{
	int fd = holding_connect();

	(void)state;
	client_write_text(fd, "park\nread\nno end");
	expect_parked(1);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	holding_expect_silence(fd);
	fake_park_release();
	client_expect(fd, "pong park\r\npong read\r\npong no end\r\n");
	client_expect_end(fd);
	(void)close(fd);
}

/* ---- stopping ---- */

static _Atomic(bool) stopped_clean;

static void *
stop_server(void *argument)
{
	(void)argument;
	atomic_store(&stopped_clean, server_stop(holding_server, CLIENT_DEADLINE_S));
	return NULL;
}

static void
a_stop_waits_for_a_parked_line(void **state)
{
	int fd = holding_connect();
	int idle = holding_connect();
	pthread_t stopper;

	(void)state;
	client_write_text(fd, "park\nlast\n");
	expect_parked(1);
	assert_int_equal(pthread_create(&stopper, NULL, stop_server, NULL), 0);
	client_expect_end(idle);
	fake_park_release();
	client_expect(fd, "pong park\r\npong last\r\n");
	client_expect_end(fd);
	(void)pthread_join(stopper, NULL);
	holding_stopped();
	assert_true(atomic_load(&stopped_clean));
	(void)close(fd);
	(void)close(idle);
}

static void
a_stop_waits_no_longer_than_told(void **state)
{
	const uint32_t abandoned = fake_command_abandoned();
	int fd = holding_connect();

	(void)state;
	client_write_text(fd, "park\n");
	expect_parked(1);
	assert_false(server_stop(holding_server, 1));
	holding_stopped();
	assert_int_equal(fake_command_abandoned() - abandoned, 1);
	client_expect_end(fd);
	(void)close(fd);
}

/* ---- timeouts ---- */

static void
who_waits_for_a_key_is_not_idle(void **state)
{
	struct server_options options = client_server_options();

	(void)state;
	options.workers = 1;
	options.idle_timeout_s = 1;
	holding_start(&options);
	int fd = holding_connect();

	client_write_text(fd, "park\n");
	expect_parked(1);
	/* Twice the time, told by clients that are idle, the second of whom comes when the first has gone. */
	for (int i = 0; i < 2; i++) {
		int silent = holding_connect();

		client_expect_end(silent);
		(void)close(silent);
	}
	fake_park_release();
	client_expect(fd, "pong park\r\n");
	client_expect_end(fd); /* now it is */
	(void)close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, holding_setup, holding_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_overtakes_a_parked_line),
		TEST(a_connection_may_park_again),
		TEST(clients_may_go_while_they_are_parked),
		TEST(a_client_may_go_when_its_turn_has_come),
		TEST(input_that_ends_behind_a_parked_line_is_answered),
		TEST(a_stop_waits_for_a_parked_line),
		TEST(a_stop_waits_no_longer_than_told),
		cmocka_unit_test_teardown(who_waits_for_a_key_is_not_idle, holding_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
