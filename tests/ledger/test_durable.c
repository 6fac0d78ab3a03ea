/* A write and its idempotency record are there together or not at all, through crashes, dumps and restarts. */
#include "ledger/database.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "wal/recover.h"

#define LEDGER_FILE(digit) "karma-ledger-0000000000000000000" digit ".records"

static struct database
of(void **state)
{
	return (struct database){ .kit = *state, .options = { .records_max = 1000 } };
}

static void
must_open(struct database *database)
{
	if (database_open(database) < 0)
		fail_msg("%s", database->kit->fault.text);
}

static void
crash_open(struct database *database)
{
	database_crash(database);
	must_open(database);
}

static uint64_t
total(struct database *database)
{
	return kit_total(database->kit, "t", 1);
}

/* ---- with a log ---- */

static void
a_retry_after_a_crash_counts_once(void **state)
{
	struct database database = of(state);

	must_open(&database);
	assert_true(database_add(&database, "a", 5));
	assert_true(database_add(&database, "b", 7));
	assert_false(database_add(&database, "a", 5));
	for (int i = 0; i < 2; i++) {
		crash_open(&database);
		assert_false(database_add(&database, "a", 5));
		assert_false(database_add(&database, "b", 7));
		assert_int_equal(total(&database), 12);
	}
	assert_true(database_add(&database, "c", 1));
	crash_open(&database);
	assert_false(database_add(&database, "c", 1));
	assert_int_equal(total(&database), 13);
	database_close(&database);
}

static void
a_full_dump_takes_the_place_of_the_log(void **state)
{
	struct database database = of(state);
	struct kit *kit = database.kit;

	must_open(&database);
	assert_int_equal(kit_dump_all(kit), 0);
	assert_int_equal(kit_file_count(kit, "karma-ledger"), 0); /* nothing to say */
	assert_true(database_add(&database, "a", 5));
	assert_int_equal(kit_dump_all(kit), 0);
	assert_true(kit_file_exists(kit, LEDGER_FILE("1")));
	crash_open(&database);
	assert_false(database_add(&database, "a", 5));
	/* What comes later is in the log. */
	assert_true(database_add(&database, "b", 7));
	crash_open(&database);
	assert_false(database_add(&database, "a", 5));
	assert_false(database_add(&database, "b", 7));
	assert_int_equal(kit_dump_all(kit), 0);
	assert_int_equal(kit_file_count(kit, "karma-ledger"), 1);
	assert_true(kit_file_exists(kit, LEDGER_FILE("2")));
	crash_open(&database);
	assert_false(database_add(&database, "a", 5));
	assert_false(database_add(&database, "b", 7));
	assert_int_equal(total(&database), 12);
	database_close(&database);
}

static void
a_dump_of_a_tree_changes_nothing(void **state)
{
	struct database database = of(state);

	must_open(&database);
	assert_true(database_add(&database, "a", 5));
	assert_int_equal(kit_dump(database.kit, "t"), 0);
	crash_open(&database);
	assert_false(database_add(&database, "a", 5));
	assert_int_equal(total(&database), 5);
	database_close(&database);
}

static void
what_was_pruned_stays_away(void **state)
{
	struct database database = of(state);

	must_open(&database);
	assert_true(database_add(&database, "a", 5));
	assert_int_equal(kit_dump_all(database.kit), 0);
	assert_true(database_add(&database, "b", 7));
	assert_int_equal(database_prune(&database, 5000), 2);
	crash_open(&database);
	assert_false(database_knows(&database, "a"));
	assert_false(database_knows(&database, "b"));
	assert_true(database_add(&database, "a", 5));
	crash_open(&database);
	assert_false(database_add(&database, "a", 5));
	assert_int_equal(total(&database), 17);
	assert_int_equal(database_prune(&database, 5000), 1);
	assert_int_equal(kit_dump_all(database.kit), 0);
	assert_int_equal(kit_file_count(database.kit, "karma-ledger"), 0);
	crash_open(&database);
	assert_false(database_knows(&database, "a"));
	database_close(&database);
}

