/* A key is used once: whoever comes with it again is parked, answered or refused, until its record has left. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "epoch/epoch.h"
#include "ledger/ledger.h"

static const uint8_t ours[FINGERPRINT_BYTES] = { 1, 2, 3 };
static const uint8_t other[FINGERPRINT_BYTES] = { 1, 2, 4 };
static struct ledger *ledger;
static struct epoch_worker *worker;

static void
begin(uint64_t records_max, uint64_t age_max_seconds)
{
	struct ledger_options options = { .records_max = records_max, .age_max_seconds = age_max_seconds };

	assert_int_equal(ledger_create(&options, &ledger), 0);
	worker = epoch_worker_create();
	assert_non_null(worker);
	epoch_begin(worker);
}

/* Also behind a test that failed: a section that stays open would stop all others. */
static int
leave(void **state)
{
	(void)state;
	if (worker == NULL)
		return 0;
	epoch_end(worker);
	epoch_worker_destroy(worker);
	worker = NULL;
	ledger_destroy(ledger);
	epoch_reclaim();
	return 0;
}

static void
end(void)
{
	(void)leave(NULL);
	assert_int_equal(epoch_retired_bytes(), 0);
}

static struct ledger_record *
must_claim(const char *key)
{
	struct ledger_record *claim = NULL;
	struct ledger_use use;

	assert_int_equal(ledger_claim(ledger, key, strlen(key), ours, NULL, &claim, &use), LEDGER_CLAIMED);
	assert_non_null(claim);
	return claim;
}

static void
finish(struct ledger_record *claim, const char *response, uint64_t created_at)
{
	struct ledger_use use = {
		ours, LEDGER_INCREMENT, response, strlen(response), created_at, ledger_sequence_next(ledger), 7
	};

	ledger_finish(ledger, claim, &use);
}

static int
look(const char *key, const uint8_t *fingerprint, struct ledger_use *use)
{
	struct ledger_record *claim;
	int outcome = ledger_claim(ledger, key, strlen(key), fingerprint, NULL, &claim, use);

	if (outcome == LEDGER_CLAIMED)
		ledger_cancel(ledger, claim);
	return outcome;
}

static bool
is_there(const char *key)
{
	struct ledger_use use;

	return look(key, ours, &use) == LEDGER_REPLAY;
}

/* ---- one client ---- */

static void
answers_again(void **state)
{
	struct ledger_use use;

	(void)state;
	begin(10, 0);
	finish(must_claim("a"), "{\"applied\":2,\"total\":5}", 100);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(look("a", ours, &use), LEDGER_REPLAY);
		assert_int_equal(use.response_bytes, 23);
		assert_memory_equal(use.response, "{\"applied\":2,\"total\":5}", 23);
		assert_int_equal(use.operation, LEDGER_INCREMENT);
		assert_int_equal(use.created_at_unix, 100);
		assert_int_equal(use.sequence, 1);
		assert_int_equal(use.tag, 7);
	}
	/* Of the key, not of a beginning of it. */
	assert_int_equal(look("aa", ours, &use), LEDGER_CLAIMED);
	assert_int_equal(ledger_count(ledger), 1);
	end();
}

static void
refuses_another_request(void **state)
{
	struct ledger_use use;

	(void)state;
	begin(10, 0);
	finish(must_claim("a"), "1", 100);
	assert_int_equal(look("a", other, &use), LEDGER_CONFLICT);
	assert_int_equal(use.tag, 7);
	assert_int_equal(look("a", ours, &use), LEDGER_REPLAY);
	end();
}

static void
a_request_that_fails_leaves_nothing(void **state)
{
	struct ledger_use use;

	(void)state;
	begin(10, 0);
	ledger_cancel(ledger, must_claim("a"));
	assert_int_equal(ledger_count(ledger), 0);
	/* Any other may have the key now. */
	assert_int_equal(look("a", other, &use), LEDGER_CLAIMED);
	end();
}

static void
keys_of_any_bytes(void **state)
{
	char long_key[LEDGER_KEY_BYTES_MAX];
	struct ledger_record *claim;
	struct ledger_use use;

	(void)state;
	begin(10, 0);
	memset(long_key, 0, sizeof(long_key));
	for (size_t bytes = 1; bytes <= sizeof(long_key); bytes += 51) {
		assert_int_equal(ledger_claim(ledger, long_key, bytes, ours, NULL, &claim, &use), LEDGER_CLAIMED);
		finish(claim, "1", 100);
		assert_int_equal(ledger_claim(ledger, long_key, bytes, ours, NULL, &claim, &use), LEDGER_REPLAY);
	}
	assert_int_equal(ledger_count(ledger), 6);
	end();
}

/* ---- several ---- */

struct client {
	struct ledger_waiter waiter; /* first */
	int woken;
};

