/* A reply is sent when the log has released its epoch: not before, not later, in order, and no other client waits for it. */
#include "holding.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "net/net_limits.h"

static void
read_big(int fd, size_t bytes)
{
	char *big = malloc(bytes + 2);

	assert_int_equal(client_read(fd, big, bytes + 2), bytes + 2);
	for (size_t i = 0; i < bytes; i++)
		assert_int_equal(big[i], 'x');
	assert_memory_equal(big + bytes, "\r\n", 2);
	free(big);
}

static void
what_is_in_front_of_a_write_is_sent_what_is_behind_waits(void **state)
{
	int fd = holding_connect();

	(void)state;
	holding_run(fd, "a\nb\nput 1 c\nd\nput 1 e\n", 5);
	client_expect(fd, "pong a\r\npong b\r\n");
	holding_expect_silence(fd);
	holding_run(fd, "f\nput 1 g\n", 2);
	holding_expect_silence(fd);
	fake_wal_release(1);
	client_expect(fd, "pong put 1 c\r\npong d\r\npong put 1 e\r\npong f\r\npong put 1 g\r\n");
	/* Released already. */
	holding_run(fd, "put 1 h\nput 0 i\n", 2);
	client_expect(fd, "pong put 1 h\r\npong put 0 i\r\n");
	(void)close(fd);
}

static void
other_clients_do_not_wait(void **state)
{
	int first = holding_connect();
	int second = holding_connect();
	int third = holding_connect();

	(void)state;
	holding_run(second, "put 2 a\n", 1);
	holding_run(first, "put 1 b\n", 1);
	for (int i = 0; i < 10; i++) {
		client_write_text(third, "read\n");
		client_expect(third, "pong read\r\n");
	}
	holding_run(third, "put 2 c\n", 11);
	holding_expect_silence(first);
	fake_wal_release(1);
	client_expect(first, "pong put 1 b\r\n");
	holding_expect_silence(second);
	holding_expect_silence(third);
	fake_wal_release(2);
	client_expect(second, "pong put 2 a\r\n");
	client_expect(third, "pong put 2 c\r\n");
	(void)close(first);
	(void)close(second);
	(void)close(third);
}

static void
two_epochs_are_under_way_at_once(void **state)
{
	int fd = holding_connect();
	char text[64];

	(void)state;
	holding_run(fd, "put 1 x\nread\nput 2 x\nread\nput 1 x\n", 5);
	fake_wal_release(1);
	client_expect(fd, "pong put 1 x\r\npong read\r\n");
	holding_run(fd, "put 3 x\n", 1);
	holding_expect_silence(fd);
	fake_wal_release(2);
	client_expect(fd, "pong put 2 x\r\npong read\r\npong put 1 x\r\n");
	holding_expect_silence(fd);
	/* Always one that is held: what was released goes out. */
	for (int epoch = 4; epoch < 300; epoch++) {
		(void)snprintf(text, sizeof(text), "put %d x\n", epoch);
		holding_run(fd, text, 1);
		fake_wal_release((uint64_t)epoch - 1);
		(void)snprintf(text, sizeof(text), "pong put %d x\r\n", epoch - 1);
		client_expect(fd, text);
	}
	holding_expect_silence(fd);
	fake_wal_release(299);
	client_expect(fd, "pong put 299 x\r\n");
	(void)close(fd);
}

/* The worker hears of the first release only when it has to make room for a third mark. */
static void
a_third_epoch_within_one_batch(void **state)
{
	int fd = holding_connect();

	(void)state;
	holding_run(fd, "put 1 x\nput 2 x\n", 2);
	holding_run(fd, "until 1\nput 3 x\nput 3 y\n", 1);
	fake_wal_release(1);
	client_expect(fd, "pong put 1 x\r\n");
	holding_expect_silence(fd);
	fake_wal_release(2);
	client_expect(fd, "pong put 2 x\r\npong until 1\r\n");
	holding_expect_silence(fd);
	fake_wal_release(3);
	client_expect(fd, "pong put 3 x\r\npong put 3 y\r\n");
	holding_run(fd, "read\n", 3);
	client_expect(fd, "pong read\r\n");
	(void)close(fd);
}