static void
no_more_than_there_may_be(void **state)
{
	struct database database = of(state);

	database.options.records_max = 2;
	must_open(&database);
	for (char key[] = "a"; key[0] < 'f'; key[0]++)
		assert_true(database_add(&database, key, 1));
	for (int i = 0; i < 2; i++) {
		crash_open(&database);
		assert_int_equal(ledger_count(database.ledger), 2);
		assert_true(database_knows(&database, "d"));
		assert_true(database_knows(&database, "e"));
		assert_int_equal(kit_dump_all(database.kit), 0);
	}
	database_close(&database);
}

static void
the_old_leave_while_nothing_happens(void **state)
{
	struct database database = of(state);

	must_open(&database);
	assert_true(database_add(&database, "a", 5)); /* in the year 1970 */
	assert_int_equal(ledger_count(database.ledger), 1);
	database_crash(&database);
	database.options.age_max_seconds = UINT64_C(40) * 365 * 86400;
	must_open(&database);
	assert_int_equal(ledger_count(database.ledger), 0);
	assert_true(database_add(&database, "b", 5));
	assert_int_equal(ledger_count(database.ledger), 1);
	for (int i = 0; i < 20 && ledger_count(database.ledger) > 0; i++)
		kit_idle();
	assert_int_equal(ledger_count(database.ledger), 0);
	database_close(&database);
}

/* The log ends anywhere in the last block. */
static void
a_torn_end_takes_both_or_none(void **state)
{
	struct database database = of(state);
	struct wal_position before, end;
	static uint8_t bytes[256 << 10];
	char name[256];
	int both = 0, none = 0;

	must_open(&database);
	assert_true(database_add(&database, "a", 5));
	kit_last_segment(database.kit, name, &before);
	assert_true(database_add(&database, "b", 7));
	kit_last_segment(database.kit, name, &end);
	assert_true(end.end > before.end);
	database_crash(&database);
	size_t count = kit_file_read(database.kit, name, bytes, sizeof(bytes));

	for (size_t cut = before.end; cut <= end.end;
	     cut += cut == end.end || end.end - cut > 13 ? 13 : end.end - cut) {
		struct database torn = { .kit = kit_copy(database.kit), .options = database.options };
		static uint8_t part[sizeof(bytes)];

		memcpy(part, bytes, cut);
		memset(part + cut, 0, count - cut);
		kit_file_write(torn.kit, name, part, count);
		must_open(&torn);
		bool knows = database_knows(&torn, "b");

		assert_int_equal(total(&torn), knows ? 12 : 5);
		both += knows;
		none += !knows;
		assert_int_equal(database_add(&torn, "b", 7), !knows);
		assert_false(database_add(&torn, "a", 5));
		assert_int_equal(total(&torn), 12);
		database_close(&torn);
		(void)kit_teardown((void **)&torn.kit);
	}
	assert_true(both > 0 && none > 0);
}

/* ---- damage ---- */

static void
a_damaged_file_stops_the_start(void **state)
{
	struct database database = of(state);
	struct kit *kit = database.kit;

	must_open(&database);
	assert_true(database_add(&database, "a", 5));
	assert_int_equal(kit_dump_all(kit), 0);
	assert_true(database_add(&database, "b", 7));
	database_crash(&database);
	kit_file_flip(kit, LEDGER_FILE("1"), 40);
	assert_int_equal(database_open(&database), -1);
	kit_assert_fault(kit, LEDGER_FILE("1") " is damaged at offset ");
	kit_assert_fault(kit, "--restore-skip-damaged");
	/* The trees and what the log says are there without it, and no later start finds the damage. */
	kit->options.restore_skip_damaged = true;
	must_open(&database);
	assert_int_equal(total(&database), 12);
	assert_false(database_knows(&database, "a"));
	assert_true(database_knows(&database, "b"));
	database_crash(&database);
	kit->options.restore_skip_damaged = false;
	must_open(&database);
	assert_true(database_knows(&database, "b"));
	database_close(&database);
}

