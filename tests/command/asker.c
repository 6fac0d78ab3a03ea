#include "command/asker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
wake(void *context)
{
	(void)sem_post(&((struct asker *)context)->woken);
}

static int
setup(void **state, int (*kit_make)(void **state))
{
	enum { WRITERS = 16 }; /* the store's, the kit's, ours, and those of tests with several */
	struct asker *asker = calloc(1, sizeof(*asker));
	void *kit = NULL;

	assert_non_null(asker);
	assert_int_equal(kit_make(&kit), 0);
	asker->kit = kit;
	asker->kit->options.writers_max = WRITERS;
	assert_int_equal(ledger_create(&(struct ledger_options){ .records_max = 10000 }, &asker->ledger), 0);
	asker->durable = ledger_durable(asker->ledger);
	asker->kit->options.ledger = &asker->durable;
	assert_int_equal(kit_open(asker->kit), 0);
	assert_int_equal(sem_init(&asker->woken, 0, 0), 0);
	buffer_init(&asker->reply, SIZE_MAX);
	asker->options = (struct command_options){
		.engine = asker->kit->engine,
		.store = asker->kit->store,
		.ledger = asker->ledger,
		.request_bytes_max = ASKER_REQUEST_BYTES_MAX,
		.response_bytes_max = ASKER_RESPONSE_BYTES_MAX,
		.wake = wake,
		.wake_context = asker,
	};
	assert_int_equal(command_worker_create(&asker->options, &asker->worker), 0);
	*state = asker;
	return 0;
}

int
asker_setup(void **state)
{
	return setup(state, kit_setup);
}

int
asker_setup_log(void **state)
{
	return setup(state, kit_setup_log);
}

int
asker_teardown(void **state)
{
	struct asker *asker = *state;
	void *kit = asker->kit;

	command_worker_destroy(asker->worker);
	buffer_deinit(&asker->reply);
	(void)sem_destroy(&asker->woken);
	int r = kit_teardown(&kit);

	ledger_destroy(asker->ledger);
	free(asker);
	return r;
}

void
asker_restart(struct asker *asker)
{
	command_worker_destroy(asker->worker);
	assert_int_equal(command_worker_create(&asker->options, &asker->worker), 0);
}

void
asker_reopen(struct asker *asker, uint32_t writers_max, uint64_t segment_bytes)
{
	struct store_options *options = &asker->kit->options;

	command_worker_destroy(asker->worker);
	kit_close(asker->kit);
	options->writers_max = writers_max;
	options->wal_segment_bytes = segment_bytes;
	options->wal_writer_bytes = 0;
	assert_int_equal(kit_open(asker->kit), 0);
	asker->options.engine = asker->kit->engine;
	asker->options.store = asker->kit->store;
	assert_int_equal(command_worker_create(&asker->options, &asker->worker), 0);
}

uint64_t
asker_wait(struct asker *asker, struct buffer *ret_reply)
{
	uint64_t ticket = 0;

	while (!command_completed(asker->worker, &ticket, ret_reply, &(uint64_t){ 0 })) {
		while (sem_wait(&asker->woken) != 0)
			;
	}
	return ticket;
}

void
asker_wait_released(struct asker *asker, uint64_t epoch)
{
	while (command_wait(asker->worker, epoch))
		assert_int_equal(sem_wait(&asker->woken), 0);
	assert_true(command_released(asker->worker) >= epoch);
}

const char *
asker_ask_bytes(struct asker *asker, const char *line, size_t bytes)
{
	enum { TICKET = 77 };

	buffer_truncate(&asker->reply, 0);
	command_batch_begin(asker->worker);
	int index = command_batch_push(asker->worker, line, bytes, &asker->client, TICKET);

	assert_int_equal(index, 0);
	enum command_status status = command_batch_run(asker->worker, index, &asker->reply, &(uint64_t){ 0 });

	command_batch_end(asker->worker);
	if (status == COMMAND_PENDING) {
		struct buffer reply;

		assert_int_equal(asker->reply.bytes, 0);
		assert_int_equal(command_pending(asker->worker), 1);
		assert_int_equal(asker_wait(asker, &reply), TICKET);
		assert_int_equal(command_pending(asker->worker), 0);
		buffer_append(&asker->reply, reply.data, reply.bytes);
		buffer_deinit(&reply);
	}
	buffer_append_byte(&asker->reply, '\0');
	assert_false(asker->reply.failed);
	return asker->reply.data;
}

