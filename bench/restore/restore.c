/*
 * restore.c - how long a start takes, and which part of it
 *
 * Makes a directory of each kind (restore_make.h) unless it is there from an earlier run, and leaves it there, so that two
 * builds can be measured in turn on the same bytes. Each part runs in a process of its own, with fresh memory, and adds a
 * row: keys (or adds of the log) a second, seconds, processor seconds of all threads (the figure to compare on a machine that does
 * other things as well), the most memory that was resident.
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
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/child.h"
#include "kit/figures.h"
#include "kit/machine.h"
#include "kit/must.h"
#include "kit/options.h"
#include "restore/restore_parts.h"

static const char *const kind_names[] = { "dump", "log", "trees", NULL };

static void
make(void *context)
{
	const struct bench *bench = context;

	restore_make(bench->kind, bench->directory, bench->keys);
}

static void
part_run(void *context)
{
	struct bench *bench = context;
	const struct bench_part *part = &bench_parts[bench->part];
	const uint64_t things = bench->keys * (bench->kind == RESTORE_LOG ? RESTORE_ADDS_PER_KEY : 1);

	part->run(bench);
	figures_row(kind_names[bench->kind]);
	figures_text("part", restore_part_names[part->part]);
	figures_count("keys", bench->keys);
	figures_count("things", things);
	figures_real("per_s", (double)things / bench->seconds);
	figures_real("seconds", bench->seconds);
	figures_real("cpu_seconds", bench->cpu_seconds);
	figures_count("resident_bytes", machine_resident_bytes_most());
	figures_row_end();
}

static void
kind_run(struct bench *bench)
{
	int bytes = snprintf(bench->directory, sizeof(bench->directory), "%s/%s-%" PRIu64, bench->base,
	                     kind_names[bench->kind], bench->keys);

	must(bytes < 0 || (size_t)bytes >= sizeof(bench->directory) ? -ENAMETOOLONG : 0, bench->base);
	(void)mkdir(bench->base, 0777);
	if (mkdir(bench->directory, 0777) == 0)
		child_run(make, bench);
	bench->directory_fd = open(bench->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(bench->directory_fd < 0 ? -errno : 0, bench->directory);
	for (bench->part = 0; bench->part < BENCH_PARTS; bench->part++) {
		if (bench_parts[bench->part].kind == bench->kind &&
		    (bench->parts >> bench_parts[bench->part].part & 1) != 0)
			child_run(part_run, bench);
	}
	(void)close(bench->directory_fd);
}

int
main(int argc, char **argv)
{
	struct bench bench = { .keys = 1000000, .base = "/tmp/restore", .only = UINT32_MAX, .parts = UINT32_MAX };
	const struct program_option table[] = {
		{ "keys", OPTION_NUMBER, .number = &bench.keys, .min = 1, .max = UINT32_MAX,
		  .help = "keys to restore" },
		{ "directory", OPTION_TEXT, .text = &bench.base, .help = "where what is restored is made, and stays" },
		{ "only", OPTION_NAMES, .chosen = &bench.only, .names = kind_names, .help = "what to restore from" },
		{ "part", OPTION_NAMES, .chosen = &bench.parts, .names = restore_part_names,
		  .help = "which part of it" },
	};
	const struct program program = {
		.name = "restore",
		.summary = "Measures how long a start takes, and which part of it.",
		.options = table,
		.option_count = sizeof(table) / sizeof(table[0]),
	};

	figures_begin(program.name, options_parse(&program, argc, argv));
	for (bench.kind = 0; bench.kind < RESTORE_KINDS; bench.kind++) {
		if ((bench.only >> bench.kind & 1) != 0)
			kind_run(&bench);
	}
	return figures_end();
}