static void
pending_replies_are_held_like_others(void **state)
{
	int fd = holding_connect();

	(void)state;
	holding_run(fd, "put 2 x\njob 1\nread\n", 2);
	fake_command_release();
	holding_run(fd, "", 1);
	fake_wal_release(1);
	holding_expect_silence(fd); /* behind one that waits for more */
	fake_wal_release(2);
	client_expect(fd, "pong put 2 x\r\npong job\r\npong read\r\n");
	holding_run(fd, "job 4\nread\n", 1);
	fake_command_release();
	holding_run(fd, "", 1);
	holding_expect_silence(fd);
	fake_wal_release(4);
	client_expect(fd, "pong job\r\npong read\r\n");
	(void)close(fd);
}

/* Marks stand in the middle of what is sent piece by piece. */
static void
big_replies_end_where_they_are_held(void **state)
{
	int fd = client_connect_narrow(server_port(holding_server));

	(void)state;
	holding_run(fd, "big 100000\nbigput 1 70000\nread\nbigput 2 50000\nread\n", 5);
	read_big(fd, 100000);
	holding_expect_silence(fd);
	fake_wal_release(1);
	read_big(fd, 70000);
	client_expect(fd, "pong read\r\n");
	holding_expect_silence(fd);
	holding_run(fd, "put 3 x\n", 1);
	fake_wal_release(2);
	read_big(fd, 50000);
	client_expect(fd, "pong read\r\n");
	holding_expect_silence(fd);
	fake_wal_release(3);
	client_expect(fd, "pong put 3 x\r\n");
	/* Too much to be sent at once, with more gathered behind it that is held, and released meanwhile. */
	holding_run(fd, "big 250000\nput 4 x\nput 5 x\n", 3);
	holding_run(fd, "bigput 4 20000000\nnot yet\n", 1);
	read_big(fd, 250000);
	holding_expect_silence(fd);
	fake_wal_release(5);
	client_expect(fd, "pong put 4 x\r\npong put 5 x\r\n");
	read_big(fd, 20000000);
	client_expect(fd, "pong not yet\r\n");
	(void)close(fd);
}

struct stream {
	int fd;
	int count;
};

static void *
write_stream(void *argument)
{
	const struct stream *stream = argument;
	char text[64];

	for (int i = 0; i < stream->count; i++) {
		(void)snprintf(text, sizeof(text), i % 3 == 0 ? "read %d\n" : "put + %d\n", i);
		client_write_text(stream->fd, text);
	}
	return NULL;
}

/* Returns the epoch told at the end of the line. */
static uint64_t
read_line(FILE *file, char *line, int bytes)
{
	assert_non_null(fgets(line, bytes, file));
	char *at = strchr(line, '@');

	if (at == NULL)
		return 0;
	at[-1] = '\0';
	return strtoull(at + 1, NULL, 10);
}

static void *
read_stream(void *argument)
{
	const struct stream *stream = argument;
	FILE *file = fdopen(dup(stream->fd), "r");
	char expected[64];
	char line[128];

	for (int i = 0; i < stream->count; i++) {
		uint64_t epoch = read_line(file, line, sizeof(line));

		assert_true(epoch <= fake_wal_released());
		(void)snprintf(expected, sizeof(expected), i % 3 == 0 ? "pong read %d\r\n" : "pong put + %d", i);
		assert_string_equal(line, expected);
	}
	(void)fclose(file);
	return NULL;
}

/* Never a pause in which nothing is held; never a reply before its time. */
static void
who_never_stops_writing_does_not_starve(void **state)
{
	enum { STREAMS = 4, LINES = 50000 };
	struct stream streams[STREAMS];
	pthread_t writers[STREAMS];
	pthread_t readers[STREAMS];

	(void)state;
	fake_wal_release_when_asked();
	for (int i = 0; i < STREAMS; i++) {
		streams[i] = (struct stream){ .fd = holding_connect(), .count = LINES };
		assert_int_equal(pthread_create(&writers[i], NULL, write_stream, &streams[i]), 0);
		assert_int_equal(pthread_create(&readers[i], NULL, read_stream, &streams[i]), 0);
	}
	for (int i = 0; i < STREAMS; i++) {
		(void)pthread_join(writers[i], NULL);
		(void)pthread_join(readers[i], NULL);
		(void)close(streams[i].fd);
	}
}

