/* Whatever keeps a ring from being made is said in one line, with what to do. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "net/io_setup.h"
#include "net/server.h"

static void
expect(int error, const char *release, int disabled, const char *part)
{
	struct server_fault fault = { "" };

	io_setup_explain(error, release, disabled, &fault);
	if (strstr(fault.text, part) == NULL)
		fail_msg("%s not in: %s", part, fault.text);
	assert_null(strchr(fault.text, '\n'));
	assert_true(strlen(fault.text) < sizeof(fault.text) - 1);
}

static void
names_an_old_kernel(void **state)
{
	(void)state;
	expect(EINVAL, "5.10.0-28-amd64", -1, "Linux 6.1 or newer is needed, this is 5.10.0-28-amd64");
	expect(EINVAL, "6.0.19", -1, "6.1 or newer");
	expect(ENOSYS, "4.19.0", -1, "this is 4.19.0");
	expect(EINVAL, "6.1.0", -1, "Invalid argument (kernel 6.1.0)");
	expect(EINVAL, "10.0.0", -1, "Invalid argument (kernel 10.0.0)");
	expect(EINVAL, "?", -1, "6.1 or newer is needed, this is ?"); /* main has refused such a kernel before */
}

static void
tells_who_forbids_it(void **state)
{
	(void)state;
	expect(EPERM, "6.6.1", 2, "kernel.io_uring_disabled is 2");
	expect(EPERM, "6.6.1", 1, "kernel.io_uring_group");
	expect(EPERM, "6.6.1", 0, "seccomp");
	expect(EPERM, "6.1.0", -1, "container");
	expect(ENOSYS, "6.1.0", -1, "seccomp");
}

static void
tells_which_limit_to_raise(void **state)
{
	(void)state;
	expect(ENOMEM, "6.1.0", -1, "ulimit -l");
	expect(EMFILE, "6.1.0", -1, "ulimit -n");
	expect(EFAULT, "6.1.0", -1, "Bad address");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_an_old_kernel),
		cmocka_unit_test(tells_who_forbids_it),
		cmocka_unit_test(tells_which_limit_to_raise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