static void
wake(struct ledger_waiter *waiter)
{
	((struct client *)(void *)waiter)->woken++;
}

static void
must_park(struct client *client, const char *key, const uint8_t *fingerprint)
{
	struct ledger_record *claim;
	struct ledger_use use;

	client->waiter.wake = wake;
	client->woken = 0;
	assert_int_equal(ledger_claim(ledger, key, strlen(key), fingerprint, &client->waiter, &claim, &use),
	                 LEDGER_PARKED);
}

static void
the_answer_wakes_all(void **state)
{
	enum { CLIENTS = 100 }; /* more than are woken in one go */
	struct client clients[CLIENTS] = { 0 };

	(void)state;
	begin(10, 0);
	struct ledger_record *claim = must_claim("a");

	for (size_t i = 0; i < CLIENTS; i++)
		must_park(&clients[i], "a", i % 2 ? ours : other); /* the other request may yet be the first */
	finish(claim, "1", 100);
	for (size_t i = 0; i < CLIENTS; i++) {
		assert_int_equal(clients[i].woken, 1);
		assert_null(clients[i].waiter.claim);
	}
	end();
}

static void
a_failure_lets_the_next_go_on(void **state)
{
	struct client clients[3] = { 0 };

	(void)state;
	begin(10, 0);
	struct ledger_record *claim = must_claim("a");

	for (size_t i = 0; i < 3; i++)
		must_park(&clients[i], "a", ours);
	ledger_cancel(ledger, claim);
	assert_int_equal(clients[0].woken, 1);
	assert_non_null(clients[0].waiter.claim);
	assert_int_equal(clients[1].woken + clients[2].woken, 0);
	/* It fails, too; then the last succeeds. */
	ledger_cancel(ledger, clients[0].waiter.claim);
	assert_int_equal(clients[1].woken, 1);
	finish(clients[1].waiter.claim, "1", 100);
	assert_int_equal(clients[2].woken, 1);
	assert_null(clients[2].waiter.claim);
	assert_true(is_there("a"));
	end();
}

static void
who_has_gone_is_passed_over(void **state)
{
	struct client clients[3] = { 0 };

	(void)state;
	begin(10, 0);
	struct ledger_record *claim = must_claim("a");

	assert_false(ledger_unpark(&clients[0].waiter));
	for (size_t i = 0; i < 3; i++)
		must_park(&clients[i], "a", ours);
	assert_true(ledger_unpark(&clients[0].waiter));
	assert_false(ledger_unpark(&clients[0].waiter));
	ledger_cancel(ledger, claim);
	assert_int_equal(clients[0].woken, 0);
	assert_int_equal(clients[1].woken, 1);
	assert_false(ledger_unpark(&clients[1].waiter)); /* it has the key: it gives it on */
	assert_true(ledger_unpark(&clients[2].waiter));
	ledger_cancel(ledger, clients[1].waiter.claim);
	assert_int_equal(clients[2].woken, 0);
	assert_int_equal(look("a", ours, &(struct ledger_use){ 0 }), LEDGER_CLAIMED);
	end();
}

/* ---- the end of records ---- */

static void
the_oldest_leave_when_there_are_too_many(void **state)
{
	static const char *const keys[] = { "c", "a", "d", "b" };

	(void)state;
	begin(2, 0);
	for (size_t i = 0; i < 4; i++)
		finish(must_claim(keys[i]), "1", 100);
	assert_int_equal(ledger_count(ledger), 2);
	assert_int_equal(ledger_removed(ledger), 2);
	assert_false(is_there("c"));
	assert_false(is_there("a"));
	assert_true(is_there("d"));
	assert_true(is_there("b"));
	end();
}

static void
the_old_leave_by_their_age(void **state)
{
	(void)state;
	begin(100, 50);
	finish(must_claim("a"), "1", 100);
	finish(must_claim("b"), "1", 120);
	assert_int_equal(ledger_expire(ledger, 150, 10), 0); /* exactly as old as it may be */
	assert_true(is_there("a"));
	assert_int_equal(ledger_expire(ledger, 151, 10), 1);
	assert_false(is_there("a"));
	/* A finish does it, too. */
	finish(must_claim("c"), "1", 171);
	assert_false(is_there("b"));
	assert_int_equal(ledger_count(ledger), 1);
	end();
}

static void
a_call_removes_no_more_than_it_may(void **state)
{
	char key[8];

	(void)state;
	begin(100, 50);
	for (int i = 0; i < 90; i++) {
		(void)snprintf(key, sizeof(key), "%d", i);
		finish(must_claim(key), "1", 100);
	}
	assert_int_equal(ledger_expire(ledger, 1000, 20), 20);
	finish(must_claim("x"), "1", 1000);
	assert_in_range(ledger_count(ledger), 2, 70); /* some, not all */
	(void)ledger_expire(ledger, 1000, 1000);
	assert_int_equal(ledger_count(ledger), 1);
	end();
}

