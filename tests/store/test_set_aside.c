/* Files are moved as they are into a directory of their own, and only those of the log count as such. */
#include "store/kit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/set_aside.h"

static void
put(const struct kit *kit, const char *file)
{
	kit_file_write(kit, file, "x", 1);
}

static void
assert_aside(const struct kit *kit, const char *directory, const char *file)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, file);
	assert_false(kit_file_exists(kit, file));
	assert_true(kit_file_exists(kit, path));
}

static void
moves_into_a_directory_of_its_own(void **state)
{
	struct kit *kit = *state;
	char names[2][SET_ASIDE_FILE_MAX] = { "f", "g" };
	const struct log_files files = { .names = names, .count = 2 };
	char first[SET_ASIDE_NAME_MAX];
	char second[SET_ASIDE_NAME_MAX];

	assert_int_equal(set_aside(kit->directory_fd, &files, first), 0);
	assert_string_equal(first, "");
	assert_int_equal(kit_file_count(kit, "set-aside"), 0);
	put(kit, "f");
	put(kit, "g");
	put(kit, "h");
	assert_int_equal(set_aside(kit->directory_fd, &files, first), 0);
	assert_aside(kit, first, "f");
	assert_aside(kit, first, "g");
	assert_true(kit_file_exists(kit, "h"));
	put(kit, "g");
	assert_int_equal(set_aside(kit->directory_fd, &files, second), 0); /* very likely in the same second */
	assert_string_not_equal(first, second);
	assert_aside(kit, second, "g");
	assert_int_equal(kit_file_count(kit, "set-aside"), 2);
}

static void
knows_the_files_of_a_log(void **state)
{
	struct kit *kit = *state;
	struct log_files files;
	char name[SET_ASIDE_FILE_MAX];

	put(kit, "karma.manifest");
	put(kit, "karma.lock");
	put(kit, "5_karma-00000000000000000001.wal.tree");
	put(kit, "karma-spare-1.wal");
	assert_int_equal(log_file_find(kit->directory_fd, name), 0);
	put(kit, "karma-00000000000000000007.wal");
	assert_int_equal(log_file_find(kit->directory_fd, name), 1);
	assert_string_equal(name, "karma-00000000000000000007.wal");
	assert_int_equal(log_files_read(kit->directory_fd, &files), 0);
	assert_int_equal(files.count, 2);
	log_files_deinit(&files);
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(moves_into_a_directory_of_its_own),
		kit_test(knows_the_files_of_a_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
