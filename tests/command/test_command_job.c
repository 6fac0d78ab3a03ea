/* Pending requests come back with their tickets in the order they were run, join dumps, and are bounded. */
#include "command/asker.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "command/command_internal.h"

int __real_tree_delete_range_all(struct engine_worker *worker, const char *name, size_t bytes, uint64_t from,
                                 uint64_t to, const struct section_steps *steps);
int __wrap_tree_delete_range_all(struct engine_worker *worker, const char *name, size_t bytes, uint64_t from,
                                 uint64_t to, const struct section_steps *steps);

/* What the next whole-tree delete returns, if not 0. Relaxed: the job's queue orders it. */
static _Atomic(int) delete_failure;

int
__wrap_tree_delete_range_all(struct engine_worker *worker, const char *name, size_t bytes, uint64_t from, uint64_t to,
                             const struct section_steps *steps)
{
	int r = atomic_exchange_explicit(&delete_failure, 0, memory_order_relaxed);

	if (r == 0)
		return __real_tree_delete_range_all(worker, name, bytes, from, to, steps);
	(void)steps->check(steps->context); /* one section was begun */
	return r;
}

/* Submits a request that stays pending. */
static void
submit(struct asker *asker, const char *line, uint64_t ticket)
{
	command_batch_begin(asker->worker);
	assert_int_equal(command_batch_push(asker->worker, line, strlen(line), &asker->client, ticket), 0);
	assert_int_equal(command_batch_run(asker->worker, 0, &asker->reply, &(uint64_t){ 0 }), COMMAND_PENDING);
	command_batch_end(asker->worker);
}

static void
assert_completed(struct asker *asker, uint64_t ticket, const char *response)
{
	struct buffer reply;
	char expected[256];

	assert_int_equal(asker_wait(asker, &reply), ticket);
	(void)snprintf(expected, sizeof(expected), "{\"success\":true,\"response\":%s}\r\n", response);
	assert_int_equal(reply.bytes, strlen(expected));
	assert_memory_equal(reply.data, expected, reply.bytes);
	buffer_deinit(&reply);
}

static void
replies_come_in_the_order_of_the_jobs(void **state)
{
	struct asker *asker = *state;
	struct blocker blocker;
	uint64_t ticket;
	struct buffer reply;

	kit_add(asker->kit, "a", 1, 1);
	assert_false(command_completed(asker->worker, &ticket, &reply, &(uint64_t){ 0 }));
	asker_block_maintenance(asker, &blocker);
	submit(asker, "{\"command\":\"dump\",\"tree_name\":\"a\"}", 3);
	submit(asker, "{\"command\":\"delete\",\"tree_name\":\"a\",\"time_from\":0,\"time_to\":1}", 1);
	submit(asker, "{\"command\":\"dump\",\"tree_name\":\"a\"}", UINT64_MAX);
	assert_int_equal(command_pending(asker->worker), 3);
	assert_false(command_completed(asker->worker, &ticket, &reply, &(uint64_t){ 0 }));
	/* The other thread is not held up. */
	submit(asker, "{\"command\":\"trees\"}", 9);
	assert_completed(asker, 9, "[\"a\"]");
	asker_unblock(&blocker);
	assert_completed(asker, 3, "\"Tree \\\"a\\\" saved\"");
	assert_completed(asker, 1, "true");
	assert_completed(asker, UINT64_MAX, "\"Tree \\\"a\\\" saved\"");
	assert_int_equal(command_pending(asker->worker), 0);
	assert_int_equal(kit_file_count(asker->kit, "_a.tree"), 1); /* one dump for both */
}

/* Whoever asks after the cut of a dump has begun gets one of its own. */
static void
a_dump_holds_what_was_acknowledged_before_it_was_asked_for(void **state)
{
	struct asker *asker = *state;

	kit_add(asker->kit, "a", 1, 1);
	for (int i = 0; i < 3; i++) {
		submit(asker, "{\"command\":\"dump\",\"tree_name\":\"a\"}", 1);
		assert_completed(asker, 1, "\"Tree \\\"a\\\" saved\"");
		kit_add(asker->kit, "a", 1, 1);
	}
	assert_int_equal(kit_file_count(asker->kit, "_a.tree"), 3);
}

