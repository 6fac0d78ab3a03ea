/* A directory has one owner: the second is refused with a line that says who has it. */
#include "store/kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/lock_file.h"

static void
the_second_is_refused(void **state)
{
	struct kit *kit = *state;
	struct store *second = NULL;
	struct store_fault fault;
	char expected[96];

	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(store_open(kit->engine, &kit->options, &second, &fault), -1);
	(void)snprintf(expected, sizeof(expected), "is in use by another karma (process %ld holds karma.lock)",
	               (long)getpid());
	assert_non_null(strstr(fault.text, expected));
	assert_non_null(strstr(fault.text, kit->directory));
	kit_close(kit);
	assert_int_equal(kit_open(kit), 0); /* given back */
}

/* The lock goes with its owner, however that ends: the file that stays locks nobody out. */
static void
a_killed_owner_leaves_no_lock(void **state)
{
	struct kit *kit = *state;
	struct store_fault fault;
	int fd = -1;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		_exit(lock_file_take(kit->directory_fd, kit->directory, &fd, &fault) == 0 ? 0 : 1);
	int status = 0;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(kit_file_exists(kit, "karma.lock"));
	assert_int_equal(lock_file_take(kit->directory_fd, kit->directory, &fd, &fault), 0);
	lock_file_release(fd);
}

static void
a_directory_that_cannot_be_written_is_named(void **state)
{
	struct kit *kit = *state;
	struct store_fault fault;
	int fd = -1;

	/* Stands for a directory without permission, which root would get past. */
	assert_int_equal(mkdirat(kit->directory_fd, "karma.lock", 0755), 0);
	assert_int_equal(lock_file_take(kit->directory_fd, "some/where", &fd, &fault), -1);
	assert_string_equal(fault.text, "directory \"some/where\" cannot be written: Is a directory");
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(the_second_is_refused),
		kit_test(a_killed_owner_leaves_no_lock),
		kit_test(a_directory_that_cannot_be_written_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
