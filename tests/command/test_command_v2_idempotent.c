/* A request with an idempotency key is done once, however often and from wherever it comes, and its answer is the first one. */
#include "command/asker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wal/wal.h"

#define INCREMENT "\"op\":\"counter.increment\",\"series\":\"a\",\"key\":1,\"bucket\":20260101,\"value\":2"
#define DELETE    "\"op\":\"tree.delete_range\",\"series\":\"a\",\"range\":{\"from\":20260101,\"to\":20260131}"
#define SUM       "\"op\":\"counter.sum\",\"series\":\"a\",\"key\":1"
#define KEY(key)  ",\"idempotency_key\":\"" key "\""

/* The reply stands in asker->reply, NUL-terminated. */
static enum command_status
run(struct asker *asker, const char *members, uint64_t ticket, uint64_t *ret_hold)
{
	static char line[4096];

	(void)snprintf(line, sizeof(line), "{\"v\":2,%s}", members);
	buffer_truncate(&asker->reply, 0);
	command_batch_begin(asker->worker);
	int index = asker_push(asker, line, ticket);
	enum command_status status = command_batch_run(asker->worker, index, &asker->reply, ret_hold);

	command_batch_end(asker->worker);
	buffer_append_byte(&asker->reply, '\0');
	return status;
}

static void
expect_text(const char *reply, const char *response, bool repeated)
{
	static char expected[512];

	(void)snprintf(
	    expected, sizeof(expected),
	    "{\"protocol_version\":2,\"success\":true,\"response\":%s,\"idempotent\":%s,\"error_code\":null}\r\n",
	    response, repeated ? "true" : "false");
	assert_string_equal(reply, expected);
}

static void
expect(struct asker *asker, const char *members, const char *response, bool repeated)
{
	static char line[4096];

	(void)snprintf(line, sizeof(line), "{\"v\":2,%s}", members);
	expect_text(asker_ask(asker, line), response, repeated);
}

static void
answered_again(void **state)
{
	struct asker *asker = *state;

	expect(asker, INCREMENT KEY("k"), "2", false);
	expect(asker, INCREMENT KEY("k"), "2", true);
	asker_expect_v2(asker, SUM, "2");
	asker_expect_v2_error(asker, INCREMENT ",\"value\":3" KEY("k"), "idempotency_conflict",
	                      "Idempotency key was already used with a different request");
	expect(asker, INCREMENT ",\"idempotency_key\":77", "2", false);
	expect(asker, INCREMENT KEY("77"), "2", true);
	asker_expect_v2(asker, INCREMENT, "2");
	asker_expect_v2(asker, SUM, "6");
}

static void
fingerprints(void **state)
{
	struct asker *asker = *state;

	asker_expect_v2_error(asker, INCREMENT KEY("k") ",\"fingerprint\":\"00\"", "idempotency_conflict",
	                      "Field fingerprint does not match request fingerprint");
	expect(asker,
	       "\"op\":\"series.increment\",\"tree\":\"i\",\"key\":1,\"bucket\":20260101,\"value\":2" KEY(
	           "k") ",\"fingerprint\":\"3c0e743a103693b46098771a957b9f29c135240d6bac3cc5ed6c8a5dc65ca735\"",
	       "2", false);
}

