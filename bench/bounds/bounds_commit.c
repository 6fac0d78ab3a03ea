#include "bounds/bounds.h"

#include <errno.h>

#include "epoch/epoch.h"
#include "kit/child.h"
#include "kit/crew.h"
#include "kit/figures.h"
#include "kit/log.h"
#include "kit/must.h"

enum { SEGMENT_BYTES = 64 << 20, COMMITS_AT_ONCE = 16 };

/* ---- a device that does nothing, and at once ---- */

static int
device_open(void *context, const char *name, bool create)
{
	(void)context;
	(void)name;
	(void)create;
	return 0;
}

static void
device_close(void *context, int file)
{
	(void)context;
	(void)file;
}

static int
device_size(void *context, int file, uint64_t *ret_bytes)
{
	(void)context;
	(void)file;
	*ret_bytes = 0;
	return 0;
}

static ssize_t
device_read(void *context, int file, void *data, size_t bytes, uint64_t offset)
{
	(void)context;
	(void)file;
	(void)data;
	(void)bytes;
	(void)offset;
	return 0;
}

static ssize_t
device_write(void *context, int file, const struct iovec *pieces, int count, uint64_t offset)
{
	size_t bytes = 0;

	(void)context;
	(void)file;
	(void)offset;
	for (int i = 0; i < count; i++)
		bytes += pieces[i].iov_len;
	return (ssize_t)bytes;
}

static int
device_sync(void *context, int file)
{
	(void)context;
	(void)file;
	return 0;
}

static int
device_push(void *context, int file, uint64_t offset, uint64_t bytes)
{
	(void)context;
	(void)file;
	(void)offset;
	(void)bytes;
	return 0;
}

static int
device_room(void *context, int file, uint64_t bytes)
{
	(void)context;
	(void)file;
	(void)bytes;
	return 0;
}

static int
device_rename(void *context, const char *from, const char *to)
{
	(void)context;
	(void)from;
	(void)to;
	return 0;
}

static int
device_remove(void *context, const char *name)
{
	(void)context;
	(void)name;
	return 0;
}

static int
device_sync_directory(void *context)
{
	(void)context;
	return 0;
}

static int
device_list(void *context, wal_name_fn *visit, void *visit_context)
{
	(void)context;
	(void)visit;
	(void)visit_context;
	return 0;
}

static const struct wal_device device = {
	.open = device_open,
	.close = device_close,
	.size = device_size,
	.read = device_read,
	.write = device_write,
	.sync = device_sync,
	.reread = device_sync,
	.push = device_push,
	.allocate = device_room,
	.truncate = device_room,
	.rename = device_rename,
	.remove = device_remove,
	.sync_directory = device_sync_directory,
	.list = device_list,
};

/* ---- the log ---- */

struct round {
	const struct bounds_options *options;
	unsigned idle;
	struct log log;
};

static void
wake(void *context)
{
	(void)context;
}

static struct wal_writer *
writer_make(struct round *round)
{
	struct wal_writer *writer = NULL;

	must(wal_writer_create(round->log.wal, wake, NULL, &writer), "wal_writer_create");
	return writer;
}

/* ---- commits: the appender does the committer's work itself ---- */

static void
append(const struct round *round, struct epoch_worker *worker, struct wal_writer *writer)
{
	const struct wal_record record = { .kind = WAL_ADD, .day = LOG_TODAY, .tree_id = 1, .key = 1, .delta = 1 };
	struct wal_group group;

	epoch_begin(worker);
	wal_group_begin(&group, writer, atomic_load_explicit(&round->log.epoch, memory_order_seq_cst));
	wal_group_add(&group, &record);
	wal_group_end(&group);
	epoch_end(worker);
}

static void
commits_run(struct crew_member *member)
{
	struct round *round = member->crew->context;
	struct epoch_worker *worker = epoch_worker_create();
	struct wal_writer *writer = writer_make(round);

	must(worker == NULL ? -ENOMEM : 0, "epoch_worker_create");
	while (crew_goes_on(member)) {
		for (unsigned i = 0; i < COMMITS_AT_ONCE; i++) {
			append(round, worker, writer);
			must(wal_commit(round->log.wal) ? 0 : -1, "wal_commit");
		}
		crew_done(member, COMMITS_AT_ONCE);
	}
}

/* In a process of its own, since workers and writers that have ended go on being looked at. */
static void
round_run(void *context)
{
	struct round *round = context;
	struct crew crew = { .run = commits_run, .context = round, .threads = 1 };

	log_begin(&round->log, &(struct wal_options){ .device = device,
	                                              .fsync = WAL_FSYNC_TRUE,
	                                              .segment_bytes = SEGMENT_BYTES,
	                                              .writers_max = round->idle + 1 });
	for (unsigned i = 0; i < round->idle; i++) {
		(void)writer_make(round);
		must(epoch_worker_create() == NULL ? -ENOMEM : 0, "epoch_worker_create");
	}
	double per_s = crew_run(&crew, round->options->seconds);

	figures_row("commit");
	figures_count("idle", round->idle);
	figures_real("per_s", per_s);
	figures_real("ns", 1e9 / per_s);
	figures_row_end();
}

void
bounds_commit(const struct bounds_options *options)
{
	for (unsigned i = 0; i < options->idle.count; i++)
		child_run(round_run, &(struct round){ .options = options, .idle = (unsigned)options->idle.value[i] });
}
