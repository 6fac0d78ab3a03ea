#include "store/store_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "log/log.h"
#include "store/fault.h"
#include "store/files.h"
#include "store/journal.h"
#include "store/lock_file.h"

enum {
	IDLE_MS = 500, /* a drop is in the manifest that soon; retired memory is freed that soon */
	COMPACT_EVERY_MS = 60 * 1000,
	DUMP_AGAIN_MS = 30 * 1000,
	COMPACT_DAYS_EVERY = 60, /* of these: once an hour, since it looks at every key */
};

/* ---- the maintenance thread between its jobs ---- */

static int
compact_tree(void *context, struct tree *tree, const char *name, size_t bytes)
{
	struct store *store = context;

	(void)name;
	(void)bytes;
	(void)tree_compact(store->worker, tree, false);
	if (store->compactions % COMPACT_DAYS_EVERY == 0)
		tree_compact_days(store->worker, tree);
	return 0;
}

/* Removes the records of refused additions, cheap where there are none: the trees count them. Now and then also the
 * memory of days that are gone. */
static void
idle_compact(struct store *store)
{
	if (ms_since(&store->compacted_at) < COMPACT_EVERY_MS)
		return;
	store->compactions++;
	(void)engine_names(store->engine, compact_tree, store);
	(void)clock_gettime(CLOCK_MONOTONIC, &store->compacted_at);
}

static void
idle_manifest(struct store *store)
{
	struct store_fault fault;

	if (!store->manifest_stale && engine_directory_version(store->engine) == store->directory_seen)
		return;
	bool failed = store_publish_changes(store, &fault) < 0;

	if (failed && !store->manifest_failing) /* once, not twice a second */
		log_error("manifest not written", log_string("problem", fault.text));
	if (!failed && store->manifest_failing)
		log_info("manifest written again", log_string("directory", store->options.directory));
	store->manifest_failing = failed;
}

/* With nothing to do these are a few loads. The log tells of drops by itself. */
void
store_keep_up(struct store *store)
{
	if (store->wal == NULL)
		idle_manifest(store);
	if (engine_retired_bytes(store->engine) > 0)
		engine_reclaim(store->engine);
}

/* The log has outgrown its bound. What could not be dumped is tried again, not at once. */
static void
idle_dump(struct store *store)
{
	struct store_fault fault;

	/* Relaxed: a flag, nothing is read through it. */
	if (!atomic_load_explicit(&store->log_grown, memory_order_relaxed) || store_is_read_only(store) ||
	    (store->grown_failed && ms_since(&store->grown_at) < DUMP_AGAIN_MS))
		return;
	log_info("log has grown or has no room, everything is dumped",
	         log_u64("wal-max-bytes", store->options.wal_max_bytes));
	store->grown_failed = store_dump_all(store, &fault) < 0; /* logs what fails */
	(void)clock_gettime(CLOCK_MONOTONIC, &store->grown_at);
}

static void
idle_ledger(struct store *store)
{
	const struct store_ledger *ledger = store->options.ledger;

	if (ledger != NULL)
		ledger->idle(ledger->context);
}

/* Twice a second. */
static void
store_idle(void *context)
{
	idle_compact(context);
	idle_ledger(context);
	store_keep_up(context);
	idle_dump(context);
}

/* ---- life ---- */

static int
directory_open(struct store *store, const struct store_options *options, struct store_fault *ret_fault)
{
	size_t bytes = strlen(options->directory) + 1;
	char *directory = mem_alloc(bytes);

	if (directory == NULL) {
		store_fault_set(ret_fault, "out of memory");
		return -1;
	}
	memcpy(directory, options->directory, bytes);
	store->options.directory = directory;
	store->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->directory_fd < 0) {
		store_fault_set(ret_fault, "directory \"%s\" cannot be opened: %s", directory,
		                store_error_text(-errno));
		return -1;
	}
	if (lock_file_take(store->directory_fd, directory, &store->lock_fd, ret_fault) < 0)
		return -1;
	size_t removed = files_remove_temporary(store->directory_fd);

	if (removed > 0)
		log_info("unfinished files of a crash removed", log_u64("files", removed));
	return 0;
}

static int
services_create(struct store *store)
{
	const struct service_options maintenance = {
		.name = "maintenance",
		.jobs_max = JOBS_QUEUED_MAX,
		.jobs_reserved = 1,
		.idle_ms = IDLE_MS,
		.idle = store_idle,
		.context = store,
	};
	const struct service_options scan = { .name = "scan", .jobs_max = JOBS_QUEUED_MAX };
	int r = service_create(&maintenance, &store->maintenance);

	return r < 0 ? r : service_create(&scan, &store->scan);
}

int
store_open(struct engine *engine, const struct store_options *options, struct store **ret_store,
           struct store_fault *ret_fault)
{
	struct store *store = mem_alloc_zeroed(sizeof(*store));
	int r = store == NULL ? -ENOMEM : 0;

	if (r == 0) {
		*store = (struct store){ .engine = engine, .options = *options, .directory_fd = -1, .lock_fd = -1 };
		store->options.directory = NULL;
		(void)clock_gettime(CLOCK_MONOTONIC, &store->compacted_at);
		r = engine_worker_create(engine, &store->worker);
	}
	if (r < 0) {
		store_fault_set(ret_fault, "the store could not be made: %s", store_error_text(r));
		goto fail;
	}
	if (directory_open(store, options, ret_fault) < 0 || store_fill(store, ret_fault) < 0)
		goto fail;
	r = services_create(store);
	if (r < 0) {
		store_fault_set(ret_fault, "a thread could not be started: %s", store_error_text(r));
		goto fail;
	}
	*ret_store = store;
	return 0;
fail:
	store_close(store);
	return -1;
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	service_destroy(store->scan); /* first: its walks hold up what the other one frees */
	service_destroy(store->maintenance);
	engine_worker_destroy(store->worker);
	journal_close(store);
	catalog_deinit(&store->catalog);
	lock_file_release(store->lock_fd);
	if (store->directory_fd >= 0)
		(void)close(store->directory_fd);
	mem_free((void *)(uintptr_t)store->options.directory);
	mem_free(store);
}

bool
store_submit_maintenance(struct store *store, struct job *job)
{
	return service_submit(store->maintenance, job);
}

bool
store_submit_maintenance_reserved(struct store *store, struct job *job)
{
	return service_submit_reserved(store->maintenance, job);
}

bool
store_submit_scan(struct store *store, struct job *job)
{
	return service_submit(store->scan, job);
}

struct wal *
store_wal(struct store *store)
{
	return store->wal;
}

bool
store_is_read_only(const struct store *store)
{
	return store->wal != NULL && wal_state(store->wal) == WAL_FAILED;
}

int
store_files(struct store *store, char ***ret_names, size_t *ret_count)
{
	return file_list_names(store->directory_fd, ret_names, ret_count);
}

void
store_files_free(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		mem_free(names[i]);
	mem_free((void *)names);
}
