/* Dumps get rising stamps, join when they may, go on behind a failure, and count once the manifest names them. */
#include "store/kit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/manifest.h"

static uint64_t
stamp_of(const struct kit *kit, const char *contained, size_t index)
{
	char file[256];

	kit_file_find(kit, contained, index, file);
	return strtoull(file, NULL, 10);
}

static void
stamps_rise_within_a_second(void **state)
{
	struct kit *kit = *state;
	uint64_t now = (uint64_t)time(NULL);

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(kit_dump(kit, "a"), 0);
	assert_int_equal(kit_file_count(kit, "_a.tree"), 4);
	assert_true(stamp_of(kit, "_a.tree", 0) >= now);
	for (size_t i = 1; i < 4; i++)
		assert_true(stamp_of(kit, "_a.tree", i) > stamp_of(kit, "_a.tree", i - 1));
}

/* The clock was set back since. */
static void
stamps_rise_above_what_is_there(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	kit_file_foreign(kit, "9999999999_a.tree", 1, 1);
	assert_int_equal(kit_dump(kit, "a"), 0);
	assert_true(kit_file_exists(kit, "10000000000_a.tree"));
	assert_int_equal(kit_dump_all(kit), 0);
	assert_true(kit_file_exists(kit, "10000000001_a.tree"));
	kit_file_foreign(kit, "18446744073709551615_a.tree", 1, 1);
	assert_int_equal(kit_dump(kit, "a"), -1);
	assert_string_equal(kit->fault.text, "Tree \"a\" could not be saved: Value too large for defined data type");
}

static void
a_missing_tree_is_not_dumped(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_dump(kit, "a"), ENGINE_MISSING);
	assert_int_equal(kit_file_count(kit, ".tree"), 0);
}

struct joining {
	struct kit *kit;
	uint64_t ticket;
	int result;
};

static void
dump_with_ticket(void *context)
{
	struct joining *joining = context;

	joining->result = store_dump(joining->kit->store, "a", 1, joining->ticket, &joining->kit->fault);
}

static void
dump_all_with_ticket(void *context)
{
	struct joining *joining = context;

	joining->result = store_dump_all_joined(joining->kit->store, joining->ticket, &joining->kit->fault);
}

static void
a_dump_answers_all_that_asked_before_its_cut(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	struct joining early = { .kit = kit, .ticket = store_ticket(kit->store) };

	for (int i = 0; i < 3; i++) {
		kit_maintain(kit, dump_with_ticket, &early);
		assert_int_equal(early.result, 0);
	}
	assert_int_equal(kit_file_count(kit, "_a.tree"), 1);
	struct joining late = { .kit = kit, .ticket = store_ticket(kit->store) };

	kit_maintain(kit, dump_with_ticket, &late);
	assert_int_equal(kit_file_count(kit, "_a.tree"), 2);
	kit_maintain(kit, dump_with_ticket, &early);
	assert_int_equal(kit_file_count(kit, "_a.tree"), 2);
	kit_drop(kit, "a");
	kit_maintain(kit, dump_with_ticket, &early);
	assert_int_equal(early.result, ENGINE_MISSING);
}

static void
full_dumps_join_too(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	struct joining first = { .kit = kit, .ticket = store_ticket(kit->store) };

	kit_maintain(kit, dump_all_with_ticket, &first); /* of no tree at all */
	kit_add(kit, "a", 1, 1);
	struct joining second = { .kit = kit, .ticket = store_ticket(kit->store) };

	for (int i = 0; i < 3; i++)
		kit_maintain(kit, dump_all_with_ticket, &second);
	assert_int_equal(kit_file_count(kit, "_a.tree"), 1);
	kit_maintain(kit, dump_with_ticket, &second); /* by the full dump */
	assert_int_equal(kit_file_count(kit, "_a.tree"), 1);
	assert_int_equal(kit_dump_all(kit), 0); /* never joined */
	assert_int_equal(kit_file_count(kit, "_a.tree"), 2);
}

