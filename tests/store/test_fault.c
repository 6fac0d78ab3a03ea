/* A fault is one line of valid UTF-8, whatever the names in it are. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/fault.h"

#include <string.h>

#include "base/utf8.h"

static void
replaces_what_cannot_be_shown(void **state)
{
	struct store_fault fault;

	(void)state;
	store_fault_set(&fault, "Tree \"%s\"", "a\nb\x7f\xff\xc3\xbc\x1b");
	assert_string_equal(fault.text, "Tree \"a?b??\xc3\xbc?\"");
	store_fault_set(NULL, "nobody asks");
}

static void
is_cut_between_characters(void **state)
{
	struct store_fault fault;
	char name[1200];

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		for (size_t i = 0; i + 3 < sizeof(name); i += 3)
			memcpy(name + i, "\xe2\x82\xac", 4); /* three bytes each */
		store_fault_set(&fault, "%.*s%s", (int)shift, "....", name);
		size_t bytes = strlen(fault.text);

		assert_true(bytes < sizeof(fault.text) && bytes > sizeof(fault.text) - 5);
		assert_true(utf8_valid(fault.text, bytes));
		assert_null(strchr(fault.text, '?'));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces_what_cannot_be_shown),
		cmocka_unit_test(is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
