/* Reads of a whole tree end when their time is up or their client has gone; the clock is the test's own. */
#include "command/asker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command/command_v2_scan.h"

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
void __real_tree_key_days(struct key_record *record, uint64_t from, uint64_t to, tree_day_fn *visit, void *context);
void __wrap_tree_key_days(struct key_record *record, uint64_t from, uint64_t to, tree_day_fn *visit, void *context);

enum { KEYS = 700 };

/* Relaxed all of them: the job's queue and the semaphores order them. */
static _Atomic(uint64_t) clock_ms; /* of reads; looks at it: */
static _Atomic(unsigned) looks;
static _Atomic(unsigned) step_ms; /* that it goes on with each look */
static _Atomic(unsigned) keys_read;
static _Atomic(unsigned) stop_at; /* this look, counted from 1, waits to be let go */
static sem_t entered, let_go;
static _Thread_local bool is_reader; /* this thread's steady clock is the test's */

static bool
is_scan_thread(void)
{
	char name[16] = "";

	(void)pthread_getname_np(pthread_self(), name, sizeof(name));
	return is_reader || strcmp(name, "scan") == 0;
}

int
__wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	if (clock != CLOCK_MONOTONIC || !is_scan_thread())
		return __real_clock_gettime(clock, ret);
	const unsigned look = 1 + atomic_fetch_add_explicit(&looks, 1, memory_order_relaxed);
	const uint64_t now = atomic_fetch_add_explicit(&clock_ms, atomic_load_explicit(&step_ms, memory_order_relaxed),
	                                               memory_order_relaxed);

	*ret = (struct timespec){ .tv_sec = (time_t)(now / 1000), .tv_nsec = (long)(now % 1000) * 1000000 };
	if (look == atomic_load_explicit(&stop_at, memory_order_relaxed)) {
		(void)sem_post(&entered);
		while (sem_wait(&let_go) != 0)
			;
	}
	return 0;
}

void
__wrap_tree_key_days(struct key_record *record, uint64_t from, uint64_t to, tree_day_fn *visit, void *context)
{
	atomic_fetch_add_explicit(&keys_read, 1, memory_order_relaxed);
	__real_tree_key_days(record, from, to, visit, context);
}

static void
set_clock(unsigned step)
{
	atomic_store_explicit(&clock_ms, 5000, memory_order_relaxed);
	atomic_store_explicit(&step_ms, step, memory_order_relaxed);
	atomic_store_explicit(&looks, 0, memory_order_relaxed);
	atomic_store_explicit(&keys_read, 0, memory_order_relaxed);
}

static unsigned
looked(void)
{
	return atomic_load_explicit(&looks, memory_order_relaxed);
}

static void
the_clock_is_looked_at_with_every_256th_key(void **state)
{
	(void)state;
	is_reader = true;
	set_clock(0);
	struct v2_deadline deadline = v2_deadline_begin(7);

	for (unsigned key = 0; key < 1000; key++) {
		assert_false(v2_deadline_has_passed(&deadline));
		assert_int_equal(looked(), 2 + key / 256);
	}
	atomic_store_explicit(&clock_ms, 5007, memory_order_relaxed); /* exactly: not yet */
	for (unsigned key = 1000; key < 1100; key++)
		assert_false(v2_deadline_has_passed(&deadline));
	atomic_store_explicit(&clock_ms, 5008, memory_order_relaxed);
	for (unsigned key = 1100; key < 1280; key++)
		assert_false(v2_deadline_has_passed(&deadline));
	assert_true(v2_deadline_has_passed(&deadline));
	set_clock(1000000);
	deadline = v2_deadline_begin(0);
	for (unsigned key = 0; key < 1000; key++)
		assert_false(v2_deadline_has_passed(&deadline));
	assert_int_equal(looked(), 0);
	is_reader = false;
}

#define RANGE "\"range\":{\"from\":20260101,\"to\":20260131}"
static const char *const reads[] = {
	"\"op\":\"tree.info\",\"series\":\"a\"",
	"\"op\":\"tree.keys\",\"series\":\"a\",\"limit\":3",
	"\"op\":\"tree.summary\",\"series\":\"a\"",
	"\"op\":\"tree.summary\",\"series\":\"a\"," RANGE,
	"\"op\":\"tree.top\",\"series\":\"a\",\"limit\":3",
	"\"op\":\"tree.top\",\"series\":\"a\",\"limit\":3," RANGE,
	"\"op\":\"tree.series\",\"series\":\"a\"," RANGE,
};
enum { READS = sizeof(reads) / sizeof(reads[0]) };