static void
a_full_dump_goes_on_behind_a_failure(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	kit_add(kit, "b", 1, 2);
	kit_add(kit, "c", 1, 3);
	kit_file_foreign(kit, "18446744073709551615_b.tree", 1, 1); /* no stamp is above that */
	assert_int_equal(kit_dump_all(kit), -1);
	assert_non_null(strstr(kit->fault.text, "Tree \"b\""));
	kit_close(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_string_equal(kit_trees(kit), "a,c");
}

/* A dump whose manifest could not be written is a failure, and no later request joins it. */
static void
a_dump_counts_once_the_manifest_names_it(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	assert_int_equal(unlinkat(kit->directory_fd, MANIFEST_FILE, 0), 0);
	assert_int_equal(mkdirat(kit->directory_fd, MANIFEST_FILE, 0755), 0);
	struct joining joining = { .kit = kit, .ticket = store_ticket(kit->store) };

	for (int i = 0; i < 2; i++) {
		kit_maintain(kit, dump_with_ticket, &joining);
		assert_int_equal(joining.result, -1);
		assert_non_null(strstr(kit->fault.text, MANIFEST_FILE));
	}
	assert_int_equal(unlinkat(kit->directory_fd, MANIFEST_FILE, AT_REMOVEDIR), 0);
	/* The idle work catches up by itself. */
	kit_idle();
	assert_true(kit_file_exists(kit, MANIFEST_FILE));
	kit_crash(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 1);
}

/* ---- retention ---- */

static void
old_dumps_go_after_a_full_dump(void **state)
{
	struct kit *kit = *state;

	kit->options.dump_retention_per_tree = 2;
	kit_file_foreign(kit, "5_a.tree", 1, 1); /* the original's */
	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	kit_add(kit, "b", 1, 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(kit_dump(kit, "a"), 0);
	assert_int_equal(kit_file_count(kit, "_a.tree"), 5); /* not after a dump of one tree */
	uint64_t newest = stamp_of(kit, "_a.tree", 3);

	assert_int_equal(kit_dump_all(kit), 0);
	assert_int_equal(kit_file_count(kit, "_a.tree"), 3);
	assert_true(kit_file_exists(kit, "5_a.tree"));
	assert_int_equal(stamp_of(kit, "_a.tree", 0), newest);
	assert_int_equal(kit_file_count(kit, "_b.tree"), 1);
	kit_drop(kit, "a");
	assert_int_equal(kit_dump_all(kit), 0);
	assert_int_equal(kit_file_count(kit, "_a.tree"), 3); /* of a dropped tree as well */
}

static void
zero_keeps_all(void **state)
{
	struct kit *kit = *state;

	kit->options.dump_retention_per_tree = 0;
	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	for (int i = 0; i < 7; i++)
		assert_int_equal(kit_dump_all(kit), 0);
	assert_int_equal(kit_file_count(kit, "_a.tree"), 7);
}

/* Files with a later stamp, from elsewhere: the manifest's is not among the newest, and stays. */
static void
what_the_manifest_names_stays(void **state)
{
	struct kit *kit = *state;
	char file[256];
	char data[4096];
	char copy[64];

	kit->options.dump_retention_per_tree = 1;
	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_file_find(kit, "_a.tree", 0, file);
	size_t bytes = kit_file_read(kit, file, data, sizeof(data));

	for (int i = 0; i < 3; i++) {
		(void)snprintf(copy, sizeof(copy), "1844674407370955161%d_a.tree", 3 + i);
		kit_file_write(kit, copy, data, bytes);
	}
	assert_int_equal(kit_dump_all(kit), -1); /* no stamp is left, so the manifest still names the old one */
	assert_int_equal(kit_file_count(kit, "_a.tree"), 2);
	assert_true(kit_file_exists(kit, file));
	assert_true(kit_file_exists(kit, "18446744073709551615_a.tree"));
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(stamps_rise_within_a_second),
		kit_test(stamps_rise_above_what_is_there),
		kit_test(a_missing_tree_is_not_dumped),
		kit_test(a_dump_answers_all_that_asked_before_its_cut),
		kit_test(full_dumps_join_too),
		kit_test(a_full_dump_goes_on_behind_a_failure),
		kit_test(a_dump_counts_once_the_manifest_names_it),
		kit_test(old_dumps_go_after_a_full_dump),
		kit_test(zero_keeps_all),
		kit_test(what_the_manifest_names_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