static void
nothing_run(struct job *job)
{
	(void)job;
}

static void
nothing_done(struct job *job)
{
	(void)job;
}

static void
the_queue_is_bounded(void **state)
{
	struct asker *asker = *state;
	struct blocker blocker;
	static struct job reserved = { .run = nothing_run, .done = nothing_done };
	const char *refused = "\"Too many requests are waiting, nothing changed\"";

	kit_add(asker->kit, "a", 1, 1);
	asker_block_maintenance(asker, &blocker);
	for (uint64_t i = 0; i < JOBS_QUEUED_MAX; i++)
		submit(asker, "{\"command\":\"dump\",\"tree_name\":\"a\"}", i);
	asker_expect(asker, "{\"command\":\"dump_all\"}", false, refused);
	buffer_truncate(&asker->reply, 0);
	asker_expect(asker, "{\"command\":\"load\",\"tree_name\":\"x\"}", false, refused);
	assert_int_equal(command_pending(asker->worker), JOBS_QUEUED_MAX);
	bool kept = store_submit_maintenance_reserved(asker->kit->store, &reserved); /* as by a signal */

	asker_unblock(&blocker);
	assert_true(kept);
	for (uint64_t i = 0; i < JOBS_QUEUED_MAX; i++)
		assert_completed(asker, i, "\"Tree \\\"a\\\" saved\"");
	assert_int_equal(kit_file_count(asker->kit, "_a.tree"), 1);
}

static void
a_delete_that_stopped_midway_says_so(void **state)
{
	struct asker *asker = *state;
	const char *line = "{\"command\":\"delete\",\"tree_name\":\"a\",\"time_from\":0,\"time_to\":99999999}";

	kit_add(asker->kit, "a", 1, 1);
	atomic_store_explicit(&delete_failure, -ENOMEM, memory_order_relaxed);
	asker_expect(asker, line, false, "\"Out of memory, a part of the tree may be deleted: repeat the request\"");
	atomic_store_explicit(&delete_failure, -ENOSPC, memory_order_relaxed);
	asker_expect(asker, line, false,
	             "\"Disk is full, writes are refused, a part of the tree may be deleted: repeat the request\"");
	asker_expect(asker, line, true, "true");
	assert_int_equal(kit_total(asker->kit, "a", 1), 0);
}

static void
an_abandoned_request_is_not_begun(void **state)
{
	struct asker *asker = *state;
	struct blocker blocker;
	struct buffer reply;

	kit_add(asker->kit, "a", 1, 1);
	asker_block_maintenance(asker, &blocker);
	submit(asker, "{\"command\":\"delete\",\"tree_name\":\"a\",\"time_from\":0,\"time_to\":99999999}", 1);
	submit(asker, "{\"command\":\"dump\",\"tree_name\":\"a\"}", 2);
	submit(asker, "{\"command\":\"load\",\"tree_name\":\"none\"}", 3);
	submit(asker, "{\"command\":\"delete\",\"tree_name\":\"b\",\"time_from\":0,\"time_to\":1}", 4);
	for (uint64_t ticket = 1; ticket <= 3; ticket++)
		command_abandon(asker->worker, ticket);
	command_abandon(asker->worker, 5); /* nobody's */
	assert_int_equal(command_pending(asker->worker), 4);
	asker_unblock(&blocker);
	for (uint64_t ticket = 1; ticket <= 3; ticket++) {
		assert_int_equal(asker_wait(asker, &reply), ticket);
		buffer_deinit(&reply);
	}
	assert_completed(asker, 4, "true");
	assert_int_equal(command_pending(asker->worker), 0);
	assert_int_equal(kit_total(asker->kit, "a", 1), 1);
	assert_int_equal(kit_file_count(asker->kit, "_a.tree"), 0);
	command_abandon(asker->worker, 4); /* too late, and harmless */
}