static void
fill(struct asker *asker)
{
	for (uint64_t key = 0; key < KEYS; key++)
		kit_add_day(asker->kit, "a", key, 20260101, 1);
	kit_add_day(asker->kit, "small", 1, 20260101, 1);
	(void)asker_ask(asker,
	                "{\"command\":\"trees\"}"); /* the thread has begun, and looked at the clock for itself */
}

static void
set_timeout(struct asker *asker, uint32_t timeout_ms)
{
	asker->options.query_timeout_ms = timeout_ms;
	asker->options.response_bytes_max = 1 << 20;
	asker_restart(asker);
}

static void
every_read_ends_when_its_time_is_up(void **state)
{
	struct asker *asker = *state;
	char line[256];

	fill(asker);
	set_timeout(asker, 600);
	for (unsigned i = 0; i < READS; i++) {
		set_clock(300); /* passed when it is looked at for the third time, with key 512 */
		asker_expect_v2_error(asker, reads[i], "query_timeout", "Query exceeded 600 ms");
		assert_int_equal(looked(), 4);
		if (strstr(reads[i], "range") != NULL)
			assert_int_equal(atomic_load_explicit(&keys_read, memory_order_relaxed), 512);
	}
	set_clock(601); /* with the first key, also of the smallest tree */
	asker_expect_v2_error(asker, "\"op\":\"tree.info\",\"series\":\"small\"", "query_timeout",
	                      "Query exceeded 600 ms");
	set_clock(600);
	asker_expect_v2(asker, "\"op\":\"tree.info\",\"series\":\"small\"",
	                "{\"tree\":\"small\",\"key_count\":1,\"bucket_count\":1,\"total\":1,\"branches\":9}");
	set_timeout(asker, 0);
	for (unsigned i = 0; i < READS; i++) {
		set_clock(1000000);
		(void)snprintf(line, sizeof(line), "{\"v\":2,%s}", reads[i]);
		assert_non_null(strstr(asker_ask(asker, line), "\"success\":true"));
		assert_int_equal(looked(), 0);
	}
}

static void
a_walk_ends_when_its_client_has_gone(void **state)
{
	enum { TICKET = 9, LOOK = 3, KEYS_BEFORE = 257 }; /* begin, key 0, key 256 */
	struct asker *asker = *state;
	const char *line = "{\"v\":2,\"op\":\"tree.series\",\"series\":\"a\"," RANGE "}";
	struct buffer reply;

	fill(asker);
	set_timeout(asker, 1000);
	set_clock(0);
	assert_int_equal(sem_init(&entered, 0, 0), 0);
	assert_int_equal(sem_init(&let_go, 0, 0), 0);
	atomic_store_explicit(&stop_at, LOOK, memory_order_relaxed);
	command_batch_begin(asker->worker);
	assert_int_equal(command_batch_push(asker->worker, line, strlen(line), &asker->client, TICKET), 0);
	assert_int_equal(command_batch_run(asker->worker, 0, &asker->reply, &(uint64_t){ 0 }), COMMAND_PENDING);
	command_batch_end(asker->worker);
	while (sem_wait(&entered) != 0)
		;
	command_abandon(asker->worker, TICKET);
	(void)sem_post(&let_go);
	assert_int_equal(asker_wait(asker, &reply), TICKET);
	buffer_deinit(&reply);
	assert_int_equal(atomic_load_explicit(&keys_read, memory_order_relaxed), KEYS_BEFORE);
	atomic_store_explicit(&stop_at, 0, memory_order_relaxed);
	(void)sem_destroy(&entered);
	(void)sem_destroy(&let_go);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clock_is_looked_at_with_every_256th_key),
		cmocka_unit_test_setup_teardown(every_read_ends_when_its_time_is_up, asker_setup, asker_teardown),
		cmocka_unit_test_setup_teardown(a_walk_ends_when_its_client_has_gone, asker_setup, asker_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
