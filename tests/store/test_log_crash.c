/*
 * A crash between any two steps of a start, a dump or a load leaves a directory that restores completely.
 *
 * Every copy is started twice, with a write and a crash in between.
 */
#include "store/steps.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/manifest.h"
#include "wal/recover.h"

/* Closes the kit. */
static void
record_end(size_t steps_min)
{
	kit_close(steps_end(steps_min));
}

/* ---- what is there ---- */

/* Trees in order with the totals of keys 1 to 3, as one line. */
static void
describe(struct kit *kit, char ret[256])
{
	char names[128];
	char *rest = NULL;

	(void)snprintf(names, sizeof(names), "%s", kit_trees(kit));
	ret[0] = '\0';
	for (char *name = strtok_r(names, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
		size_t used = strlen(ret);

		(void)snprintf(ret + used, 256 - used, "%s=%lu/%lu/%lu ", name, kit_total(kit, name, 1),
		               kit_total(kit, name, 2), kit_total(kit, name, 3));
	}
}

static void
open_copy(struct kit *copy, size_t index)
{
	if (kit_open(copy) < 0)
		fail_msg("step %zu: %s", index, copy->fault.text);
}

/* A write of this run, and it is there in the next, with everything else. */
static void
check_again(struct kit *copy, size_t index, const char *line)
{
	char again[256];

	if (copy->options.wal) {
		kit_add(copy, "later", 1, 1);
		kit_crash(copy);
	} else {
		kit_close(copy);
	}
	open_copy(copy, index);
	if (copy->options.wal) {
		assert_int_equal(kit_total(copy, "later", 1), 1);
		kit_drop(copy, "later");
	}
	describe(copy, again);
	if (strcmp(line, again) != 0)
		fail_msg("step %zu: \"%s\" at first, \"%s\" the second time", index, line, again);
}

/* Each copy is `before` up to some step, and `after` from then on; at the end it is `after`. */
static void
check_copies(const char *before, const char *after)
{
	bool passed = strcmp(before, after) == 0;

	for (size_t i = 0; i < step_count; i++) {
		char line[256];

		open_copy(steps[i].kit, i);
		describe(steps[i].kit, line);
		passed = passed || strcmp(line, after) == 0;
		if (strcmp(line, passed ? after : before) != 0)
			fail_msg("step %zu of %zu: \"%s\"", i, step_count, line);
		check_again(steps[i].kit, i, line);
		(void)kit_teardown((void **)&steps[i].kit);
	}
	assert_true(passed);
}

/* ---- dumps ---- */

static const char filled[] = "b=0/20/0 c=3/0/0 a=1/0/9 d=4/0/0 ";

static void
fill(struct kit *kit)
{
	kit_add(kit, "a", 1, 1);
	kit_add(kit, "b", 1, 2);
	kit_add(kit, "c", 1, 3);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_drop(kit, "a");
	kit_reset(kit, "b");
	kit_add(kit, "b", 2, 20);
	kit_add(kit, "a", 3, 9);
	kit_add(kit, "d", 1, 5);
	assert_int_equal(kit_dump(kit, "d"), 0);
	kit_subtract(kit, "d", 1, 1);
	kit_add(kit, "a", 1, 1);
}

static void
a_full_dump(void **state)
{
	struct kit *kit = *state;

	kit->options.dump_retention_per_tree = 1;
	assert_int_equal(kit_open(kit), 0);
	fill(kit);
	for (int i = 0; i < 2; i++) {
		steps_begin(kit);
		assert_int_equal(kit_dump_all(kit), 0);
		record_end(15);
		check_copies(filled, filled);
		assert_int_equal(kit_open(kit), 0);
	}
}

static void
a_dump_of_one_tree(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	fill(kit);
	steps_begin(kit);
	assert_int_equal(kit_dump(kit, "b"), 0);
	record_end(5);
	check_copies(filled, filled);
}

/* One tree cannot be dumped: everything stays as it was needed. */
static void
a_full_dump_that_fails_for_a_tree(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	fill(kit);
	kit_file_foreign(kit, "18446744073709551615_b.tree", 1, 1); /* no stamp is above that */
	steps_begin(kit);
	assert_int_equal(kit_dump_all(kit), -1);
	record_end(10);
	check_copies(filled, filled);
}

/* ---- loads ---- */

/* The manifests among the copies that name a staged tree. */
static size_t
count_staged(void)
{
	size_t count = 0;

	for (size_t i = 0; i < step_count; i++) {
		struct manifest manifest;
		struct dump_fault fault;

		assert_int_equal(manifest_read(steps[i].kit->directory_fd, &manifest, &fault), MANIFEST_OK);
		count += manifest.staged_count;
		manifest_deinit(&manifest);
	}
	return count;
}

static void
a_load_over_a_tree(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	kit_add(kit, "b", 1, 2);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_add(kit, "a", 3, 3);
	kit_file_foreign(kit, "10_a.tree", 2, 5);
	steps_begin(kit);
	assert_int_equal(kit_load(kit, "10_a.tree"), 0);
	record_end(5);
	assert_true(count_staged() > 0);
	check_copies("a=1/0/3 b=2/0/0 ", "a=0/5/0 b=2/0/0 ");
	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	steps_begin(kit);
	assert_int_equal(kit_dump_all(kit), 0);
	record_end(10);
	check_copies("a=1/5/0 b=2/0/0 ", "a=1/5/0 b=2/0/0 ");
}

static void
a_load_of_a_new_tree(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "b", 1, 2);
	kit_file_foreign(kit, "10_a.tree", 2, 5);
	steps_begin(kit);
	assert_int_equal(kit_load(kit, "10_a.tree"), 0);
	kit_add(kit, "a", 1, 1);
	kit_drop(kit, "a");
	kit_add(kit, "b", 1, 2);
	record_end(5);
	/* Steps of four changes: just what is there in the end. */
	for (size_t i = 0; i < step_count; i++) {
		char line[256];

		open_copy(steps[i].kit, i);
		describe(steps[i].kit, line);
		if (strcmp(line, "b=2/0/0 ") != 0 && strcmp(line, "b=2/0/0 a=0/5/0 ") != 0 &&
		    strcmp(line, "b=2/0/0 a=1/5/0 ") != 0 && strcmp(line, "b=4/0/0 ") != 0)
			fail_msg("step %zu of %zu: \"%s\"", i, step_count, line);
		check_again(steps[i].kit, i, line);
		(void)kit_teardown((void **)&steps[i].kit);
	}
}