static void
every_operation(void **state)
{
	struct asker *asker = *state;
	static const char *const steps[][2] = {
		{ "\"op\":\"counter.increment\",\"series\":\"a\",\"key\":1", "1" },
		{ "\"op\":\"counter.decrement\",\"series\":\"a\",\"key\":1,\"bucket\":20260101", "1" },
		{ "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[1,20260101,3],[1,20260102,4],[2,20260101,5]"
		  "]",
		  "{\"applied\":3,\"total\":12}" },
		{ "\"op\":\"series.batch_set\",\"series\":\"a\",\"items\":[[1,20260101,6],[3,20260101,7]]",
		  "{\"applied\":2}" },
		{ "\"op\":\"counter.delete_range\",\"series\":\"a\",\"key\":1,\"range\":{\"from\":20260102,\"to\":"
		  "20260102}",
		  "true" },
		{ "\"op\":\"counter.batch_delete_range\",\"series\":\"a\",\"keys\":[2,9],\"range\":{\"from\":20260101,"
		  "\"to\":20260101}",
		  "{\"deleted\":1,\"missing\":1}" },
		{ "\"op\":\"counter.batch_reset\",\"series\":\"a\",\"keys\":[3,9]", "{\"reset\":1,\"missing\":1}" },
		{ DELETE, "true" },
		{ "\"op\":\"counter.reset\",\"series\":\"a\",\"key\":1", "\"OK\"" },
		{ "\"op\":\"tree.reset\",\"series\":\"a\"", "\"OK\"" },
		{ "\"op\":\"tree.delete_range\",\"series\":\"new\",\"range\":{\"from\":20260101,\"to\":20260131}",
		  "true" },
	};
	char members[512];

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		(void)snprintf(members, sizeof(members), "%s,\"idempotency_key\":%zu", steps[i][0], i);
		expect(asker, members, steps[i][1], false);
		asker_expect_v2(
		    asker, "\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[1,20260101,1],[2,20260101,1]]",
		    "{\"applied\":2,\"total\":2}");
		expect(asker, members, steps[i][1], true);
	}
	/* The two last are followed by adds that no repeat has undone. */
	asker_expect_v2(asker, SUM, "2");
}

static void
a_failure_leaves_the_key_free(void **state)
{
	struct asker *asker = *state;

	asker_expect_v2_error(asker, "\"op\":\"counter.batch_reset\",\"series\":\"a\",\"keys\":[1]" KEY("k"),
	                      "not_found", "Tree \\\"a\\\" not found");
	expect(asker, INCREMENT KEY("k"), "2", false);
	expect(asker, INCREMENT KEY("k"), "2", true);
}

/* ---- parking ---- */

enum { FIRST = 5, SECOND = 6, THIRD = 7 };

/* A delete is pending on a thread that is blocked, and so many others with its key are parked. */
static void
park(struct asker *asker, struct blocker *blocker, int parked)
{
	uint64_t hold;

	asker_expect_v2(asker, INCREMENT, "2");
	asker_block_maintenance(asker, blocker);
	assert_int_equal(run(asker, DELETE KEY("d"), FIRST, &hold), COMMAND_PENDING);
	for (int i = 0; i < parked; i++)
		assert_int_equal(run(asker, DELETE KEY("d"), SECOND + (uint64_t)i, &hold), COMMAND_PARKED);
	assert_int_equal(asker->reply.bytes, 1);
	assert_false(command_unparked(asker->worker, &hold));
}

static void
expect_completed(struct asker *asker, uint64_t ticket)
{
	struct buffer reply;

	assert_int_equal(asker_wait(asker, &reply), ticket);
	buffer_append_byte(&reply, '\0');
	expect_text(reply.data, "true", false);
	buffer_deinit(&reply);
}

/* The client of the first has gone before that was begun. */
static void
let_go_abandoned(struct asker *asker, struct blocker *blocker)
{
	struct buffer reply;

	command_abandon(asker->worker, FIRST);
	asker_unblock(blocker);
	assert_int_equal(asker_wait(asker, &reply), FIRST);
	buffer_deinit(&reply);
}

static void
expect_unparked(struct asker *asker, uint64_t ticket)
{
	uint64_t found;

	while (!command_unparked(asker->worker, &found))
		assert_int_equal(sem_wait(&asker->woken), 0);
	assert_int_equal(found, ticket);
}

