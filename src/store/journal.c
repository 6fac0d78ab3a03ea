#include "store/journal.h"

#include <assert.h>
#include <errno.h>
#include <semaphore.h>
#include <string.h>

#include "log/log.h"
#include "store/fault.h"

/* ---- callbacks of the log ---- */

static void
epoch_store(void *context, uint64_t epoch)
{
	struct store *store = context;

	engine_log_epoch_store(store->engine, epoch);
}

static uint32_t
today(void *context)
{
	struct store *store = context;

	return engine_today(store->engine);
}

/* Relaxed: the maintenance thread looks at it twice a second, and reads nothing through it. */
static void
grown(void *context)
{
	struct store *store = context;

	atomic_store_explicit(&store->log_grown, true, memory_order_relaxed);
}

static void
state_changed(void *context, enum wal_state state, int error, const char *doing)
{
	struct store *store = context;
	const char *directory = store->options.directory;
	const char *problem = error < 0 ? store_error_text(error) : "";

	if (state == WAL_OK) {
		log_info("log writes again, so do clients", log_string("directory", directory));
	} else if (state == WAL_FULL) {
		/* The segments before the present one can go when everything is dumped, if there is room for the dumps. */
		grown(store);
		log_error("log has no room: writes are refused until there is, reads go on",
		          log_string("directory", directory), log_string("doing", doing),
		          log_string("problem", problem), log_string("do", "free space on this disk"));
	} else {
		log_error("log has failed: read-only from now on, no dump is made; what was not answered may be lost",
		          log_string("directory", directory), log_string("doing", doing),
		          log_string("problem", problem), log_string("do", "look at the disk, then restart"));
	}
}

static void
writer_wake(void *context)
{
	struct store *store = context;

	(void)sem_post(&store->released);
}

/* ---- life ---- */

static struct wal_options
options_of(struct store *store, const struct restored *restored)
{
	const struct store_options *options = &store->options;
	struct wal_options wal = {
		.device = wal_device_directory(&store->directory_fd),
		.fsync = options->wal_fsync,
		.segment_bytes = options->wal_segment_bytes,
		.bytes_max = options->wal_max_bytes,
		.writer_bytes = options->wal_writer_bytes,
		.batch_wait_us = options->wal_batch_wait_us,
		.writers_max = options->writers_max,
		.epoch_first = store->log.epoch + 2, /* a group's may be one below E */
		.sequence_first = restored->log.sequence_highest + 1,
		.epoch_store = epoch_store,
		.today = today,
		.grown = grown,
		.state_changed = state_changed,
		.context = store,
	};

	if (store->log.first != 0)
		wal.last = restored->log.last;
	if (wal.sequence_first <= store->log.first)
		wal.sequence_first = store->log.first + 1;
	wal.sequence_needed = store->log.first != 0 ? store->log.first : wal.sequence_first;
	memcpy(wal.identity, store->identity, sizeof(wal.identity));
	return wal;
}

static int
writer_open(struct store *store)
{
	struct wal_writer *writer = NULL;
	int r = sem_init(&store->released, 0, 0) == 0 ? 0 : -errno;

	if (r == 0)
		r = wal_writer_create(store->wal, writer_wake, store, &writer);
	return r < 0 ? r : effect_log_init(&store->effects, writer, store->worker);
}

int
journal_open(struct store *store, const struct restored *restored, struct store_fault *ret_fault)
{
	struct wal_options options = options_of(store, restored);
	int r = wal_create(&options, &store->wal);

	if (r == 0)
		r = wal_start(store->wal);
	if (r == 0)
		r = writer_open(store);
	if (r == 0) {
		struct wal_figures figures;

		wal_figures(store->wal, &figures);
		if (store->log.first == 0)
			store->log.first = figures.sequence;
		return 0;
	}
	store_fault_set(ret_fault, "a log could not be started in \"%s\": %s%s", store->options.directory,
	                store_error_text(r),
	                r == -ENOSPC ? " (it needs room for its first segment, --wal-segment-bytes)" : "");
	return -1;
}

void
journal_close(struct store *store)
{
	if (store->wal == NULL)
		return;
	effect_log_deinit(&store->effects);
	wal_destroy(store->wal);
	store->wal = NULL;
	(void)sem_destroy(&store->released);
}

/* ---- for the maintenance thread ---- */

int
journal_sync(struct store *store)
{
	return store->wal == NULL ? 0 : wal_sync(store->wal, engine_log_epoch(store->engine));
}

int
journal_check_dump(const struct store *store, struct store_fault *ret_fault)
{
	if (store->wal == NULL || wal_state(store->wal) != WAL_FAILED)
		return 0;
	store_fault_set(ret_fault, FAULT_READ_ONLY);
	return -1;
}

int
journal_check_write(const struct store *store, struct store_fault *ret_fault)
{
	if (journal_check_dump(store, ret_fault) < 0)
		return -1;
	if (store->wal == NULL || wal_state(store->wal) != WAL_FULL)
		return 0;
	store_fault_set(ret_fault, FAULT_DISK_FULL);
	return -1;
}

int
journal_room_error(const struct store *store)
{
	if (store->wal == NULL)
		return 0;
	switch (wal_state(store->wal)) {
	case WAL_FULL:
		return -ENOSPC;
	case WAL_FAILED:
		return -EIO;
	case WAL_OK:
		break;
	}
	return 0;
}

const char *
journal_problem(int result)
{
	switch (result) {
	case -ENOSPC:
		return FAULT_DISK_FULL;
	case -EIO:
		return FAULT_READ_ONLY;
	case -EAGAIN:
		return "A key has more days than the log can take at once (--wal-segment-bytes)";
	default:
		return "Out of memory";
	}
}

/* What was appended has room on the disk, also on a full one, so this ends. */
static void
wait_released(struct store *store)
{
	uint64_t epoch = engine_log_epoch(store->engine);

	while (wal_writer_wait(store->effects.writer, epoch))
		(void)sem_wait(&store->released); /* an early or late post costs one more look */
}

int
journal_room(struct store *store, bool all)
{
	struct wal_writer *writer = store->effects.writer;

	if (store->wal == NULL)
		return 0;
	wal_writer_flush(writer);
	int r = journal_room_error(store);

	if (r < 0)
		return r;
	size_t wanted = all ? wal_writer_capacity(writer) : wal_writer_capacity(writer) / 2;

	if (wal_writer_room(writer) < wanted)
		wait_released(store);
	effect_log_room(&store->effects);
	return journal_room_error(store);
}

void
journal_append(struct store *store)
{
	if (store->wal != NULL)
		(void)effect_log_append(&store->effects);
}

/* E as of now is above the tag of every effect of ours, and of all that we saw. */
uint64_t
journal_hold(struct store *store)
{
	if (store->wal == NULL)
		return 0;
	wal_writer_flush(store->effects.writer);
	return wal_holds_replies(store->wal) ? engine_log_epoch(store->engine) : 0;
}
