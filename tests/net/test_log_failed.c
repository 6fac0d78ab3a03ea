/* When the log fails each held reply says that nobody knows, no other does, and the connection goes on. */
#include "holding.h"

#include <stdio.h>
#include <stdlib.h>

#define UNKNOWN FAKE_UNKNOWN

static void
held_replies_are_replaced_and_no_others(void **state)
{
	int held = holding_connect();
	int other = holding_connect();

	(void)state;
	holding_run(other, "put 1 x\n", 1);
	fake_wal_release(1);
	holding_run(held, "a\nput 1 b\nput 2 c\nd\nput 3 e\n", 5);
	client_expect(held, "pong a\r\npong put 1 b\r\n");
	holding_expect_silence(held);
	fake_wal_fail();
	client_expect(held, UNKNOWN UNKNOWN UNKNOWN);
	client_expect(other, "pong put 1 x\r\n");
	holding_run(held, "read\n", 1);
	client_expect(held, "pong read\r\n");
	holding_expect_silence(other);
	holding_expect_silence(held);
	(void)close(held);
	(void)close(other);
}

/* The worker hears of both at once. */
static void
what_was_released_before_is_known(void **state)
{
	int held = holding_connect();
	int blocker = holding_connect();

	(void)state;
	holding_run(held, "put 1 a\nput 2 b\n", 2);
	holding_run(blocker, "until 2\n", 1);
	fake_wal_release(1);
	fake_wal_fail();
	client_expect(held, "pong put 1 a\r\n" UNKNOWN);
	client_expect(blocker, "pong until 2\r\n");
	(void)close(held);
	(void)close(blocker);
}

static void
held_replies_of_two_sends_are_replaced(void **state)
{
	int fd = holding_connect();

	(void)state;
	/* The first stands in what was given to be sent, the second in what is gathered. */
	holding_run(fd, "a\nput 1 b\n", 2);
	client_expect(fd, "pong a\r\n");
	holding_run(fd, "put 2 c\nd\n", 2);
	holding_expect_silence(fd);
	fake_wal_fail();
	client_expect(fd, UNKNOWN UNKNOWN UNKNOWN);
	holding_expect_silence(fd);
	(void)close(fd);
}

/* Does not read, until the kernel takes no more: then a send is under way that ends in front of a held reply. */
static uint64_t
send_until_stuck(int fd)
{
	char text[64];

	for (uint64_t epoch = 1; epoch < 1000; epoch++) {
		uint64_t before = holding_sent_bytes();

		(void)snprintf(text, sizeof(text), "big 100000\nput %03u x\nread\n", (unsigned)epoch);
		holding_run(fd, text, 3);
		for (int i = 0; i < 3; i++)
			holding_ping();
		if (holding_sent_bytes() - before < 100000)
			return epoch;
		fake_wal_release(epoch);
	}
	fail_msg("the kernel takes everything");
	return 0;
}

static void
a_send_under_way_stays_whole(void **state)
{
	int fd = client_connect_narrow(server_port(holding_server));
	uint64_t last = send_until_stuck(fd);
	char *big = malloc(100002);
	char text[64];

	(void)state;
	holding_run(fd, "behind\n", 1);
	fake_wal_fail();
	holding_ping();
	for (unsigned epoch = 1; epoch <= last; epoch++) {
		assert_int_equal(client_read(fd, big, 100002), 100002);
		assert_memory_equal(big + 99999, "x\r\n", 3);
		(void)snprintf(text, sizeof(text), "pong put %03u x\r\npong read\r\n", epoch);
		client_expect(fd, epoch < last ? text : UNKNOWN UNKNOWN UNKNOWN);
	}
	holding_expect_silence(fd);
	(void)close(fd);
	free(big);
}

static void
replies_that_come_after_the_failure_are_replaced(void **state)
{
	int fd = holding_connect();

	(void)state;
	holding_run(fd, "put 1 a\njob 2\nread\n", 2);
	fake_wal_fail();
	client_expect(fd, UNKNOWN);
	fake_command_release();
	client_expect(fd, UNKNOWN "pong read\r\n");
	holding_run(fd, "put 1 b\n", 2);
	client_expect(fd, UNKNOWN);
	(void)close(fd);
}

static void
lines_without_room_are_tried_again(void **state)
{
	int first = holding_connect();
	int second = holding_connect();

	(void)state;
	fake_wal_room(0);
	holding_run(first, "put 1 a\nroom 2\nread\n", 1);
	client_write_text(second, "room 2\n");
	holding_expect_laters(2);
	fake_wal_fail();
	client_expect(first, UNKNOWN "pong refused\r\npong read\r\n");
	client_expect(second, "pong refused\r\n");
	(void)close(first);
	(void)close(second);
}

/* What stands for short replies is longer than all that may be unread otherwise. */
static void
many_short_replies_may_become_longer(void **state)
{
	enum { LINES = 60000 };
	struct server_options options = client_server_options();
	char *lines = malloc(LINES * 6 + 1);

	(void)state;
	options.workers = 1;
	options.response_bytes_max = 128;
	holding_start(&options);
	int fd = holding_connect();

	for (size_t i = 0; i < LINES; i++)
		memcpy(lines + i * 6, "put 1\n", 7);
	holding_run(fd, lines, 20000);
	fake_wal_fail();
	for (int i = 0; i < LINES; i++)
		client_expect(fd, UNKNOWN);
	client_write_text(fd, "read\n");
	client_expect(fd, "pong read\r\n");
	(void)close(fd);
	free(lines);
}

/* Failed, the log is asked for nothing: the worker sleeps when there is nothing to do. */
static void
clients_may_go_when_it_has_failed(void **state)
{
	int fd = holding_connect();
	int other = holding_connect();

	(void)state;
	holding_run(fd, "put 1 a\n", 1);
	holding_run(other, "put 2 a\njob 2\n", 2);
	client_reset(fd);
	holding_expect_clients(2);
	fake_wal_fail();
	client_expect(other, UNKNOWN);
	holding_ping();
	uint64_t waits = fake_wal_waits();

	holding_ping();
	holding_ping();
	assert_int_equal(fake_wal_waits(), waits);
	client_reset(other);
	fake_command_release();
	holding_expect_clients(1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, holding_setup, holding_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(held_replies_are_replaced_and_no_others),
		TEST(what_was_released_before_is_known),
		TEST(held_replies_of_two_sends_are_replaced),
		TEST(a_send_under_way_stays_whole),
		TEST(replies_that_come_after_the_failure_are_replaced),
		TEST(lines_without_room_are_tried_again),
		cmocka_unit_test_teardown(many_short_replies_may_become_longer, holding_teardown),
		TEST(clients_may_go_when_it_has_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
