/* A file of the directory becomes a live tree in one step; one that is damaged, or elsewhere, changes nothing. */
#include "store/kit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"

static void
a_file_replaces_the_live_tree(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 7, 1);
	kit_add(kit, "b", 7, 1);
	kit_file_foreign(kit, "100_a.tree", 1, 5);
	assert_int_equal(kit_load(kit, "100_a.tree"), 0);
	assert_int_equal(kit_total(kit, "a", 1), 5);
	assert_int_equal(kit_total(kit, "a", 7), 0);
	assert_string_equal(kit_trees(kit), "a,b"); /* in its place */
	kit_add(kit, "a", 1, 1);
	assert_int_equal(kit_dump(kit, "a"), 0);
	kit_close(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 6);
}

static void
the_name_comes_from_the_file_or_from_its_second_object(void **state)
{
	struct kit *kit = *state;
	char file[256];

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "our/own", 1, 3);
	assert_int_equal(kit_dump(kit, "our/own"), 0);
	kit_file_find(kit, ".tree", 0, file);
	kit_file_rename(kit, file, "whatever.dat");
	kit_file_foreign(kit, "5_page_views.dat", 1, 5);
	kit_file_foreign(kit, "plain", 1, 5);
	kit_drop(kit, "our/own");
	assert_int_equal(kit_load(kit, "whatever.dat"), 0);
	assert_int_equal(kit_load(kit, "5_page_views.dat"), 0);
	assert_int_equal(kit_load(kit, "plain"), 0);
	assert_string_equal(kit_trees(kit), "our/own,page_views.dat,plain");
}

struct loading {
	struct kit *kit;
	const char *file;
	size_t bytes;
	char tree[TREE_NAME_BYTES_MAX];
	size_t tree_bytes;
	int result;
};

static void
run_load(void *context)
{
	struct loading *loading = context;
	uint64_t hold;

	loading->result = store_load(loading->kit->store, loading->file, loading->bytes, loading->tree,
	                             &loading->tree_bytes, &hold, &loading->kit->fault);
}

static void
a_missing_file_is_named_by_its_tree(void **state)
{
	struct kit *kit = *state;
	struct loading loading = { .kit = kit, .file = "100_page_views.tree", .bytes = 19 };

	assert_int_equal(kit_open(kit), 0);
	kit_maintain(kit, run_load, &loading);
	assert_int_equal(loading.result, ENGINE_MISSING);
	assert_int_equal(loading.tree_bytes, 10);
	assert_memory_equal(loading.tree, "page_views", 10);
}

static void
only_files_of_the_directory_are_loaded(void **state)
{
	struct kit *kit = *state;
	static const struct {
		const char *file;
		size_t bytes;
	} refused[] = {
		{ "", 0 }, { ".", 1 }, { "..", 2 }, { "../1_a.tree", 11 }, { "/etc/passwd", 11 }, { "a\0b", 3 }
	};

	assert_int_equal(kit_open(kit), 0);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct loading loading = { .kit = kit, .file = refused[i].file, .bytes = refused[i].bytes };

		kit_maintain(kit, run_load, &loading);
		assert_int_equal(loading.result, -1);
		assert_non_null(strstr(kit->fault.text, "is not the name of a file in the dump directory"));
	}
	assert_int_equal(mkdirat(kit->directory_fd, "1_d.tree", 0755), 0);
	assert_int_equal(symlinkat("/etc/passwd", kit->directory_fd, "1_l.tree"), 0);
	assert_int_equal(kit_load(kit, "1_d.tree"), ENGINE_MISSING);
	assert_int_equal(kit_load(kit, "1_l.tree"), ENGINE_MISSING);
}

static void
a_damaged_file_leaves_the_live_tree(void **state)
{
	struct kit *kit = *state;
	char file[256];

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 3);
	assert_int_equal(kit_dump(kit, "a"), 0);
	kit_add(kit, "a", 1, 1);
	kit_file_find(kit, "_a.tree", 0, file);
	kit_file_flip(kit, file, 60);
	assert_int_equal(kit_load(kit, file), -1);
	assert_non_null(strstr(kit->fault.text, file));
	assert_non_null(strstr(kit->fault.text, "offset"));
	assert_int_equal(kit_total(kit, "a", 1), 4);
	kit_file_write(kit, "5_b.tree", "", 0);
	assert_int_equal(kit_load(kit, "5_b.tree"), -1);
	assert_string_equal(kit_trees(kit), "a");
}

static void
a_name_that_is_not_utf8_is_refused(void **state)
{
	struct kit *kit = *state;

	assert_int_equal(kit_open(kit), 0);
	kit_file_foreign(kit, "5_\xff.tree", 1, 5);
	assert_int_equal(kit_load(kit, "5_\xff.tree"), -1);
	assert_string_equal(kit_trees(kit), "");
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(a_file_replaces_the_live_tree),
		kit_test(the_name_comes_from_the_file_or_from_its_second_object),
		kit_test(a_missing_file_is_named_by_its_tree),
		kit_test(only_files_of_the_directory_are_loaded),
		kit_test(a_damaged_file_leaves_the_live_tree),
		kit_test(a_name_that_is_not_utf8_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
