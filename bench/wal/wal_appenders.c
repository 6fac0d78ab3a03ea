#include "wal/wal_appenders.h"

#include <errno.h>
#include <semaphore.h>

#include "epoch/epoch.h"
#include "kit/clock.h"
#include "kit/crew.h"
#include "kit/figures.h"
#include "kit/histogram.h"
#include "kit/log.h"
#include "kit/must.h"
#include "kit/random.h"

#define KEEPER_NAP_S 0.005

struct bench {
	const struct wal_shape *shape;
	struct log log;
	struct histogram *latencies; /* of each appender */
	struct wal_figures edges[2];
	unsigned edge;
	_Alignas(CREW_CACHE_LINE) _Atomic bool ending;
};

/* ---- the log ---- */

/* Gives segments back as soon as they are full, as dumps do in a server now and then: files are reused and the disk is not
 * filled. */
static void *
keeper_main(void *argument)
{
	struct bench *bench = argument;
	struct wal_figures figures;
	uint64_t kept = 0;

	while (!atomic_load_explicit(&bench->ending, memory_order_relaxed)) {
		wal_figures(bench->log.wal, &figures);
		if (figures.sequence != kept)
			wal_forget(bench->log.wal, figures.sequence);
		kept = figures.sequence;
		clock_nap(KEEPER_NAP_S);
	}
	return NULL;
}

static void
edge(void *context)
{
	struct bench *bench = context;

	wal_figures(bench->log.wal, &bench->edges[bench->edge++]);
}

/* ---- appenders ---- */

struct appender {
	struct wal_writer *writer;
	struct epoch_worker *worker;
	sem_t woken;
	uint64_t random;
};

static void
wake(void *context)
{
	(void)sem_post(context);
}

static void
await(struct appender *appender, uint64_t epoch)
{
	if (!wal_writer_wait(appender->writer, epoch))
		return;
	while (sem_wait(&appender->woken) < 0) {}
}

/* A section. Returns its tag. */
static uint64_t
append(struct bench *bench, struct appender *appender)
{
	struct wal_record record = { .kind = WAL_ADD, .day = LOG_TODAY, .tree_id = 1, .generation = 1, .delta = 1 };
	struct wal_group group;

	epoch_begin(appender->worker);
	uint64_t tag = atomic_load_explicit(&bench->log.epoch, memory_order_seq_cst);

	for (unsigned i = 0; i < bench->shape->records; i++) {
		record.key = random_next(&appender->random);
		wal_group_begin(&group, appender->writer, tag);
		wal_group_add(&group, &record);
		wal_group_end(&group);
	}
	epoch_end(appender->worker);
	return tag;
}

static void
append_and_wait(struct bench *bench, struct crew_member *member, struct appender *appender)
{
	const uint64_t start_ns = clock_ns();

	await(appender, append(bench, appender));
	if (crew_phase(member) == CREW_MEASURED)
		histogram_record(&bench->latencies[member->index], clock_ns() - start_ns);
}

static void
append_and_go_on(struct bench *bench, struct appender *appender)
{
	uint64_t tag = append(bench, appender);

	wal_writer_flush(appender->writer);
	if (wal_writer_room(appender->writer) < bench->shape->records * (size_t)WAL_RECORD_BYTES_MAX)
		await(appender, tag);
}

static void
appender_run(struct crew_member *member)
{
	struct bench *bench = member->crew->context;
	struct appender appender = { .worker = epoch_worker_create(), .random = random_seed(member->index) };

	must(appender.worker == NULL ? -ENOMEM : 0, "epoch_worker_create");
	must(sem_init(&appender.woken, 0, 0), "sem_init");
	must(wal_writer_create(bench->log.wal, wake, &appender.woken, &appender.writer), "wal_writer_create");
	must(wal_writer_capacity(appender.writer) < bench->shape->records * (size_t)WAL_RECORD_BYTES_MAX ? -ENOSPC : 0,
	     "--records");
	while (crew_goes_on(member)) {
		if (bench->shape->streaming)
			append_and_go_on(bench, &appender);
		else
			append_and_wait(bench, member, &appender);
		crew_done(member, bench->shape->records);
	}
	wal_writer_destroy(appender.writer);
	epoch_worker_destroy(appender.worker);
	(void)sem_destroy(&appender.woken);
}

/* ---- figures ---- */

static void
print(const struct bench *bench, const struct crew *crew)
{
	const struct wal_shape *shape = bench->shape;
	const double commits = (double)(bench->edges[1].blocks - bench->edges[0].blocks);
	const double bytes = (double)(bench->edges[1].payload_bytes - bench->edges[0].payload_bytes);
	struct histogram *all = &bench->latencies[0];

	for (unsigned i = 1; i < shape->appenders; i++)
		histogram_add(all, &bench->latencies[i]);
	figures_row(shape->streaming ? "stream" : "commit");
	figures_text("sync", shape->fsync == WAL_FSYNC_TRUE ? "on" : "off");
	figures_count("appenders", shape->appenders);
	figures_count("records", shape->records);
	figures_real("commits_per_s", commits / crew->seconds);
	figures_real("per_commit", commits > 0 ? (double)crew->counted / commits : 0);
	figures_real("per_s", (double)crew->counted / crew->seconds);
	figures_real("bytes_per_s", bytes / crew->seconds);
	if (!shape->streaming) {
		figures_real("p50_us", (double)histogram_percentile(all, 0.5) / 1e3);
		figures_real("p99_us", (double)histogram_percentile(all, 0.99) / 1e3);
		figures_real("max_us", (double)all->max / 1e3);
	}
	figures_row_end();
}

void
wal_appenders_measure(const struct scratch *scratch, const struct wal_shape *shape)
{
	struct bench bench = { .shape = shape, .latencies = calloc(shape->appenders, sizeof(struct histogram)) };
	struct crew crew = {
		.run = appender_run, .context = &bench, .threads = shape->appenders, .anywhere = true, .edge = edge
	};
	pthread_t keeper;

	must(bench.latencies == NULL ? -ENOMEM : 0, "memory");
	log_begin(&bench.log, &(struct wal_options){ .device = wal_device_directory(&scratch->fd),
	                                             .fsync = shape->fsync,
	                                             .segment_bytes = shape->segment_bytes,
	                                             .writers_max = shape->appenders });
	must(wal_start(bench.log.wal), "wal_start");
	must(pthread_create(&keeper, NULL, keeper_main, &bench), "pthread_create");
	crew_begin(&crew);
	(void)crew_measure(&crew, shape->seconds);
	crew_end(&crew);
	atomic_store_explicit(&bench.ending, true, memory_order_relaxed);
	(void)pthread_join(keeper, NULL);
	print(&bench, &crew);
	wal_destroy(bench.log.wal);
	scratch_clear(scratch);
	free(bench.latencies);
}
