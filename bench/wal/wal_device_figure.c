#include "wal/wal_device_figure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/clock.h"
#include "kit/figures.h"
#include "kit/histogram.h"
#include "kit/must.h"

enum {
	FILE_MODE = 0600,
	BLOCKS_PER_S_MOST = 20000, /* a quicker device ends before its time */
	BLOCKS_MIN = 1000,
};

struct device {
	int file;
	uint64_t block_bytes, blocks;
};

static void
write_block(const struct device *device, const char *block, uint64_t index)
{
	ssize_t done = pwrite(device->file, block, device->block_bytes, (off_t)(index * device->block_bytes));

	must(done < 0 ? -errno : done != (ssize_t)device->block_bytes, "write");
}

/* All its room on the disk; zeros written to it, too, or not. */
static void
file_make(struct device *device, const struct scratch *scratch, const char *name, bool written)
{
	char *zeros = calloc(1, device->block_bytes);

	device->file = openat(scratch->fd, name, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
	must(device->file < 0 || zeros == NULL ? -errno : 0, name);
	must(-posix_fallocate(device->file, 0, (off_t)(device->blocks * device->block_bytes)), "posix_fallocate");
	for (uint64_t i = 0; written && i < device->blocks; i++)
		write_block(device, zeros, i);
	must(fsync(device->file) < 0 ? -errno : 0, "fsync");
	free(zeros);
}

/* Each block once: a second time none of them would be only reserved. */
static double
write_blocks(const struct device *device, const char *block, double seconds, struct histogram *latency)
{
	const double start = clock_seconds();

	for (uint64_t i = 0; i < device->blocks && clock_seconds() < start + seconds; i++) {
		const uint64_t begin_ns = clock_ns();

		write_block(device, block, i);
		must(fdatasync(device->file) < 0 ? -errno : 0, "fdatasync");
		histogram_record(latency, clock_ns() - begin_ns);
	}
	return (double)latency->count / (clock_seconds() - start);
}

static void
figure(const struct scratch *scratch, uint64_t block_bytes, double seconds, bool written)
{
	const char *name = written ? "written" : "reserved";
	const uint64_t blocks = (uint64_t)(seconds * BLOCKS_PER_S_MOST);
	struct device device = { .block_bytes = block_bytes, .blocks = blocks > BLOCKS_MIN ? blocks : BLOCKS_MIN };
	struct histogram *latency = calloc(1, sizeof(*latency));
	char *block = malloc(block_bytes);

	must(latency == NULL || block == NULL ? -ENOMEM : 0, "memory");
	memset(block, 'k', block_bytes);
	file_make(&device, scratch, name, written);
	double per_s = write_blocks(&device, block, seconds, latency);

	figures_row("device");
	figures_text("room", name);
	figures_count("block_bytes", block_bytes);
	figures_real("per_s", per_s);
	figures_real("bytes_per_s", per_s * (double)block_bytes);
	figures_real("p50_us", (double)histogram_percentile(latency, 0.5) / 1e3);
	figures_real("p99_us", (double)histogram_percentile(latency, 0.99) / 1e3);
	figures_real("max_us", (double)latency->max / 1e3);
	figures_row_end();
	(void)close(device.file);
	free(block);
	free(latency);
}

void
wal_device_figure(const struct scratch *scratch, uint64_t block_bytes, double seconds)
{
	figure(scratch, block_bytes, seconds, true);
	figure(scratch, block_bytes, seconds, false);
	scratch_clear(scratch);
}
