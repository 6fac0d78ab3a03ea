/* The directory is changed in single steps, and nothing else in it is touched. */
#include "store/kit.h"

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

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(removes_temporary_files_alone),
		kit_test(replaces_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