static void
the_parked_get_the_answer(void **state)
{
	struct asker *asker = *state;
	struct blocker blocker;
	uint64_t hold = 0;

	park(asker, &blocker, 2);
	asker_unblock(&blocker);
	expect_unparked(asker, SECOND);
	expect_unparked(asker, THIRD);
	assert_int_equal(run(asker, DELETE KEY("d"), THIRD, &hold), COMMAND_DONE);
	expect_text(asker->reply.data, "true", true);
	assert_int_equal(run(asker, DELETE KEY("d"), SECOND, &hold), COMMAND_DONE);
	expect_text(asker->reply.data, "true", true);
	expect_completed(asker, FIRST);
	asker_expect_v2(asker, SUM, "0");
}

/* The first has gone before it was begun, the second before it was told: the third runs. */
static void
the_next_runs_when_the_first_has_gone(void **state)
{
	struct asker *asker = *state;
	struct blocker blocker;
	uint64_t hold;

	park(asker, &blocker, 2);
	command_abandon(asker->worker, SECOND);
	let_go_abandoned(asker, &blocker);
	expect_unparked(asker, THIRD);
	asker_expect_v2(asker, SUM, "2");
	assert_int_equal(run(asker, DELETE KEY("d"), THIRD, &hold), COMMAND_PENDING);
	expect_completed(asker, THIRD);
	asker_expect_v2(asker, SUM, "0");
	expect(asker, DELETE KEY("d"), "true", true);
}

/* The key has been handed over, and is not lost with the client. */
static void
a_claim_of_a_client_that_has_gone(void **state)
{
	struct asker *asker = *state;
	struct blocker blocker;
	uint64_t ticket;

	park(asker, &blocker, 1);
	let_go_abandoned(asker, &blocker);
	expect_unparked(asker, SECOND);
	command_abandon(asker->worker, SECOND);
	assert_false(command_unparked(asker->worker, &ticket));
	expect(asker, DELETE KEY("d"), "true", false);
}

/* The same before anybody was told of it. */
static void
a_claim_on_its_way_to_a_client_that_has_gone(void **state)
{
	struct asker *asker = *state;
	struct blocker blocker;
	uint64_t ticket;

	park(asker, &blocker, 1);
	let_go_abandoned(asker, &blocker);
	command_abandon(asker->worker, SECOND);
	assert_false(command_unparked(asker->worker, &ticket));
	expect(asker, DELETE KEY("d"), "true", false);
}

static void
a_claim_on_its_way_to_a_worker_that_ends(void **state)
{
	struct asker *asker = *state;
	struct blocker blocker;

	park(asker, &blocker, 1);
	let_go_abandoned(asker, &blocker);
	asker_restart(asker);
	expect(asker, DELETE KEY("d"), "true", false);
}

/* Its turn has come before that of the others. */
static void
the_key_is_kept_for_who_was_told(void **state)
{
	struct asker *asker = *state;
	struct blocker blocker;
	uint64_t hold;

	park(asker, &blocker, 2);
	let_go_abandoned(asker, &blocker);
	expect_unparked(asker, SECOND);
	assert_int_equal(run(asker, DELETE KEY("d"), SECOND, &hold), COMMAND_PENDING);
	expect_completed(asker, SECOND);
	expect_unparked(asker, THIRD);
	assert_int_equal(run(asker, DELETE KEY("d"), THIRD, &hold), COMMAND_DONE);
	expect_text(asker->reply.data, "true", true);
}

static void
a_worker_that_ends_leaves_no_key(void **state)
{
	struct asker *asker = *state;
	struct blocker blocker;

	park(asker, &blocker, 2);
	(void)sem_post(&blocker.let_go); /* the worker waits for its job */
	asker_restart(asker);
	while (sem_wait(&blocker.left) != 0)
		;
	/* The job was begun or not; the key is done or free, but not in use. */
	uint64_t hold;
	enum command_status status = run(asker, DELETE KEY("d"), FIRST, &hold);

	assert_int_not_equal(status, COMMAND_PARKED);
	if (status == COMMAND_PENDING)
		expect_completed(asker, FIRST);
}

/* ---- the log ---- */

static void
expect_hold(struct asker *asker, uint64_t hold, uint64_t first)
{
	if (hold != 0)
		assert_int_equal(hold, first);
	else
		assert_true(command_released(asker->worker) >= first);
}