const char *
asker_ask(struct asker *asker, const char *line)
{
	return asker_ask_bytes(asker, line, strlen(line));
}

void
asker_expect(struct asker *asker, const char *line, bool success, const char *response)
{
	char expected[16384];

	(void)snprintf(expected, sizeof(expected), "{\"success\":%s,\"response\":%s}\r\n", success ? "true" : "false",
	               response);
	assert_string_equal(asker_ask(asker, line), expected);
}

int
asker_push(struct asker *asker, const char *line, uint64_t ticket)
{
	int index = command_batch_push(asker->worker, line, strlen(line), &asker->client, ticket);

	assert_true(index >= 0);
	return index;
}

uint64_t
asker_expect_run(struct asker *asker, int index, const char *response)
{
	char text[128];
	uint64_t hold = 0;

	buffer_truncate(&asker->reply, 0);
	assert_int_equal(command_batch_run(asker->worker, index, &asker->reply, &hold), COMMAND_DONE);
	if (strcmp(response, "1") == 0)
		assert_true(asker->reply.bytes <= COMMAND_TOGETHER_REPLY_BYTES);
	buffer_append_byte(&asker->reply, '\0');
	(void)snprintf(text, sizeof(text), "{\"success\":%s,\"response\":%s}\r\n", *response == '"' ? "false" : "true",
	               response);
	assert_string_equal(asker->reply.data, text);
	return hold;
}

static void
expect_v2(struct asker *asker, const char *members, const char *rest)
{
	static char line[16384], expected[32768];

	(void)snprintf(line, sizeof(line), "{\"v\":2,%s}", members);
	(void)snprintf(expected, sizeof(expected), "{\"protocol_version\":2,%s}\r\n", rest);
	assert_string_equal(asker_ask(asker, line), expected);
}

void
asker_expect_v2(struct asker *asker, const char *members, const char *response)
{
	static char rest[16384];

	(void)snprintf(rest, sizeof(rest), "\"success\":true,\"response\":%s,\"error_code\":null", response);
	expect_v2(asker, members, rest);
}

void
asker_expect_v2_error(struct asker *asker, const char *members, const char *code, const char *text)
{
	static char rest[16384];

	(void)snprintf(rest, sizeof(rest), "\"success\":false,\"response\":\"%s\",\"error_code\":\"%s\"", text, code);
	expect_v2(asker, members, rest);
}

static void
blocker_run(struct job *job)
{
	struct blocker *blocker = (struct blocker *)(void *)job;

	(void)sem_post(&blocker->entered);
	while (sem_wait(&blocker->let_go) != 0)
		;
}

static void
blocker_done(struct job *job)
{
	(void)sem_post(&((struct blocker *)(void *)job)->left);
}

void
asker_block_maintenance(struct asker *asker, struct blocker *blocker)
{
	*blocker = (struct blocker){ .job = { .run = blocker_run, .done = blocker_done } };
	(void)sem_init(&blocker->entered, 0, 0);
	(void)sem_init(&blocker->let_go, 0, 0);
	(void)sem_init(&blocker->left, 0, 0);
	assert_true(store_submit_maintenance(asker->kit->store, &blocker->job));
	while (sem_wait(&blocker->entered) != 0)
		;
}

void
asker_unblock(struct blocker *blocker)
{
	(void)sem_post(&blocker->let_go);
	while (sem_wait(&blocker->left) != 0)
		;
	(void)sem_destroy(&blocker->entered);
	(void)sem_destroy(&blocker->let_go);
	(void)sem_destroy(&blocker->left);
}
