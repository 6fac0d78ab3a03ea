/* The directory is changed in single steps, and nothing else in it is touched. */
#include "store/kit.h"

#include <errno.h>
#include <sys/stat.h>

#include "store/files.h"

static void
put(const struct kit *kit, const char *file)
{
	kit_file_write(kit, file, "x", 1);
}

static void
removes_temporary_files_alone(void **state)
{
	struct kit *kit = *state;

	put(kit, ".tmp-1");
	put(kit, ".tmp");
	put(kit, "tmp-1");
	assert_int_equal(mkdirat(kit->directory_fd, ".tmp-d", 0755), 0);
	assert_int_equal(files_remove_temporary(kit->directory_fd), 1);
	assert_false(kit_file_exists(kit, ".tmp-1"));
	assert_true(kit_file_exists(kit, ".tmp"));
	assert_true(kit_file_exists(kit, "tmp-1"));
	assert_true(kit_file_exists(kit, ".tmp-d"));
}

static void
replaces_a_file(void **state)
{
	struct kit *kit = *state;
	char data[8];

	kit_file_write(kit, ".tmp-f", "left by a crash", 15);
	assert_int_equal(file_replace(kit->directory_fd, "f", "one", 3), 0);
	assert_int_equal(kit_file_read(kit, "f", data, sizeof(data)), 3);
	assert_int_equal(file_replace(kit->directory_fd, "f", "four", 4), 0);
	assert_int_equal(kit_file_read(kit, "f", data, sizeof(data)), 4);
	assert_memory_equal(data, "four", 4);
	assert_int_equal(kit_file_count(kit, ".tmp-"), 0);
}

static void
sets_aside_into_a_directory_of_its_own(void **state)
{
	struct kit *kit = *state;
	char first[SET_ASIDE_NAME_MAX];
	char second[SET_ASIDE_NAME_MAX];

	assert_int_equal(file_set_aside(kit->directory_fd, "f", first), -ENOENT);
	assert_int_equal(kit_file_count(kit, "set-aside"), 0);
	put(kit, "f");
	assert_int_equal(file_set_aside(kit->directory_fd, "f", first), 0);
	assert_false(kit_file_exists(kit, "f"));
	put(kit, "f");
	assert_int_equal(file_set_aside(kit->directory_fd, "f", second), 0); /* very likely in the same second */
	assert_string_not_equal(first, second);
	assert_int_equal(kit_file_count(kit, "set-aside"), 2);
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(removes_temporary_files_alone),
		kit_test(replaces_a_file),
		kit_test(sets_aside_into_a_directory_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