static void
a_repeat_depends_on_the_first(void **state)
{
	struct asker *asker = *state;
	uint64_t first = 0, again = 0;

	assert_int_equal(run(asker, INCREMENT KEY("k"), 1, &first), COMMAND_DONE);
	assert_true(first > command_released(asker->worker));
	assert_int_equal(run(asker, INCREMENT KEY("k"), 1, &again), COMMAND_DONE);
	expect_text(asker->reply.data, "2", true);
	expect_hold(asker, again, first);
	assert_int_equal(run(asker, INCREMENT ",\"value\":3" KEY("k"), 1, &again), COMMAND_DONE);
	assert_non_null(strstr(asker->reply.data, "idempotency_conflict"));
	expect_hold(asker, again, first);
	asker_wait_released(asker, first);
	assert_int_equal(run(asker, INCREMENT KEY("k"), 1, &again), COMMAND_DONE);
	assert_int_equal(again, 0);
}

/* Without room the key is given back before anybody waits. */
static void
no_room(void **state)
{
	static char line[2048];
	struct asker *asker = *state;
	enum command_status status = COMMAND_DONE;
	uint64_t hold = 0;
	int index;

	command_batch_begin(asker->worker);
	for (unsigned i = 0; status == COMMAND_DONE; i++) {
		(void)snprintf(line, sizeof(line), "{\"command\":\"create\",\"tree_name\":\"%01000u\"}", i);
		index = asker_push(asker, line, 1);
		status = command_batch_run(asker->worker, index, &asker->reply, &hold);
	}
	assert_int_equal(status, COMMAND_LATER);
	for (uint64_t ticket = FIRST; ticket <= SECOND; ticket++) {
		index = asker_push(asker, "{\"v\":2," INCREMENT KEY("k") "}", ticket);
		assert_int_equal(command_batch_run(asker->worker, index, &asker->reply, &hold), COMMAND_LATER);
	}
	command_batch_end(asker->worker);
	asker_wait_released(asker, hold);
	expect(asker, INCREMENT KEY("k"), "2", false);
	expect(asker, INCREMENT KEY("k"), "2", true);
	asker_expect_v2(asker, SUM, "2");
}

static void
without_a_ledger_keys_are_refused(void **state)
{
	struct asker *asker = *state;

	asker->options.ledger = NULL;
	asker_restart(asker);
	asker_expect_v2_error(asker, INCREMENT KEY("k"), "internal_error", "Idempotency keys are not supported here");
	asker_expect_v2(asker, "\"op\":\"tree.list\"", "[]");
}

/* ---- many at once ---- */

enum { THREADS = 4, KEYS = 300, LINE = 256 };

struct client {
	struct asker asker; /* worker, woken, reply and client of its own */
	unsigned fresh;     /* answers that were not repeats */
	pthread_t thread;
};

static void
client_wake(void *context)
{
	(void)sem_post(&((struct client *)context)->asker.woken);
}

/* As the front end does it. */
static void
ask_until_done(struct client *client, const char *line)
{
	struct asker *asker = &client->asker;
	enum command_status status;
	uint64_t hold, ticket = 0;

	do {
		buffer_truncate(&asker->reply, 0);
		command_batch_begin(asker->worker);
		int index = asker_push(asker, line, FIRST);

		status = command_batch_run(asker->worker, index, &asker->reply, &hold);
		command_batch_end(asker->worker);
		while (status == COMMAND_PARKED && !command_unparked(asker->worker, &ticket))
			(void)sem_wait(&asker->woken);
		while (status == COMMAND_LATER && command_wait(asker->worker, hold))
			(void)sem_wait(&asker->woken);
	} while (status == COMMAND_PARKED || status == COMMAND_LATER);
	if (status == COMMAND_PENDING) {
		struct buffer reply;

		(void)asker_wait(asker, &reply);
		buffer_append(&asker->reply, reply.data, reply.bytes);
		buffer_deinit(&reply);
	}
	buffer_append_byte(&asker->reply, '\0');
	client->fresh += strstr(asker->reply.data, "\"idempotent\":false") != NULL;
	if (strstr(asker->reply.data, "\"success\":true") == NULL)
		fail_msg("%s", asker->reply.data);
}

