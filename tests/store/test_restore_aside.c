/* A manifest that is damaged stops the start; skipped, or not to be restored, it is set aside and the start goes on. */
#include "store/kit.h"

#include <stdio.h>
#include <string.h>

#include "store/manifest.h"

static void
assert_holds_manifest(const struct kit *kit, const char *directory)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/" MANIFEST_FILE, directory);
	assert_true(kit_file_exists(kit, path));
}

static void
a_damaged_manifest_stops_the_start(void **state)
{
	struct kit *kit = *state;
	char older[256];
	char newer[256];
	char aside[256];

	kit_dump_twice(kit, older, newer);
	kit_file_flip(kit, MANIFEST_FILE, 5);
	assert_int_equal(kit_open(kit), -1);
	kit_assert_fault(kit, MANIFEST_FILE);
	kit_assert_fault(kit, "offset");
	kit->options.restore_skip_damaged = true;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 2);
	assert_int_equal(kit_total(kit, "b", 1), 7);
	kit_file_find(kit, "set-aside-", 0, aside);
	assert_holds_manifest(kit, aside);
	kit_close(kit);
	kit->options.restore_skip_damaged = false;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_total(kit, "a", 1), 2);
}

/* ---- starting over ---- */

static void
read_identity(const struct kit *kit, uint8_t *ret)
{
	static const uint8_t none[DIRECTORY_IDENTITY_BYTES];
	struct manifest manifest;
	struct dump_fault fault;

	assert_int_equal(manifest_read(kit->directory_fd, &manifest, &fault), MANIFEST_OK);
	memcpy(ret, manifest.identity, DIRECTORY_IDENTITY_BYTES);
	assert_memory_not_equal(ret, none, DIRECTORY_IDENTITY_BYTES);
	manifest_deinit(&manifest);
}

static void
without_restoring_the_manifest_is_set_aside(void **state)
{
	struct kit *kit = *state;
	uint8_t before[DIRECTORY_IDENTITY_BYTES];
	uint8_t first[DIRECTORY_IDENTITY_BYTES];
	char older[256];
	char newer[256];
	char aside[256];

	kit_dump_twice(kit, older, newer);
	read_identity(kit, before);
	kit->options.restore = false;
	assert_int_equal(kit_open(kit), 0);
	read_identity(kit, first);
	assert_memory_not_equal(before, first, DIRECTORY_IDENTITY_BYTES);
	assert_string_equal(kit_trees(kit), "");
	kit_file_find(kit, "set-aside-2", 0, aside);
	assert_int_equal(strlen(aside), strlen("set-aside-20261123T211230Z"));
	assert_holds_manifest(kit, aside);
	assert_true(kit_file_exists(kit, newer)); /* dump files stay, for load */
	assert_int_equal(kit_load(kit, newer), 0);
	assert_int_equal(kit_total(kit, "a", 1), 2);
	kit_add(kit, "c", 1, 3);
	assert_int_equal(kit_dump(kit, "c"), 0);
	kit_close(kit);
	/* Nor do they come back later: they are of another identity. */
	kit->options.restore = true;
	assert_int_equal(kit_open(kit), 0);
	assert_string_equal(kit_trees(kit), "c");
}

static void
a_new_directory_without_restoring_has_nothing_to_set_aside(void **state)
{
	struct kit *kit = *state;

	kit->options.restore = false;
	assert_int_equal(kit_open(kit), 0);
	assert_int_equal(kit_file_count(kit, "set-aside"), 0);
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(a_damaged_manifest_stops_the_start),
		kit_test(without_restoring_the_manifest_is_set_aside),
		kit_test(a_new_directory_without_restoring_has_nothing_to_set_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
