/* Lists of CPUs are checked against the affinity mask; the quotas of cgroups count with those above them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/cpus.h"

static int list[WORKERS_MAX];
static size_t count;

/* The first CPU this process may use. */
static int
first_allowed(void)
{
	cpu_set_t allowed;
	int cpu = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	while (!CPU_ISSET((size_t)cpu, &allowed))
		cpu++;
	return cpu;
}

static void
lists_that_are_none_are_refused(void **state)
{
	static const char *const wrong[] = { "",    ",",   "0,",    ",0",   "0-",         "-0", "1-0", "a",  "0 ",
		                             "0;1", "0,0", "0-0-0", "1024", "4294967296", "0x", "0,a", "--", "0-1024" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (cpus_parse(wrong[i], list, &count))
			fail_msg("accepted: \"%s\"", wrong[i]);
}

static void
the_allowed_cpus_are_a_list(void **state)
{
	char text[4096];
	cpu_set_t allowed;

	(void)state;
	cpus_describe_allowed(text, sizeof(text));
	assert_true(cpus_parse(text, list, &count));
	assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	assert_int_equal(count, CPU_COUNT(&allowed));
	for (size_t i = 0; i < count; i++)
		assert_true(CPU_ISSET((size_t)list[i], &allowed));
}

static void
a_pinned_process_may_use_its_cpu_only(void **state)
{
	cpu_set_t before;
	cpu_set_t one;
	char expected[16];
	char text[64];
	int cpu = first_allowed();

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	CPU_ZERO(&one);
	CPU_SET((size_t)cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(cpus_usable(), 1);
	(void)snprintf(expected, sizeof(expected), "%d", cpu);
	cpus_describe_allowed(text, sizeof(text));
	assert_string_equal(text, expected);
	(void)snprintf(text, sizeof(text), "%d", cpu + 1);
	assert_false(cpus_parse(text, list, &count));
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

static void
workers_go_round_the_list(void **state)
{
	struct config config;
	struct config_fault fault;
	char cpus[32];
	char *argv[] = { (char[]){ "karma" }, cpus, NULL, NULL };
	char *environment[] = { NULL };
	int cpu = first_allowed();

	(void)state;
	(void)snprintf(cpus, sizeof(cpus), "--cpus=%d", cpu);
	assert_int_equal(config_parse(2, argv, environment, &config, &fault), 0);
	assert_int_equal(config.workers, 1);
	assert_int_equal(config.cpu_count, 1);
	argv[2] = (char[]){ "--workers=3" };
	assert_int_equal(config_parse(3, argv, environment, &config, &fault), 0);
	assert_int_equal(config.workers, 3);
	assert_int_equal(config.cpu_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(config.cpu_list[i], cpu);
	(void)snprintf(cpus, sizeof(cpus), "--cpus=");
	assert_int_equal(config_parse(3, argv, environment, &config, &fault), 0);
	assert_null(config.cpus);
	assert_int_equal(config.cpu_count, 0);
}

static void
group_write(const char *root, const char *path, const char *text)
{
	char name[256];

	(void)snprintf(name, sizeof(name), "%s%s", root, path);
	(void)mkdir(name, 0700);
	(void)snprintf(name, sizeof(name), "%s%s/cpu.max", root, path);
	FILE *file = fopen(name, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void
the_least_quota_up_the_hierarchy_counts(void **state)
{
	char root[] = "/tmp/karma-cpus-XXXXXX";
	char command[64];

	(void)state;
	assert_non_null(mkdtemp(root));
	assert_int_equal(cpus_of_quota(root, "/a/b"), 0); /* no files at all */
	group_write(root, "/a", "max 100000\n");
	group_write(root, "/a/b", "max 100000\n");
	assert_int_equal(cpus_of_quota(root, "/a/b"), 0);
	group_write(root, "/a/b", "150000 100000\n");
	assert_int_equal(cpus_of_quota(root, "/a/b"), 2); /* rounded up */
	group_write(root, "/a", "100000 100000\n");
	assert_int_equal(cpus_of_quota(root, "/a/b"), 1);
	group_write(root, "/a", "800000 100000\n");
	assert_int_equal(cpus_of_quota(root, "/a/b"), 2);
	group_write(root, "", "1000 100000\n");
	assert_int_equal(cpus_of_quota(root, "/a/b"), 1);
	assert_int_equal(cpus_of_quota(root, "/"), 1);
	assert_int_equal(cpus_of_quota(root, ""), 1);
	group_write(root, "", "nonsense\n");
	assert_int_equal(cpus_of_quota(root, "/"), 0);
	group_write(root, "", "5 0\n");
	assert_int_equal(cpus_of_quota(root, "/"), 0);
	(void)snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(system(command), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_that_are_none_are_refused),
		cmocka_unit_test(the_allowed_cpus_are_a_list),
		cmocka_unit_test(a_pinned_process_may_use_its_cpu_only),
		cmocka_unit_test(workers_go_round_the_list),
		cmocka_unit_test(the_least_quota_up_the_hierarchy_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
