/* Nothing retired is freed under a section or a walk that could see it, everything is freed after them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "epoch/epoch.h"

static _Atomic int freed;

struct object {
	struct epoch_retired retired;
};

static void
destroy(struct epoch_retired *retired)
{
	atomic_fetch_add(&freed, 1);
	free(retired);
}

static void
retire_one(void)
{
	struct object *object = malloc(sizeof(*object));

	assert_non_null(object);
	epoch_retire(&object->retired, destroy, 100);
}

static void
frees_when_nobody_looks(void **state)
{
	(void)state;
	atomic_store(&freed, 0);
	retire_one();
	retire_one();
	assert_int_equal(epoch_retired_bytes(), 200);
	assert_int_equal(atomic_load(&freed), 0);
	epoch_reclaim();
	assert_int_equal(atomic_load(&freed), 2);
	assert_int_equal(epoch_retired_bytes(), 0);
}

static void
postpones_what_a_walk_may_see(void **state)
{
	(void)state;
	atomic_store(&freed, 0);
	unsigned first = epoch_walk_begin();

	retire_one();
	epoch_reclaim();
	assert_int_equal(atomic_load(&freed), 0);
	/* A walk that begins later does not keep it. */
	unsigned second = epoch_walk_begin();

	epoch_walk_end(first);
	epoch_reclaim();
	assert_int_equal(atomic_load(&freed), 1);
	/* What comes while a walk runs waits for that walk. */
	retire_one();
	epoch_reclaim();
	assert_int_equal(atomic_load(&freed), 1);
	epoch_walk_end(second);
	epoch_reclaim();
	assert_int_equal(atomic_load(&freed), 2);
}

struct section {
	struct epoch_worker *worker;
	atomic_bool open, may_end;
	atomic_bool quiesced;
};

static void *
hold_section(void *argument)
{
	struct section *section = argument;

	epoch_begin(section->worker);
	atomic_store(&section->open, true);
	while (!atomic_load(&section->may_end))
		(void)sched_yield();
	/* The waiter cannot have come through while we are inside. */
	bool early = atomic_load(&section->quiesced);

	epoch_end(section->worker);
	return early ? section : NULL;
}

static void *
quiesce(void *argument)
{
	struct section *section = argument;

	epoch_quiesce();
	atomic_store(&section->quiesced, true);
	return NULL;
}

static void
quiescence_waits_for_open_sections(void **state)
{
	(void)state;
	for (int round = 0; round < 50; round++) {
		struct section section = { .worker = epoch_worker_create() };
		pthread_t holder, waiter;
		void *early = NULL;

		assert_non_null(section.worker);
		assert_int_equal(pthread_create(&holder, NULL, hold_section, &section), 0);
		while (!atomic_load(&section.open))
			(void)sched_yield();
		assert_int_equal(pthread_create(&waiter, NULL, quiesce, &section), 0);
		for (int i = 0; i < 100; i++)
			(void)sched_yield();
		assert_false(atomic_load(&section.quiesced));
		atomic_store(&section.may_end, true);
		assert_int_equal(pthread_join(holder, &early), 0);
		assert_int_equal(pthread_join(waiter, NULL), 0);
		assert_null(early);
		assert_true(atomic_load(&section.quiesced));
		epoch_worker_destroy(section.worker);
	}
}

/* A worker that is inside nearly always is waited for once: its next section is not ours. */
struct busy {
	struct epoch_worker *worker;
	_Atomic uint64_t sections;
};

static atomic_bool busy_may_end;

static void *
begin_again_at_once(void *argument)
{
	struct busy *busy = argument;

	while (!atomic_load(&busy_may_end)) {
		epoch_begin(busy->worker);
		/* Long enough that whoever looks finds it inside; the counter tells how many began. */
		atomic_fetch_add(&busy->sections, 1);
		(void)nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
		epoch_end(busy->worker);
	}
	return NULL;
}

static void *
quiesce_often(void *argument)
{
	for (int i = 0; i < 20; i++)
		epoch_quiesce();
	return argument;
}

