/* What the tests of a restore share. */
#include <string.h>

#include "store/kit.h"

void
kit_assert_fault(const struct kit *kit, const char *file)
{
	if (strstr(kit->fault.text, file) == NULL)
		fail_msg("\"%s\" does not name %s", kit->fault.text, file);
}

void
kit_dump_twice(struct kit *kit, char *ret_older, char *ret_newer)
{
	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	kit_add(kit, "b", 1, 7);
	assert_int_equal(kit_dump_all(kit), 0);
	kit_add(kit, "a", 1, 1);
	assert_int_equal(kit_dump(kit, "a"), 0);
	kit_close(kit);
	kit_file_find(kit, "_a.tree", 0, ret_older);
	kit_file_find(kit, "_a.tree", 1, ret_newer);
}
