/*
 * A crash between any two steps of full dumps, with writes between them, leaves every answered write counted exactly once.
 *
 * Every copy is started, and all of the writes are sent again, with one more crash in between.
 */
#include "ledger/database.h"

#include <stdio.h>

#include "store/steps.h"

enum { STEPS_MIN = 20, ROUNDS = 3, WRITES = 4 };

static const char *
key_of(int write)
{
	static char key[24];

	(void)snprintf(key, sizeof(key), "write %d", write);
	return key;
}

static void
must_open(struct database *database)
{
	if (database_open(database) < 0)
		fail_msg("%s", database->kit->fault.text);
}

/* One that was not answered may have been counted: then its record is there, and it is not counted again. */
static void
check_step(struct step *step)
{
	enum { ALL = ROUNDS * WRITES };
	struct database database = { .kit = step->kit, .options = { .records_max = 1000 } };

	must_open(&database);
	for (int i = 0; i < step->answered; i++)
		assert_true(database_knows(&database, key_of(i)));
	for (int i = 0; i < ALL / 2; i++)
		(void)database_add(&database, key_of(i), (uint64_t)1 << i);
	database_crash(&database);
	must_open(&database);
	for (int i = 0; i < ALL; i++)
		(void)database_add(&database, key_of(i), (uint64_t)1 << i);
	/* Each has a bit of its own. */
	assert_int_equal(kit_total(step->kit, "t", 1), (1 << ALL) - 1);
	database_close(&database);
	(void)kit_teardown((void **)&step->kit);
}

static void
a_crash_at_any_step(void **state)
{
	struct database database = { .kit = *state, .options = { .records_max = 1000 } };

	must_open(&database);
	steps_begin(database.kit);
	for (int i = 0; i < ROUNDS * WRITES; i++) {
		assert_true(database_add(&database, key_of(i), (uint64_t)1 << i));
		steps_answered = i + 1;
		if (i % WRITES == WRITES / 2)
			assert_int_equal(kit_dump_all(database.kit), 0);
	}
	(void)steps_end(STEPS_MIN);
	database_close(&database);
	for (size_t i = 0; i < step_count; i++)
		check_step(&steps[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_crash_at_any_step, kit_setup_log, kit_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