/* Others keep the worker so busy that it never blocks. */
static void
a_busy_worker_asks_too(void **state)
{
	enum { LINES = 8000 };
	int fd = holding_connect();
	int busy = holding_connect();
	uint64_t runs = fake_command_runs();
	char *lines = malloc(LINES * 5 + 1);

	(void)state;
	for (size_t i = 0; i < LINES; i++)
		memcpy(lines + i * 5, "doze\n", 6);
	fake_wal_release_when_asked();
	client_write_text(busy, lines);
	client_write_text(fd, "put 1 x\n");
	client_expect(fd, "pong put 1 x\r\n");
	assert_true(fake_command_runs() - runs < LINES);
	for (int i = 0; i < LINES; i++)
		client_expect(busy, "pong doze\r\n");
	(void)close(fd);
	(void)close(busy);
	free(lines);
}

/* What is held counts as what is unread. */
static void
held_replies_are_bounded(void **state)
{
	enum { LINES = 60000, REPLY_BYTES = 12, ENOUGH = CONN_UNSENT_BYTES_MAX / REPLY_BYTES + 1 };
	int fd = holding_connect();
	char *lines = malloc(LINES * 6 + 1);
	char got[REPLY_BYTES];

	(void)state;
	for (size_t i = 0; i < LINES; i++)
		memcpy(lines + i * 6, "put 1\n", 7);
	uint64_t runs = fake_command_runs();

	holding_run(fd, lines, ENOUGH);
	holding_expect_silence(fd);
	assert_true(fake_command_runs() - runs <= ENOUGH + 3); /* and pings */
	fake_wal_release(1);
	for (int i = 0; i < LINES; i++) {
		assert_int_equal(client_read(fd, got, REPLY_BYTES), REPLY_BYTES);
		assert_memory_equal(got, "pong put 1\r\n", REPLY_BYTES);
	}
	(void)close(fd);
	free(lines);
}

/* While it waits the worker sleeps; and it asks for nothing when there is nothing to wait for. */
static void
nobody_polls(void **state)
{
	const struct timespec pause = { .tv_nsec = 300 * 1000 * 1000 };
	int fd = holding_connect();

	(void)state;
	holding_run(fd, "read\n", 1);
	client_expect(fd, "pong read\r\n");
	assert_int_equal(fake_wal_waits(), 0);
	holding_run(fd, "put 1 x\nput 2 x\n", 2);
	holding_ping();
	uint64_t rounds = holding_rounds();

	(void)nanosleep(&pause, NULL);
	assert_true(holding_rounds() - rounds <= 5); /* a timer of the write timeout may end */
	fake_wal_release(1);
	client_expect(fd, "pong put 1 x\r\n");
	holding_ping();
	rounds = holding_rounds();
	(void)nanosleep(&pause, NULL);
	assert_true(holding_rounds() - rounds <= 5);
	fake_wal_release(2);
	client_expect(fd, "pong put 2 x\r\n");
	holding_ping();
	uint64_t waits = fake_wal_waits();

	holding_ping();
	assert_int_equal(fake_wal_waits(), waits);
	(void)close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, holding_setup, holding_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_in_front_of_a_write_is_sent_what_is_behind_waits),
		TEST(other_clients_do_not_wait),
		TEST(two_epochs_are_under_way_at_once),
		TEST(a_third_epoch_within_one_batch),
		TEST(pending_replies_are_held_like_others),
		TEST(big_replies_end_where_they_are_held),
		TEST(who_never_stops_writing_does_not_starve),
		TEST(a_busy_worker_asks_too),
		TEST(held_replies_are_bounded),
		TEST(nobody_polls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