/* Runs the job at once: on the store's thread it would be a matter of time where it notices. */
static bool
run_shows(struct command_job *job, void (*run)(struct job *job), const char *text)
{
	buffer_truncate(&job->reply, 0);
	run(&job->job);
	return memmem(job->reply.data, job->reply.bytes, text, strlen(text)) != NULL;
}

static void
an_abandoned_walk_ends(void **state)
{
	struct asker *asker = *state;
	struct command_job *job = calloc(1, sizeof(*job) + 1);

	assert_non_null(job);
	kit_add(asker->kit, "a", 1, 1);
	kit_file_foreign(asker->kit, "1_f.tree", 1, 1);
	job->owner = asker->worker;
	job->store = asker->kit->store;
	job->tree[0] = 'a';
	job->tree_bytes = 1;
	job->to = DAY_MAX;
	buffer_init(&job->reply, SIZE_MAX);
	assert_true(run_shows(job, v1_job_find, "\"1\":{"));
	assert_true(run_shows(job, command_job_trees, "\"a\""));
	assert_true(run_shows(job, v1_job_dumps, "_f.tree"));
	atomic_store_explicit(&job->abandoned, true, memory_order_relaxed);
	assert_false(run_shows(job, v1_job_find, "\"1\":{"));
	assert_false(run_shows(job, command_job_trees, "\"a\""));
	assert_false(run_shows(job, v1_job_dumps, "_f.tree"));
	buffer_deinit(&job->reply);
	free(job);
}

struct unblocking {
	struct blocker blocker;
	const struct command_job *last; /* that is abandoned when all are */
};

static void *
unblock_when_abandoned(void *argument)
{
	enum { TRIES = 2000 };
	const struct timespec pause = { .tv_nsec = 1000000 };
	struct unblocking *unblocking = argument;

	for (int i = 0; i < TRIES && !command_job_is_abandoned(unblocking->last); i++)
		(void)nanosleep(&pause, NULL);
	asker_unblock(&unblocking->blocker);
	return NULL;
}

static const struct command_job *
last_pending(const struct command_worker *worker)
{
	const struct command_job *job;
	const struct command_job *last = NULL;

	for (size_t i = 0; i < TICKET_LISTS; i++) {
		LIST_FOREACH(job, &worker->pending_lists[i], pending_link)
		last = job;
	}
	return last;
}

/* The worker goes only when nobody can call it any more, but begins nothing meanwhile. */
static void
destroy_abandons_what_is_pending_and_waits_for_it(void **state)
{
	struct asker *asker = *state;
	struct unblocking unblocking;
	pthread_t thread;

	kit_add(asker->kit, "a", 1, 1);
	asker_block_maintenance(asker, &unblocking.blocker);
	for (uint64_t i = 0; i < 10; i++) {
		submit(asker, "{\"command\":\"dump\",\"tree_name\":\"a\"}", i);
		submit(asker, "{\"command\":\"trees\"}", i);
	}
	unblocking.last = last_pending(asker->worker);
	assert_int_equal(pthread_create(&thread, NULL, unblock_when_abandoned, &unblocking), 0);
	asker_restart(asker);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(kit_file_count(asker->kit, "_a.tree"), 0);
}

enum { WORKERS = 2, LIVES = 50, BATCHES = 10, LINES = 100, KEYS = 20000 };

static const char one[] = "{\"success\":true,\"response\":1}\r\n";