static void *
client_run(void *argument)
{
	struct client *client = argument;
	char line[LINE];

	for (int i = 0; i < KEYS; i++) {
		if (i % 4 == 3)
			(void)snprintf(line, sizeof(line),
			               "{\"v\":2,\"op\":\"tree.delete_range\",\"series\":\"d\",\"range\":{\"from\":"
			               "20260101,\"to\":20260131},\"idempotency_key\":%d}",
			               i);
		else if (i % 4 == 2)
			(void)snprintf(
			    line, sizeof(line),
			    "{\"v\":2,\"op\":\"series.batch_add\",\"series\":\"a\",\"items\":[[1,20260101,1],[2,"
			    "20260101,1]],\"idempotency_key\":%d}",
			    i);
		else
			(void)snprintf(
			    line, sizeof(line),
			    "{\"v\":2,\"op\":\"counter.increment\",\"series\":\"a\",\"key\":1,\"idempotency_key\":%d}",
			    i);
		ask_until_done(client, line);
	}
	return NULL;
}

static void
client_make(struct client *client, const struct asker *asker)
{
	client->asker.options = asker->options;
	client->asker.options.wake = client_wake;
	client->asker.options.wake_context = client;
	assert_int_equal(sem_init(&client->asker.woken, 0, 0), 0);
	buffer_init(&client->asker.reply, SIZE_MAX);
	assert_int_equal(command_worker_create(&client->asker.options, &client->asker.worker), 0);
}

static void
many_at_once_count_once(void **state)
{
	struct asker *asker = *state;
	struct client *clients = calloc(THREADS, sizeof(*clients));
	unsigned fresh = 0;
	char expected[16];

	assert_non_null(clients);
	asker_expect_v2(asker, "\"op\":\"tree.create\",\"series\":\"d\"", "\"OK\"");
	for (int i = 0; i < THREADS; i++)
		client_make(&clients[i], asker);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&clients[i].thread, NULL, client_run, &clients[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		(void)pthread_join(clients[i].thread, NULL);
		fresh += clients[i].fresh;
	}
	for (int i = 0; i < THREADS; i++) {
		command_worker_destroy(clients[i].asker.worker);
		buffer_deinit(&clients[i].asker.reply);
		(void)sem_destroy(&clients[i].asker.woken);
	}
	free(clients);
	assert_int_equal(fresh, KEYS);
	(void)snprintf(expected, sizeof(expected), "%d", KEYS / 4 * 3);
	asker_expect_v2(asker, SUM, expected);
}

#define BOTH(test)                                                          \
	cmocka_unit_test_setup_teardown(test, asker_setup, asker_teardown), \
	    cmocka_unit_test_setup_teardown(test, asker_setup_log, asker_teardown)
#define LOG(test) cmocka_unit_test_setup_teardown(test, asker_setup_log, asker_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(answered_again),
		BOTH(fingerprints),
		BOTH(every_operation),
		BOTH(a_failure_leaves_the_key_free),
		BOTH(the_parked_get_the_answer),
		BOTH(the_next_runs_when_the_first_has_gone),
		BOTH(a_claim_of_a_client_that_has_gone),
		BOTH(a_claim_on_its_way_to_a_client_that_has_gone),
		BOTH(a_claim_on_its_way_to_a_worker_that_ends),
		BOTH(the_key_is_kept_for_who_was_told),
		BOTH(a_worker_that_ends_leaves_no_key),
		LOG(a_repeat_depends_on_the_first),
		LOG(no_room),
		LOG(without_a_ledger_keys_are_refused),
		BOTH(many_at_once_count_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