static void
prunes_the_oldest_first(void **state)
{
	struct ledger_range ranges[4];
	size_t count;

	(void)state;
	begin(100, 0);
	finish(must_claim("a"), "1", 100);
	finish(must_claim("b"), "1", 101);
	(void)ledger_sequence_next(ledger); /* of another that was not done by then */
	finish(must_claim("c"), "1", 102);
	finish(must_claim("d"), "1", 103);
	assert_int_equal(ledger_prune(ledger, 100, 100, ranges, 4, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(ledger_prune(ledger, 103, 1, ranges, 4, &count), 1);
	assert_false(is_there("a"));
	assert_true(is_there("b"));
	assert_int_equal(ledger_prune(ledger, 103, 100, ranges, 1, &count), 1); /* no room for another range */
	assert_int_equal(count, 1);
	assert_true(ranges[0].first == 2 && ranges[0].last == 2);
	assert_int_equal(ledger_prune(ledger, 104, 100, ranges, 4, &count), 2);
	assert_int_equal(count, 1);
	assert_true(ranges[0].first == 4 && ranges[0].last == 5);
	assert_int_equal(ledger_count(ledger), 0);
	end();
}

struct seen {
	char keys[16];
	size_t count;
};

static int
see(void *context, const char *key, size_t key_bytes, const struct ledger_use *use)
{
	struct seen *seen = context;

	assert_int_equal(key_bytes, 1);
	assert_int_equal(use->response_bytes, 1);
	assert_int_equal(use->response[0], *key);
	seen->keys[seen->count++] = *key;
	return *key == 'e' ? -5 : 0;
}

static int
walk(struct seen *seen)
{
	epoch_end(worker);
	int r = ledger_walk(ledger, see, seen);

	epoch_begin(worker);
	return r;
}

static void
walks_in_order_of_first_use(void **state)
{
	static const char *const keys[] = { "z", "c", "q", "b" };
	struct seen seen = { .count = 0 };

	(void)state;
	begin(3, 0);
	assert_int_equal(walk(&seen), 0);
	for (size_t i = 0; i < 4; i++)
		finish(must_claim(keys[i]), keys[i], 100);
	struct ledger_record *claim = must_claim("x"); /* not done: not seen */

	assert_int_equal(walk(&seen), 0);
	assert_string_equal(seen.keys, "cqb");
	finish(claim, "x", 100);
	finish(must_claim("e"), "e", 100);
	finish(must_claim("f"), "f", 100);
	seen = (struct seen){ .count = 0 };
	assert_int_equal(walk(&seen), -5);
	assert_string_equal(seen.keys, "xe");
	end();
}

struct walker {
	struct seen seen;
	_Atomic bool has_ended;
};

static void *
walk_aside(void *argument)
{
	struct walker *walker = argument;

	(void)ledger_walk(ledger, see, &walker->seen);
	atomic_store(&walker->has_ended, true);
	return NULL;
}

/* In an open section a record may be finished but not linked yet, and hide those behind it. */
static void
a_walk_waits_for_sections(void **state)
{
	struct walker walker = { .has_ended = false };
	pthread_t thread;

	(void)state;
	begin(3, 0);
	assert_int_equal(pthread_create(&thread, NULL, walk_aside, &walker), 0);
	(void)usleep(20000); /* if it is late, nothing is tested, but nothing fails */
	bool has_ended = atomic_load(&walker.has_ended);

	finish(must_claim("a"), "a", 100);
	epoch_end(worker);
	(void)pthread_join(thread, NULL);
	epoch_begin(worker);
	assert_false(has_ended);
	assert_string_equal(walker.seen.keys, "a");
	end();
}

static void
is_destroyed_with_claims(void **state)
{
	(void)state;
	begin(10, 0);
	(void)must_claim("a");
	finish(must_claim("b"), "1", 100);
	end();
}

#define ledger_test(test) cmocka_unit_test_teardown(test, leave)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ledger_test(answers_again),
		ledger_test(refuses_another_request),
		ledger_test(a_request_that_fails_leaves_nothing),
		ledger_test(keys_of_any_bytes),
		ledger_test(the_answer_wakes_all),
		ledger_test(a_failure_lets_the_next_go_on),
		ledger_test(who_has_gone_is_passed_over),
		ledger_test(the_oldest_leave_when_there_are_too_many),
		ledger_test(the_old_leave_by_their_age),
		ledger_test(a_call_removes_no_more_than_it_may),
		ledger_test(prunes_the_oldest_first),
		ledger_test(walks_in_order_of_first_use),
		ledger_test(a_walk_waits_for_sections),
		ledger_test(is_destroyed_with_claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