/* ---- starts ---- */

static void
the_first_start(void **state)
{
	struct kit *kit = *state;

	steps_begin(kit);
	assert_int_equal(kit_open(kit), 0);
	record_end(5);
	check_copies("", "");
}

static void
the_first_start_on_files_of_the_originals(void **state)
{
	struct kit *kit = *state;

	kit_file_foreign(kit, "10_b.tree", 1, 5);
	kit_file_foreign(kit, "11_a.tree", 1, 6);
	steps_begin(kit);
	assert_int_equal(kit_open(kit), 0);
	record_end(5);
	check_copies("b=5/0/0 a=6/0/0 ", "b=5/0/0 a=6/0/0 ");
}

static void
a_start_over_a_log(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	fill(kit);
	kit_crash(kit);
	steps_begin(kit);
	assert_int_equal(kit_open(kit), 0);
	record_end(3);
	check_copies(filled, filled);
}

static void
a_start_that_switches_the_log_on(void **state)
{
	struct kit *kit = *state;

	kit->options.wal = false;
	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "b", 1, 2);
	kit_add(kit, "a", 1, 1);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_close(kit);
	kit->options.wal = true;
	steps_begin(kit);
	assert_int_equal(kit_open(kit), 0);
	record_end(3);
	check_copies("b=2/0/0 a=1/0/0 ", "b=2/0/0 a=1/0/0 ");
}

static void
a_start_that_switches_the_log_off(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	fill(kit);
	kit_crash(kit);
	kit->options.wal = false;
	struct kit *other = kit_copy(kit);

	steps_begin(kit);
	assert_int_equal(kit_open(kit), 0);
	record_end(10);
	check_copies(filled, filled);
	steps_begin(other);
	assert_int_equal(kit_open(other), 0);
	record_end(10);
	for (size_t i = 0; i < step_count; i++)
		steps[i].kit->options.wal = true; /* on again */
	check_copies(filled, filled);
	(void)kit_teardown((void **)&other);
}

static void
a_start_that_cuts_off_damage(void **state)
{
	struct kit *kit = *state;
	char data[65536];

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	assert_int_equal(kit_dump_all(kit), 0);
	for (int i = 0; i < 5; i++)
		kit_add(kit, "a", 1, 1);
	kit_crash(kit);
	size_t bytes = kit_file_read(kit, "karma-00000000000000000002.wal", data, sizeof(data));

	/* The third block; each add is one of equal size. */
	size_t block = WAL_BLOCK_HEADER_BYTES + wal_block_padded(10);
	size_t at = WAL_HEADER_BYTES + 2 * block + 4;

	assert_true(at < bytes);
	int fd = openat(kit->directory_fd, "karma-00000000000000000002.wal", O_WRONLY);

	assert_int_equal(pwrite(fd, "?", 1, (off_t)at), 1);
	(void)close(fd);
	kit->options.wal_truncate_at_damage = true;
	steps_begin(kit);
	assert_int_equal(kit_open(kit), 0);
	record_end(10);
	check_copies("a=3/0/0 ", "a=3/0/0 ");
}

/* Never a part: everything, or nothing. */
static void
a_start_without_restoring(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	fill(kit);
	kit_crash(kit);
	kit->options.restore = false;
	steps_begin(kit);
	assert_int_equal(kit_open(kit), 0);
	record_end(5);
	for (size_t i = 0; i < step_count; i++)
		steps[i].kit->options.restore = true;
	check_copies(filled, "");
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup_log, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(a_full_dump),
		kit_test(a_dump_of_one_tree),
		kit_test(a_full_dump_that_fails_for_a_tree),
		kit_test(a_load_over_a_tree),
		kit_test(a_load_of_a_new_tree),
		kit_test(the_first_start),
		kit_test(the_first_start_on_files_of_the_originals),
		kit_test(a_start_over_a_log),
		kit_test(a_start_that_switches_the_log_on),
		kit_test(a_start_that_switches_the_log_off),
		kit_test(a_start_that_cuts_off_damage),
		kit_test(a_start_without_restoring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
