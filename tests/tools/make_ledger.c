/*
 * make_ledger DIRECTORY - a directory with idempotency records, for tests of karma-inspect
 *
 * "a" to "c" stand in the file of a full dump, "d" behind it in the log, and then that all of them were pruned.
 */
#include "ledger/database.h"

static const char *directory;

static void
make(void **state)
{
	struct kit *kit = *state;
	struct database database = { .kit = kit, .options = { .records_max = 10 } };

	kit->options.directory = directory;
	if (database_open(&database) < 0)
		fail_msg("%s", kit->fault.text);
	for (char key[] = "a"; key[0] < 'd'; key[0]++)
		assert_true(database_add(&database, key, 1));
	assert_int_equal(kit_dump_all(kit), 0);
	assert_true(database_add(&database, "d", 20));
	assert_int_equal(database_prune(&database, UINT64_MAX), 4);
	database_close(&database);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(make, kit_setup_log, kit_teardown) };

	if (argc != 2)
		return 2;
	directory = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