static void
a_missing_file_stops_the_start(void **state)
{
	struct database database = of(state);

	must_open(&database);
	assert_true(database_add(&database, "a", 5));
	assert_int_equal(kit_dump_all(database.kit), 0);
	database_crash(&database);
	kit_file_rename(database.kit, LEDGER_FILE("1"), "elsewhere");
	assert_int_equal(database_open(&database), -1);
	kit_assert_fault(database.kit, LEDGER_FILE("1") " is missing");
	kit_file_rename(database.kit, "elsewhere", LEDGER_FILE("1"));
	must_open(&database);
	assert_false(database_add(&database, "a", 5));
	database_close(&database);
}

static int
load_without_memory(void *context, const uint8_t *body, size_t bytes)
{
	(void)context;
	(void)body;
	(void)bytes;
	return -ENOMEM;
}

static void
no_memory_is_no_damage_to_be_skipped(void **state)
{
	static const struct store_ledger poor = { .load = load_without_memory };
	struct database database = of(state);
	struct kit *kit = database.kit;

	must_open(&database);
	assert_true(database_add(&database, "a", 5));
	assert_int_equal(kit_dump_all(kit), 0);
	database_crash(&database);
	kit->options.restore_skip_damaged = true;
	kit->options.ledger = &poor;
	assert_int_equal(kit_open(kit), -1);
	kit_assert_fault(kit, "memory");
	kit->options.restore_skip_damaged = false;
	must_open(&database);
	assert_false(database_add(&database, "a", 5));
	database_close(&database);
}

/* ---- other starts ---- */

static void
starting_over_sets_it_aside(void **state)
{
	struct database database = of(state);
	struct kit *kit = database.kit;

	must_open(&database);
	assert_true(database_add(&database, "a", 5));
	assert_int_equal(kit_dump_all(kit), 0);
	database_crash(&database);
	kit->options.restore = false;
	must_open(&database);
	assert_int_equal(kit_file_count(kit, "karma-ledger"), 0);
	assert_true(database_add(&database, "a", 5));
	database_crash(&database);
	kit->options.restore = true;
	must_open(&database);
	assert_false(database_add(&database, "a", 5));
	assert_int_equal(total(&database), 5);
	database_close(&database);
}

static void
without_a_log_as_of_the_last_full_dump(void **state)
{
	struct database database = of(state);
	struct kit *kit = database.kit;

	must_open(&database);
	assert_true(database_add(&database, "a", 5));
	database_crash(&database);
	kit->options.wal = false;
	must_open(&database); /* replays the log, and dumps everything */
	assert_false(database_add(&database, "a", 5));
	assert_true(database_add(&database, "b", 7));
	assert_int_equal(kit_dump_all(kit), 0);
	crash_open(&database);
	assert_false(database_add(&database, "a", 5));
	assert_false(database_add(&database, "b", 7));
	assert_int_equal(total(&database), 12);
	database_crash(&database);
	kit->options.wal = true;
	must_open(&database);
	assert_false(database_add(&database, "b", 7));
	assert_true(database_add(&database, "c", 1));
	crash_open(&database);
	assert_false(database_add(&database, "a", 5));
	assert_false(database_add(&database, "c", 1));
	assert_int_equal(total(&database), 13);
	database_close(&database);
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup_log, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(a_retry_after_a_crash_counts_once),   kit_test(a_full_dump_takes_the_place_of_the_log),
		kit_test(a_dump_of_a_tree_changes_nothing),    kit_test(what_was_pruned_stays_away),
		kit_test(no_more_than_there_may_be),           kit_test(a_torn_end_takes_both_or_none),
		kit_test(the_old_leave_while_nothing_happens), kit_test(a_damaged_file_stops_the_start),
		kit_test(a_missing_file_stops_the_start),      kit_test(no_memory_is_no_damage_to_be_skipped),
		kit_test(starting_over_sets_it_aside),         kit_test(without_a_log_as_of_the_last_full_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