static void
quiescence_takes_one_pass_of_a_busy_worker(void **state)
{
	struct busy busy = { .worker = epoch_worker_create() };
	pthread_t thread;
	pthread_t others[2];

	(void)state;
	atomic_store(&busy_may_end, false);
	assert_int_equal(pthread_create(&thread, NULL, begin_again_at_once, &busy), 0);
	while (atomic_load(&busy.sections) == 0)
		(void)sched_yield();
	/* Several threads may wait at once. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&others[i], NULL, quiesce_often, NULL), 0);
	int single = 0;

	for (int i = 0; i < 200 && single < 10; i++) {
		uint64_t before = atomic_load(&busy.sections);

		epoch_quiesce();
		single += atomic_load(&busy.sections) - before <= 1;
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_join(others[i], NULL), 0);
	atomic_store(&busy_may_end, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	/* More only when a thread was not scheduled. ck_epoch always took two or three. */
	assert_int_equal(single, 10);
	epoch_worker_destroy(busy.worker);
}

static void
a_worker_is_used_again(void **state)
{
	struct epoch_worker *first = epoch_worker_create();
	struct epoch_worker *second = epoch_worker_create();

	(void)state;
	assert_ptr_not_equal(first, second);
	epoch_begin(first);
	assert_true(epoch_in_section(first));
	assert_false(epoch_in_section(second));
	epoch_end(first);
	epoch_worker_destroy(first);
	struct epoch_worker *third = epoch_worker_create();

	assert_ptr_equal(first, third);
	epoch_quiesce();
	epoch_worker_destroy(second);
	epoch_worker_destroy(third);
}

/* Readers follow a pointer that a writer swaps; a freed object would be caught by its guard or by AddressSanitizer. */
enum { READERS = 2, SWAPS = 3000 };

struct guarded {
	struct epoch_retired retired;
	_Atomic uint64_t guard;
};

static _Atomic(struct guarded *) shared;
static atomic_bool stop;

static void
poison(struct epoch_retired *retired)
{
	struct guarded *object = (struct guarded *)(void *)retired;

	atomic_store(&object->guard, 0);
	free(object);
}

static struct guarded *
guarded_create(void)
{
	struct guarded *object = calloc(1, sizeof(*object));

	assert_non_null(object);
	atomic_store(&object->guard, 42);
	return object;
}

static void *
read_shared(void *argument)
{
	struct epoch_worker *worker = argument;
	uintptr_t bad = 0;

	while (!atomic_load(&stop)) {
		epoch_begin(worker);
		for (int i = 0; i < 16; i++)
			bad += atomic_load(&atomic_load(&shared)->guard) != 42;
		epoch_end(worker);
	}
	return (void *)bad;
}

static void
readers_never_meet_freed_memory(void **state)
{
	pthread_t thread[READERS];
	struct epoch_worker *worker[READERS];

	(void)state;
	atomic_store(&shared, guarded_create());
	for (int i = 0; i < READERS; i++) {
		worker[i] = epoch_worker_create();
		assert_int_equal(pthread_create(&thread[i], NULL, read_shared, worker[i]), 0);
	}
	for (int i = 0; i < SWAPS; i++) {
		struct guarded *before = atomic_exchange(&shared, guarded_create());

		epoch_retire(&before->retired, poison, sizeof(*before));
		if (i % 8 == 0)
			epoch_reclaim();
	}
	atomic_store(&stop, true);
	for (int i = 0; i < READERS; i++) {
		void *bad = NULL;

		assert_int_equal(pthread_join(thread[i], &bad), 0);
		assert_null(bad);
		epoch_worker_destroy(worker[i]);
	}
	epoch_reclaim();
	assert_int_equal(epoch_retired_bytes(), 0);
	free(atomic_load(&shared));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frees_when_nobody_looks),
		cmocka_unit_test(postpones_what_a_walk_may_see),
		cmocka_unit_test(quiescence_waits_for_open_sections),
		cmocka_unit_test(quiescence_takes_one_pass_of_a_busy_worker),
		cmocka_unit_test(a_worker_is_used_again),
		cmocka_unit_test(readers_never_meet_freed_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
