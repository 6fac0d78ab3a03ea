/* The catalog keeps one entry per name, finds it, and lists in the order of creation. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/catalog.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { NAMES = 100 };

static void
put(struct catalog *catalog, unsigned number, uint64_t id)
{
	char name[16];
	char file[32];

	(void)snprintf(name, sizeof(name), "tree%u", number);
	(void)snprintf(file, sizeof(file), "%llu_%s.tree", (unsigned long long)id, name);
	const struct manifest_tree tree = {
		.name = name,
		.name_bytes = strlen(name),
		.file = file,
		.id = id,
		.order = (number + 2) % 4, /* two before the rest */
	};

	assert_int_equal(catalog_put(catalog, &tree, id), 0);
}

static void
finds_what_was_put_last(void **state)
{
	struct catalog catalog = { 0 };

	(void)state;
	assert_null(catalog_find(&catalog, "tree1", 5));
	for (unsigned i = 0; i < NAMES; i++)
		put(&catalog, i * 37 % NAMES, 1);
	for (unsigned i = 0; i < NAMES; i += 2)
		put(&catalog, i, 2);
	assert_int_equal(catalog.count, NAMES);
	assert_int_equal(catalog_find(&catalog, "tree4", 5)->tree.id, 2);
	assert_string_equal(catalog_find(&catalog, "tree4", 5)->tree.file, "2_tree4.tree");
	assert_int_equal(catalog_find(&catalog, "tree5", 5)->tree.id, 1);
	assert_null(catalog_find(&catalog, "tree", 4));
	assert_null(catalog_find(&catalog, "", 0));
	catalog_deinit(&catalog);
}

static void
lists_what_lives_in_order(void **state)
{
	struct catalog catalog = { 0 };

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		put(&catalog, i, 1);
	catalog_find(&catalog, "tree1", 5)->live = false;
	assert_int_equal(catalog_sweep(&catalog), 1);
	assert_null(catalog_find(&catalog, "tree1", 5));
	struct manifest_tree *list = catalog_list(&catalog);

	assert_non_null(list);
	assert_memory_equal(list[0].name, "tree2", 5);
	assert_memory_equal(list[1].name, "tree3", 5);
	assert_memory_equal(list[2].name, "tree0", 5);
	mem_free(list);
	catalog_deinit(&catalog);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_put_last),
		cmocka_unit_test(lists_what_lives_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
