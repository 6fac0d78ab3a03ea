#include "holding.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "net/server_internal.h"
#include "net/worker.h"

struct server *holding_server;
static int ping;
static uint64_t runs_expected;

void
holding_start(const struct server_options *options)
{
	fake_wal_open();
	holding_server = client_server_start(options);
	runs_expected = fake_command_runs();
	ping = holding_connect();
	holding_ping();
}

int
holding_setup(void **state)
{
	struct server_options options = client_server_options();

	(void)state;
	options.workers = 1;
	holding_start(&options);
	return 0;
}

void
holding_stopped(void)
{
	holding_server = NULL;
}

int
holding_teardown(void **state)
{
	(void)state;
	(void)close(ping);
	if (holding_server != NULL)
		client_server_stop(holding_server);
	holding_server = NULL;
	fake_wal_close();
	return 0;
}

int
holding_connect(void)
{
	return client_connect(server_port(holding_server));
}

static bool
has_run(const void *context)
{
	return fake_command_runs() >= *(const uint64_t *)context;
}

void
holding_run(int fd, const char *lines, unsigned count)
{
	client_write_text(fd, lines);
	runs_expected += count;
	assert_true(client_wait_until(has_run, &runs_expected));
}

void
holding_ping(void)
{
	client_write_text(ping, "ping\n");
	runs_expected++;
	client_expect(ping, "pong ping\r\n");
}

void
holding_expect_silence(int fd)
{
	char byte;

	/* The first may be in a batch with what would speak, the second is behind it; a third, should it wait for a send. */
	for (int i = 0; i < 3; i++)
		holding_ping();
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static bool
has_clients(const void *context)
{
	return atomic_load(&holding_server->clients) == *(const uint32_t *)context;
}

void
holding_expect_clients(uint32_t count)
{
	assert_true(client_wait_until(has_clients, &count));
}

static bool
has_laters(const void *context)
{
	return fake_wal_laters() >= *(const uint64_t *)context;
}

void
holding_expect_laters(uint64_t count)
{
	assert_true(client_wait_until(has_laters, &count));
	assert_int_equal(fake_wal_laters(), count);
}

uint64_t
holding_rounds(void)
{
	return atomic_load(&holding_server->workers[0]->counters.rounds);
}

uint64_t
holding_sent_bytes(void)
{
	return atomic_load(&holding_server->workers[0]->counters.sent_bytes);
}
