/* Every note that was added is drained once and in order, also while its worker goes on adding. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "engine/note.h"

enum { NOTES = 200000 };

struct expected {
	uint64_t next;
	bool wrong;
};

static void
check(void *context, const struct note *note)
{
	struct expected *expected = context;

	expected->wrong |= note->key != expected->next || note->raw != ~note->key;
	expected->next++;
}

static void *
produce(void *argument)
{
	struct note_list *list = argument;

	for (uint64_t i = 0; i < NOTES; i++) {
		if (i % 7 == 0 && !note_reserve(list, 7))
			return list;
		note_add(list, &(struct note){ .key = i, .raw = ~i });
	}
	return NULL;
}

static void
drains_beside_its_producer(void **state)
{
	struct note_list list;
	struct expected expected = { 0 };
	pthread_t producer;
	void *failed = NULL;

	(void)state;
	assert_int_equal(note_list_init(&list), 0);
	assert_int_equal(pthread_create(&producer, NULL, produce, &list), 0);
	while (expected.next < NOTES && !expected.wrong) {
		note_drain(&list, check, &expected);
		(void)sched_yield();
	}
	assert_int_equal(pthread_join(producer, &failed), 0);
	assert_null(failed);
	assert_false(expected.wrong);
	assert_int_equal(expected.next, NOTES);
	note_list_deinit(&list);
}

static void
reserves_room_that_adding_uses_up(void **state)
{
	struct note_list list;
	struct expected expected = { 0 };

	(void)state;
	assert_int_equal(note_list_init(&list), 0);
	assert_true(note_reserve(&list, 10 * NOTE_CHUNK));
	for (uint64_t i = 0; i < 10 * NOTE_CHUNK; i++)
		note_add(&list, &(struct note){ .key = i, .raw = ~i });
	assert_true(list.room < NOTE_CHUNK);
	note_drain(&list, check, &expected);
	assert_false(expected.wrong);
	assert_int_equal(expected.next, 10 * NOTE_CHUNK);
	note_list_deinit(&list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drains_beside_its_producer),
		cmocka_unit_test(reserves_room_that_adding_uses_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
