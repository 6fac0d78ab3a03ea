/* A service runs jobs in order, refuses what its queue cannot hold, and does its idle work beside them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/service.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

enum { JOBS_MAX = 4 };

struct numbered {
	struct job job; /* first */
	int number;
};

static sem_t entered;
static sem_t gate;
static int ran[64];
static atomic_int run_count;
static atomic_int done_count;
static atomic_int idle_count;

static void
note_run(struct job *job)
{
	ran[atomic_load(&run_count)] = ((struct numbered *)(void *)job)->number;
	atomic_fetch_add(&run_count, 1);
}

static void
note_done(struct job *job)
{
	(void)job;
	atomic_fetch_add(&done_count, 1);
}

static void
wait_for(sem_t *semaphore)
{
	while (sem_wait(semaphore) != 0)
		;
}

static void
wait_at_gate(struct job *job)
{
	(void)job;
	(void)sem_post(&entered);
	wait_for(&gate);
}

static void
note_idle(void *context)
{
	(void)context;
	atomic_fetch_add(&idle_count, 1);
}

static int
reset(void **state)
{
	(void)state;
	atomic_store(&run_count, 0);
	atomic_store(&done_count, 0);
	atomic_store(&idle_count, 0);
	(void)sem_init(&entered, 0, 0);
	return sem_init(&gate, 0, 0);
}

static void
runs_jobs_in_order_and_refuses_too_many(void **state)
{
	const struct service_options options = { .name = "test", .jobs_max = JOBS_MAX, .jobs_reserved = 1 };
	struct job blocker = { .run = wait_at_gate, .done = note_done };
	struct numbered jobs[JOBS_MAX + 1];
	struct job reserved = { .run = wait_at_gate, .done = note_done };
	struct job too_many = { .run = wait_at_gate, .done = note_done };
	struct service *service = NULL;

	(void)state;
	assert_int_equal(service_create(&options, &service), 0);
	assert_true(service_submit(service, &blocker));
	wait_for(&entered); /* a job that runs is not in the queue any more */
	for (int i = 0; i <= JOBS_MAX; i++) {
		jobs[i] = (struct numbered){ .job = { .run = note_run, .done = note_done }, .number = i };
		assert_int_equal(service_submit(service, &jobs[i].job), i < JOBS_MAX);
	}
	assert_true(service_submit_reserved(service, &reserved));
	assert_false(service_submit_reserved(service, &too_many));
	(void)sem_post(&gate);
	(void)sem_post(&gate);
	service_destroy(service); /* runs what is queued */
	assert_int_equal(atomic_load(&run_count), JOBS_MAX);
	assert_int_equal(atomic_load(&done_count), JOBS_MAX + 2);
	for (int i = 0; i < JOBS_MAX; i++)
		assert_int_equal(ran[i], i);
}

static void
is_idle_now_and_then(void **state)
{
	const struct service_options options = {
		.name = "test",
		.jobs_max = JOBS_MAX,
		.idle_ms = 5,
		.idle = note_idle,
	};
	const struct timespec pause = { .tv_nsec = 1000000 };
	struct service *service = NULL;

	(void)state;
	assert_int_equal(service_create(&options, &service), 0);
	while (atomic_load(&idle_count) < 3)
		(void)nanosleep(&pause, NULL);
	service_destroy(service);
}

/* Also with a tick that never comes: a drop just before the end must get into the manifest. */
static void
is_idle_at_the_end(void **state)
{
	const struct service_options options = {
		.name = "test",
		.jobs_max = JOBS_MAX,
		.idle_ms = 3600000,
		.idle = note_idle,
	};
	struct service *service = NULL;

	(void)state;
	assert_int_equal(service_create(&options, &service), 0);
	service_destroy(service);
	assert_int_equal(atomic_load(&idle_count), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(runs_jobs_in_order_and_refuses_too_many, reset),
		cmocka_unit_test_setup(is_idle_now_and_then, reset),
		cmocka_unit_test_setup(is_idle_at_the_end, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
