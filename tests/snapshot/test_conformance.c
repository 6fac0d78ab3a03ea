/* Files of the original's are read as it reads them, and written again come out as the same bytes. */
#include "snapshot/kit.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
assert_as_expected(struct kit_tree *tree, const json_t *counters)
{
	struct kit_tree expected = { 0 };
	const char *key;
	const char *day;
	json_t *counter;
	json_t *count;

	json_object_foreach((json_t *)counters, key, counter)
	{
		struct cut_day days[100];
		size_t day_count = 0;

		json_object_foreach(json_object_get(counter, "table"), day, count)
		{
			assert_true(day_count < sizeof(days) / sizeof(days[0]));
			days[day_count].day = (uint32_t)strtoul(day, NULL, 10);
			days[day_count++].count = (uint64_t)json_integer_value(count);
		}
		(void)kit_tree_visit(&expected, strtoull(key, NULL, 10),
		                     (uint64_t)json_integer_value(json_object_get(counter, "total")), days, day_count);
	}
	kit_tree_assert_equal(tree, &expected);
	kit_tree_deinit(&expected);
}

static void
assert_same_bytes(int source_fd, const char *file_name, const struct kit_tree *tree)
{
	struct kit_directory directory;
	struct dump_info info;
	size_t bytes;
	size_t ours_bytes;

	kit_directory_open(&directory);
	kit_tree_write(directory.fd, file_name, tree, &info);
	unsigned char *data = kit_file_get(source_fd, file_name, &bytes);
	unsigned char *ours = kit_file_get(directory.fd, file_name, &ours_bytes);

	assert_true(ours_bytes > bytes);
	assert_memory_equal(ours, data, bytes);
	free(data);
	free(ours);
	kit_directory_close(&directory);
}

static void
files_of_the_original_go_both_ways(void **state)
{
	char path[4096];
	const char *file_name;
	json_t *entry;
	size_t files = 0;

	const char *directory = *state;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	(void)snprintf(path, sizeof(path), "%s/expected.json", directory);
	json_t *expected = json_load_file(path, 0, NULL);

	assert_non_null(expected);
	json_object_foreach(expected, file_name, entry)
	{
		struct kit_tree tree = { 0 };
		struct dump_info info;
		struct dump_fault fault;

		if (dump_file_read(fd, file_name, kit_tree_visit, &tree, &info, &fault) != DUMP_OK)
			fail_msg("%s", fault.text);
		assert_false(info.ours);
		const char *name = json_string_value(json_object_get(entry, "tree"));

		assert_int_equal(info.name_bytes, strlen(name));
		assert_memory_equal(info.name, name, info.name_bytes);
		assert_same_bytes(fd, file_name, &tree); /* in file order */
		assert_as_expected(&tree, json_object_get(entry, "counters"));
		kit_tree_deinit(&tree);
		files++;
	}
	assert_true(files > 0);
	json_decref(expected);
	(void)close(fd);
}

int
main(void)
{
	char *directory = getenv("KARMA_CONFORMANCE_DUMPS"); /* NOLINT(concurrency-mt-unsafe) */

	if (directory == NULL || access(directory, R_OK) != 0) {
		(void)printf("skipped: no dumps of the original's in KARMA_CONFORMANCE_DUMPS\n");
		return 77;
	}
	const struct CMUnitTest tests[] = { cmocka_unit_test_prestate(files_of_the_original_go_both_ways, directory) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