/* Every line of the batch is an increment, and is answered as one. */
static void
run_increments(struct command_worker *worker, const char *line, int count, struct buffer *out)
{
	struct command_client client = { 0 };
	buffer_truncate(out, 0);
	command_batch_begin(worker);
	for (int i = 0; i < count; i++)
		assert_int_equal(command_batch_push(worker, line, strlen(line), &client, 0), i);
	for (int i = 0; i < count; i++)
		assert_int_equal(command_batch_run(worker, i, out, &(uint64_t){ 0 }), COMMAND_DONE);
	command_batch_end(worker);
	assert_int_equal(out->bytes, (size_t)count * (sizeof(one) - 1));
	for (int i = 0; i < count; i++)
		assert_memory_equal(out->data + (size_t)i * (sizeof(one) - 1), one, sizeof(one) - 1);
}

/* Workers that come and go, also in the middle of a cut. All make the same trees at about the same time. */
static void *
increment_in_many_lives(void *argument)
{
	struct asker *asker = argument;
	struct command_worker *worker = NULL;
	struct buffer out;
	char line[80];

	buffer_init(&out, SIZE_MAX);
	for (int life = 0; life < LIVES; life++) {
		assert_int_equal(command_worker_create(&asker->options, &worker), 0);
		(void)snprintf(line, sizeof(line), "{\"command\":\"increment\",\"tree_name\":\"t%d\",\"key\":1}", life);
		run_increments(worker, line, 1, &out);
		for (int batch = 0; batch < BATCHES; batch++)
			run_increments(worker, "{\"command\":\"increment\",\"tree_name\":\"a\",\"key\":1}", LINES,
			               &out);
		command_worker_destroy(worker);
	}
	buffer_deinit(&out);
	return NULL;
}

/* Nothing is lost while trees are dumped, listed, dropped and freed beside the workers. */
static void
workers_run_beside_the_stores_threads(void **state)
{
	struct asker *asker = *state;
	const uint64_t total = (uint64_t)WORKERS * LIVES * BATCHES * LINES;
	pthread_t threads[WORKERS];

	for (uint64_t key = 2; key < KEYS; key++)
		kit_add(asker->kit, "a", key, 1);
	for (size_t i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, increment_in_many_lives, asker), 0);
	for (int i = 0; i < 20; i++) {
		if (i % 5 == 0)
			asker_expect(asker, "{\"command\":\"dump_all\"}", true, "\"OK\"");
		asker_expect(asker, "{\"command\":\"create\",\"tree_name\":\"b\"}", true, "\"OK\"");
		(void)asker_ask(asker,
		                "{\"command\":\"find\",\"tree_name\":\"a\",\"time_from\":0,\"time_to\":99999999}");
		asker_expect(asker, "{\"command\":\"drop\",\"tree_name\":\"b\"}", true, "\"OK\"");
		asker_expect(asker, "{\"command\":\"dump\",\"tree_name\":\"a\"}", true, "\"Tree \\\"a\\\" saved\"");
	}
	for (size_t i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(kit_total(asker->kit, "a", 1), total);
	for (int life = 0; life < LIVES; life++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "t%d", life);
		assert_int_equal(kit_total(asker->kit, name, 1), WORKERS);
	}
	assert_int_equal(kit_dump_all(asker->kit), 0);
	command_worker_destroy(asker->worker);
	kit_close(asker->kit);
	assert_int_equal(kit_open(asker->kit), 0);
	assert_int_equal(kit_total(asker->kit, "a", 1), total);
	asker->options.engine = asker->kit->engine;
	asker->options.store = asker->kit->store;
	assert_int_equal(command_worker_create(&asker->options, &asker->worker), 0);
}

#define ask_test(test) cmocka_unit_test_setup_teardown(test, asker_setup, asker_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ask_test(replies_come_in_the_order_of_the_jobs),
		ask_test(a_dump_holds_what_was_acknowledged_before_it_was_asked_for),
		ask_test(the_queue_is_bounded),
		ask_test(a_delete_that_stopped_midway_says_so),
		ask_test(an_abandoned_request_is_not_begun),
		ask_test(an_abandoned_walk_ends),
		ask_test(destroy_abandons_what_is_pending_and_waits_for_it),
		ask_test(workers_run_beside_the_stores_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
