#include "store/kit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "karma/engine.h"
#include "store/kit_directory.h"

int
kit_setup(void **state)
{
	struct kit *kit = calloc(1, sizeof(*kit));
	const char *base = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): nobody sets it */

	assert_non_null(kit);
	(void)snprintf(kit->directory, sizeof(kit->directory), "%s/karma-test-XXXXXX", base != NULL ? base : "/tmp");
	assert_non_null(mkdtemp(kit->directory));
	kit->directory_fd = open(kit->directory, O_RDONLY | O_DIRECTORY);
	assert_true(kit->directory_fd >= 0);
	kit->options = (struct store_options){
		.directory = kit->directory,
		.restore = true,
		.dump_retention_per_tree = 5,
	};
	*state = kit;
	return 0;
}

int
kit_setup_log(void **state)
{
	enum { SEGMENT_BYTES = 128 << 10, WRITER_BYTES = 64 << 10 };
	struct kit *kit;

	(void)kit_setup(state);
	kit = *state;
	kit->options.wal = true;
	kit->options.wal_fsync = WAL_FSYNC_TRUE;
	kit->options.wal_segment_bytes = SEGMENT_BYTES;
	kit->options.wal_writer_bytes = WRITER_BYTES;
	kit->options.wal_max_bytes = UINT64_C(1) << 30;
	kit->options.writers_max = 2;
	return 0;
}

int
kit_teardown(void **state)
{
	struct kit *kit = *state;

	kit_close(kit);
	kit_directory_clear(kit->directory_fd);
	(void)close(kit->directory_fd);
	(void)rmdir(kit->directory);
	free(kit);
	return 0;
}

/* ---- life ---- */

static void
no_wake(void *context)
{
	(void)context;
}

static void
writer_open(struct kit *kit)
{
	struct wal_writer *writer = NULL;

	assert_int_equal(engine_worker_create(kit->engine, &kit->worker), 0);
	if (store_wal(kit->store) != NULL)
		assert_int_equal(wal_writer_create(store_wal(kit->store), no_wake, NULL, &writer), 0);
	assert_int_equal(effect_log_init(&kit->effects, writer, kit->worker), 0);
}

int
kit_open(struct kit *kit)
{
	assert_null(kit->engine);
	assert_int_equal(engine_create(1000, KIT_TODAY, &kit->engine), 0);
	if (store_open(kit->engine, &kit->options, &kit->store, &kit->fault) == 0) {
		writer_open(kit);
		return 0;
	}
	engine_destroy(kit->engine);
	kit->engine = NULL;
	return -1;
}

void
kit_close(struct kit *kit)
{
	if (kit->engine == NULL)
		return;
	engine_worker_destroy(kit->worker);
	effect_log_deinit(&kit->effects);
	store_close(kit->store);
	engine_destroy(kit->engine);
	kit->store = NULL;
	kit->worker = NULL;
	kit->engine = NULL;
}

void
kit_crash(struct kit *kit)
{
	struct kit *copy = kit_copy(kit);

	kit_close(kit);
	kit_directory_clear(kit->directory_fd);
	kit_directory_copy(copy->directory_fd, kit->directory_fd);
	(void)kit_teardown((void **)&copy);
}

struct kit *
kit_copy(const struct kit *kit)
{
	struct kit *copy;

	(void)kit_setup((void **)&copy);
	const char *directory = copy->directory;

	copy->options = kit->options;
	copy->options.directory = directory;
	kit_directory_copy(kit->directory_fd, copy->directory_fd);
	return copy;
}
