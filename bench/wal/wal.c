/*
 * wal.c - what the log does on the device of a directory
 *
 *   device   one block written and waited for (fdatasync) after the other, without any log: what a commit cannot undercut.
 *            written: into a file that was written before; reserved: into one whose room is only reserved
 *   commit   appenders append a batch of records, wait until it is released, append the next: sync on, when it is on the
 *            disk; off, when it is written. The percentiles are of that wait
 *   stream   appenders wait only for room
 *
 * per_s are records, per_commit how many of them came with one commit; bytes_per_s are of records alone. Threads run where
 * the kernel likes.
 */
#include "kit/figures.h"
#include "kit/options.h"
#include "wal/wal_appenders.h"
#include "wal/wal_device_figure.h"

enum { DEVICE = 1, COMMIT = 2, STREAM = 4, SYNC_ON = 1, SYNC_OFF = 2 };

static const char *const only_names[] = { "device", "commit", "stream", NULL };
static const char *const sync_names[] = { "on", "off", NULL };

static struct {
	const char *directory;
	struct option_numbers appenders, records;
	uint64_t block_bytes, segment_bytes;
	double seconds;
	uint32_t only, sync;
} options = {
	.directory = ".",
	.appenders = { 4, { 1, 2, 8, 32 } },
	.records = { 2, { 1, 64 } },
	.block_bytes = 4096,
	.segment_bytes = 64 << 20,
	.seconds = 1.5,
	.only = UINT32_MAX,
	.sync = UINT32_MAX,
};

static const struct program_option option_table[] = {
	{ "directory", OPTION_TEXT, .text = &options.directory, .help = "where the log goes, and is removed" },
	{ "only", OPTION_NAMES, .chosen = &options.only, .names = only_names, .help = "what to measure" },
	{ "seconds", OPTION_SECONDS, .seconds = &options.seconds, .help = "time for each figure" },
	{ "sync", OPTION_NAMES, .chosen = &options.sync, .names = sync_names,
	  .help = "whether commits wait for the disk" },
	{ "appenders", OPTION_NUMBERS, .numbers = &options.appenders, .min = 1, .max = 256,
	  .help = "threads that append" },
	{ "records", OPTION_NUMBERS, .numbers = &options.records, .min = 1, .max = 1024,
	  .help = "of a batch; streams take the last" },
	{ "block-bytes", OPTION_NUMBER, .number = &options.block_bytes, .min = 512, .max = 1 << 20,
	  .help = "block for the device alone" },
	{ "segment-bytes", OPTION_NUMBER, .number = &options.segment_bytes, .min = 1000, .max = 1 << 30,
	  .help = "as of the server's --wal-segment-bytes" },
};

static void
measure(const struct scratch *scratch, struct wal_shape shape)
{
	const unsigned first = shape.streaming ? options.records.count - 1 : 0;

	for (unsigned a = 0; a < options.appenders.count; a++) {
		for (unsigned r = first; r < options.records.count; r++) {
			shape.appenders = (unsigned)options.appenders.value[a];
			shape.records = (unsigned)options.records.value[r];
			wal_appenders_measure(scratch, &shape);
		}
	}
}

static void
measure_all(const struct scratch *scratch)
{
	struct wal_shape shape = { .segment_bytes = options.segment_bytes, .seconds = options.seconds };

	if ((options.only & DEVICE) != 0)
		wal_device_figure(scratch, options.block_bytes, options.seconds);
	for (unsigned i = 0; i < 4; i++) {
		bool off = (i & 1) != 0;

		shape.streaming = i >= 2;
		shape.fsync = off ? WAL_FSYNC_FALSE : WAL_FSYNC_TRUE;
		if ((options.only & (shape.streaming ? STREAM : COMMIT)) != 0 &&
		    (options.sync & (off ? SYNC_OFF : SYNC_ON)) != 0)
			measure(scratch, shape);
	}
}

int
main(int argc, char **argv)
{
	const struct program program = {
		.name = "wal",
		.summary = "Measures group commits of the log on a directory, and its device alone.",
		.options = option_table,
		.option_count = sizeof(option_table) / sizeof(option_table[0]),
	};
	struct scratch scratch;

	figures_begin(program.name, options_parse(&program, argc, argv));
	scratch_make(&scratch, options.directory);
	measure_all(&scratch);
	scratch_remove(&scratch);
	return figures_end();
}
