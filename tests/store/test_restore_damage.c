/* A dump that is damaged or missing stops the start by name; where damage may be skipped, an older one serves. */
#include "store/kit.h"

#include <unistd.h>

static void
a_damaged_dump_stops_the_start(void **state)
{
	struct kit *kit = *state;
	char older[256];
	char newer[256];

	kit_dump_twice(kit, older, newer);
	/* In the tree, in the second object, in the last byte. */
	for (size_t offset = 1; offset < 180; offset += 17) {
		kit_file_flip(kit, newer, offset);
		assert_int_equal(kit_open(kit), -1);
		kit_assert_fault(kit, newer);
		kit_file_flip(kit, newer, offset);
	}
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 2);
}

static void
an_older_dump_serves(struct kit *kit, size_t damage_from_end)
{
	char older[256];
	char newer[256];

	kit_dump_twice(kit, older, newer);
	kit_file_flip(kit, newer, damage_from_end);
	kit->options.restore_skip_damaged = true;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 1);
	assert_int_equal(kit_total(kit, "b", 1), 7);
	assert_int_equal(kit_file_count(kit, "_a.tree"), 3); /* the start ended with a full dump */
	kit_close(kit);
	/* So the next start does not meet the damage, skipping or not. */
	kit->options.restore_skip_damaged = false;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 1);
}

/* In the second object: the file is known by its name alone. */
static void
an_older_dump_serves_for_one_without_its_end(void **state)
{
	an_older_dump_serves(*state, 60);
}

/* In the tree: the file still says that it is the newest dump of the tree. */
static void
an_older_dump_serves_for_one_with_a_damaged_tree(void **state)
{
	an_older_dump_serves(*state, 180);
}

/* The tree that serves must not take up a place before the damaged ones: the next start would meet them again. */
static void
an_older_dump_serves_for_two(void **state)
{
	struct kit *kit = *state;
	char older[256];
	char newer[256];
	char newest[256];

	kit_dump_twice(kit, older, newer);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_dump(kit, "a"), 0);
	kit_close(kit);
	kit_file_find(kit, "_a.tree", 2, newest);
	kit_file_flip(kit, newer, 180);
	kit_file_flip(kit, newest, 180);
	kit->options.restore_skip_damaged = true;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 1);
	kit_close(kit);
	kit->options.restore_skip_damaged = false;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 1);
}

static void
no_dump_is_left_when_all_are_damaged(void **state)
{
	struct kit *kit = *state;
	char older[256];
	char newer[256];

	kit_dump_twice(kit, older, newer);
	kit_file_flip(kit, newer, 60);
	kit_file_flip(kit, older, 60);
	kit->options.restore_skip_damaged = true;
	assert_int_equal(kit_open(kit), 0);
	assert_string_equal(kit_trees(kit), "b");
}

static void
a_missing_dump_stops_the_start(void **state)
{
	struct kit *kit = *state;
	char older[256];
	char newer[256];

	kit_dump_twice(kit, older, newer);
	assert_int_equal(unlinkat(kit->directory_fd, newer, 0), 0);
	assert_int_equal(kit_open(kit), -1); /* the older one is older than the manifest says */
	kit_assert_fault(kit, newer);
	kit->options.restore_skip_damaged = true;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 1);
}

/* An older dump under the newest one's name: whole, but of another generation. */
static void
a_dump_older_than_the_manifest_says_stops_the_start(void **state)
{
	struct kit *kit = *state;
	char older[256];
	char newer[256];

	kit_dump_twice(kit, older, newer);
	kit_file_rename(kit, older, newer);
	assert_int_equal(kit_open(kit), -1);
	kit_assert_fault(kit, newer);
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(a_damaged_dump_stops_the_start),
		kit_test(an_older_dump_serves_for_one_without_its_end),
		kit_test(an_older_dump_serves_for_one_with_a_damaged_tree),
		kit_test(an_older_dump_serves_for_two),
		kit_test(no_dump_is_left_when_all_are_damaged),
		kit_test(a_missing_dump_stops_the_start),
		kit_test(a_dump_older_than_the_manifest_says_stops_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
