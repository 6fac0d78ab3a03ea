/*
 * restore.c - how long a start takes, and which part of it
 *
 *   restore [--keys=1000000] [--directory=/tmp/restore] [--only=dump|log|trees] [--part=NAME]
 *
 * Makes a directory of each kind (restore_make.h) unless it is there from an earlier run, and leaves it there, so that two
 * builds can be measured in turn on the same bytes. Each part runs in a process of its own, with fresh memory, and prints a
 * line: seconds, keys (or adds of the log) per second, processor seconds of all threads (the figure to compare on a machine
 * that does other things as well), the most memory that was resident.
 *
 *   dump    read    the file read, checked and decoded, nothing done with the keys
 *           insert  the same keys in the same order put into a tree
 *           load    dump_load(): a tree from the file
 *           start   store_open()
 *   log     read    found, checked, read again
 *           decode  the same, and every record decoded
 *           insert  the effects of the same adds put into a tree
 *           start   store_open()
 *   trees   start   store_open()
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "restore/restore_parts.h"

static const char *const kind_names[RESTORE_KINDS] = { "dump", "log", "trees" };

static uint64_t
resident_most(void)
{
	char line[256];
	unsigned long kilobytes = 0;
	FILE *file = fopen("/proc/self/status", "r");

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "VmHWM:", 6) == 0)
			kilobytes = strtoul(line + 6, NULL, 10);
	}
	if (file != NULL)
		(void)fclose(file);
	return kilobytes >> 10;
}

/* In a process of its own, which ends without giving its memory back piece by piece. */
static void
in_child(struct bench *bench, size_t part)
{
	int status = 0;

	(void)fflush(stdout);
	pid_t child = fork();

	restore_must(child < 0 ? -errno : 0, "fork");
	if (child == 0) {
		if (part == BENCH_PARTS) {
			restore_make(bench->kind, bench->directory, bench->keys);
			_Exit(0);
		}
		bench_parts[part].run(bench);
		uint64_t things = bench->keys * (bench->kind == RESTORE_LOG ? RESTORE_ADDS_PER_KEY : 1);

		printf("%-6s %-7s %10" PRIu64 " %s  %7.3f s  %6.2f M/s  %7.3f cpu  %5" PRIu64 " MiB\n",
		       kind_names[bench->kind], bench_parts[part].name, things,
		       bench->kind == RESTORE_LOG ? "adds" : "keys", bench->seconds,
		       (double)things / bench->seconds / 1e6, bench->cpu_seconds, resident_most());
		(void)fflush(stdout);
		_Exit(0);
	}
	restore_must(waitpid(child, &status, 0) == child && status == 0 ? 0 : -1, "a part");
}

static void
run_kind(struct bench *bench)
{
	(void)snprintf(bench->directory, sizeof(bench->directory), "%s/%s-%" PRIu64, bench->base,
	               kind_names[bench->kind], bench->keys);
	(void)mkdir(bench->base, 0777);
	if (mkdir(bench->directory, 0777) == 0)
		in_child(bench, BENCH_PARTS);
	bench->directory_fd = open(bench->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	restore_must(bench->directory_fd < 0 ? -errno : 0, bench->directory);
	for (size_t i = 0; i < BENCH_PARTS; i++) {
		if (bench_parts[i].kind == bench->kind &&
		    (bench->part == NULL || strcmp(bench->part, bench_parts[i].name) == 0))
			in_child(bench, i);
	}
	(void)close(bench->directory_fd);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "keys", required_argument, NULL, 'k' },
		{ "directory", required_argument, NULL, 'd' },
		{ "only", required_argument, NULL, 'o' },
		{ "part", required_argument, NULL, 'p' },
		{ 0 },
	};
	struct bench bench = { .keys = 1000000, .base = "/tmp/restore" };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) { /* NOLINT(concurrency-mt-unsafe) */
		switch (option) {
		case 'k':
			bench.keys = strtoull(optarg, NULL, 10);
			break;
		case 'd':
			bench.base = optarg;
			break;
		case 'o':
			bench.only = optarg;
			break;
		case 'p':
			bench.part = optarg;
			break;
		default:
			return 1;
		}
	}
	restore_must(bench.keys == 0 ? -EINVAL : 0, "--keys");
	for (bench.kind = 0; bench.kind < RESTORE_KINDS; bench.kind++) {
		if (bench.only == NULL || strcmp(bench.only, kind_names[bench.kind]) == 0)
			run_kind(&bench);
	}
	return 0;
}
