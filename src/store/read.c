/*
 * read.c - the database of a directory that is only looked at
 */
#include "store/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "store/fault.h"

static int
read_opened(struct store *store, struct store_fault *ret_fault)
{
	struct restored restored;
	int r = engine_worker_create(store->engine, &store->worker);

	if (r < 0) {
		store_fault_set(ret_fault, "the store could not be made: %s", store_error_text(r));
		return -1;
	}
	r = store_restore(store, &restored, ret_fault);
	engine_worker_destroy(store->worker);
	catalog_deinit(&store->catalog);
	return r;
}

int
store_read(struct engine *engine, const char *directory, struct store_fault *ret_fault)
{
	struct store store = {
		.engine = engine,
		.options = { .directory = directory, .restore = true },
		.directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.lock_fd = -1,
		.reads_only = true,
	};

	if (store.directory_fd < 0) {
		store_fault_set(ret_fault, "directory \"%s\" cannot be opened: %s", directory,
		                store_error_text(-errno));
		return -1;
	}
	int r = read_opened(&store, ret_fault);

	(void)close(store.directory_fd);
	return r;
}
