/*
 * A crash between any two steps of a start, a dump or a load leaves a directory that restores completely.
 *
 * The calls that make something durable or move it are wrapped by the linker; before each the directory is copied. Every copy
 * is then started twice, with a write and a crash in between.
 */
#include "store/kit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "store/manifest.h"
#include "wal/recover.h"

enum { COPIES_MAX = 400 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool recording;
static struct kit *recorded;
static struct kit *copies[COPIES_MAX];
static size_t copy_count;

static void
step(void)
{
	if (!recording)
		return;
	(void)pthread_mutex_lock(&lock);
	if (recording && copy_count < COPIES_MAX)
		copies[copy_count++] = kit_copy(recorded);
	(void)pthread_mutex_unlock(&lock);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
ssize_t __real_pwritev64v2(int fd, const struct iovec *pieces, int count, off_t offset, int flags);
ssize_t __wrap_pwritev64v2(int fd, const struct iovec *pieces, int count, off_t offset, int flags);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __real_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags);

int
__wrap_fsync(int fd)
{
	step();
	return __real_fsync(fd);
}

int
__wrap_fdatasync(int fd)
{
	step();
	return __real_fdatasync(fd);
}

/* Around the cache a write makes durable. */
ssize_t
__wrap_pwritev64v2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
	step();
	return __real_pwritev64v2(fd, pieces, count, offset, flags);
}

int
__wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	step();
	return __real_renameat(from_fd, from, to_fd, to);
}

int
__wrap_unlinkat(int fd, const char *name, int flags)
{
	step();
	return __real_unlinkat(fd, name, flags);
}

static void
record(struct kit *kit)
{
	copy_count = 0;
	recorded = kit;
	recording = true;
}

/* The state at the end is the last copy. Closes the kit: one process has one maintenance thread. */
static void
record_end(size_t steps_min)
{
	(void)pthread_mutex_lock(&lock);
	recording = false;
	assert_true(copy_count < COPIES_MAX);
	copies[copy_count++] = kit_copy(recorded);
	(void)pthread_mutex_unlock(&lock);
	kit_close(recorded);
	assert_true(copy_count > steps_min);
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

	for (size_t i = 0; i < copy_count; i++) {
		char line[256];

		open_copy(copies[i], i);
		describe(copies[i], line);
		passed = passed || strcmp(line, after) == 0;
		if (strcmp(line, passed ? after : before) != 0)
			fail_msg("step %zu of %zu: \"%s\"", i, copy_count, line);
		check_again(copies[i], i, line);
		(void)kit_teardown((void **)&copies[i]);
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
		record(kit);
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
	record(kit);
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
	record(kit);
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

	for (size_t i = 0; i < copy_count; i++) {
		struct manifest manifest;
		struct dump_fault fault;

		assert_int_equal(manifest_read(copies[i]->directory_fd, &manifest, &fault), MANIFEST_OK);
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
	record(kit);
	assert_int_equal(kit_load(kit, "10_a.tree"), 0);
	record_end(5);
	assert_true(count_staged() > 0);
	check_copies("a=1/0/3 b=2/0/0 ", "a=0/5/0 b=2/0/0 ");
	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	record(kit);
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
	record(kit);
	assert_int_equal(kit_load(kit, "10_a.tree"), 0);
	kit_add(kit, "a", 1, 1);
	kit_drop(kit, "a");
	kit_add(kit, "b", 1, 2);
	record_end(5);
	/* Steps of four changes: just what is there in the end. */
	for (size_t i = 0; i < copy_count; i++) {
		char line[256];

		open_copy(copies[i], i);
		describe(copies[i], line);
		if (strcmp(line, "b=2/0/0 ") != 0 && strcmp(line, "b=2/0/0 a=0/5/0 ") != 0 &&
		    strcmp(line, "b=2/0/0 a=1/5/0 ") != 0 && strcmp(line, "b=4/0/0 ") != 0)
			fail_msg("step %zu of %zu: \"%s\"", i, copy_count, line);
		check_again(copies[i], i, line);
		(void)kit_teardown((void **)&copies[i]);
	}
}

/* ---- starts ---- */

static void
the_first_start(void **state)
{
	struct kit *kit = *state;

	record(kit);
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
	record(kit);
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
	record(kit);
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
	record(kit);
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

	record(kit);
	assert_int_equal(kit_open(kit), 0);
	record_end(10);
	check_copies(filled, filled);
	record(other);
	assert_int_equal(kit_open(other), 0);
	record_end(10);
	for (size_t i = 0; i < copy_count; i++)
		copies[i]->options.wal = true; /* on again */
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
	record(kit);
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
	record(kit);
	assert_int_equal(kit_open(kit), 0);
	record_end(5);
	for (size_t i = 0; i < copy_count; i++)
		copies[i]->options.restore = true;
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
