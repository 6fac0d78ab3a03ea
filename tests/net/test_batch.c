/* What was executed together with a line before it is answered in its batch, and never comes again. */
#include "holding.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/net_limits.h"

enum { TWINS = 40 };

static const char reply[] = "pong twin\r\n";
enum { REPLY_BYTES = sizeof(reply) - 1 };

static void
read_big(int fd, size_t bytes)
{
	char *big = malloc(bytes + 2);

	assert_non_null(big);
	assert_int_equal(client_read(fd, big, bytes + 2), bytes + 2);
	free(big);
}

/* So that the connection is paused behind reply number `paused_behind`, with the others still to come. */
static void
send_twins(int fd, size_t paused_behind)
{
	size_t big = (size_t)CONN_UNSENT_BYTES_MAX - paused_behind * REPLY_BYTES - 2;
	uint64_t before = fake_command_twins();
	char text[32 + TWINS * 5];
	int used = snprintf(text, sizeof(text), "big %zu\n", big);

	for (int i = 0; i < TWINS; i++)
		used += snprintf(text + used, sizeof(text) - (size_t)used, "twin\n");
	client_write(fd, text, (size_t)used);
	read_big(fd, big);
	for (int i = 0; i < TWINS; i++)
		client_expect(fd, reply);
	client_write_text(fd, "last\n");
	client_expect(fd, "pong last\r\n");
	assert_int_equal(fake_command_twins() - before, TWINS);
}

static void
executed_lines_are_answered_by_a_paused_connection(void **state)
{
	int fd = holding_connect();

	(void)state;
	for (size_t paused_behind = 0; paused_behind <= TWINS; paused_behind++)
		send_twins(fd, paused_behind);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(executed_lines_are_answered_by_a_paused_connection, holding_setup,
		                                holding_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
