#include "store/kit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "karma/engine.h"

enum { FILES_MAX = 4096, NAME_BYTES = 256 };

/* ---- directories ---- */

struct listing {
	size_t count;
	char names[FILES_MAX][NAME_BYTES];
};

static int
compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static struct listing *
list(int directory_fd)
{
	struct listing *listing = calloc(1, sizeof(*listing));
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY);
	DIR *stream = fdopendir(fd);
	const struct dirent *entry;

	assert_non_null(listing);
	assert_non_null(stream);
	while ((entry = readdir(stream)) != NULL) { /* NOLINT(concurrency-mt-unsafe): our own stream */
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		assert_true(listing->count < FILES_MAX);
		(void)snprintf(listing->names[listing->count++], NAME_BYTES, "%s", entry->d_name);
	}
	(void)closedir(stream);
	qsort(listing->names, listing->count, NAME_BYTES, compare_names);
	return listing;
}

static void
remove_all(int directory_fd)
{
	struct listing *listing = list(directory_fd);

	for (size_t i = 0; i < listing->count; i++) {
		int fd;

		if (unlinkat(directory_fd, listing->names[i], 0) == 0)
			continue;
		fd = openat(directory_fd, listing->names[i], O_RDONLY | O_DIRECTORY);
		if (fd >= 0) {
			remove_all(fd);
			(void)close(fd);
			(void)unlinkat(directory_fd, listing->names[i], AT_REMOVEDIR);
		}
	}
	free(listing);
}

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
	enum { SEGMENT_BYTES = 128 << 10 };
	struct kit *kit;

	(void)kit_setup(state);
	kit = *state;
	kit->options.wal = true;
	kit->options.wal_fsync = WAL_FSYNC_TRUE;
	kit->options.wal_segment_bytes = SEGMENT_BYTES;
	kit->options.wal_max_bytes = UINT64_C(1) << 30;
	kit->options.writers_max = 2;
	return 0;
}

int
kit_teardown(void **state)
{
	struct kit *kit = *state;

	kit_close(kit);
	remove_all(kit->directory_fd);
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

/* Files and directories, as they are now; what goes meanwhile is passed over. */
static void
copy_all(int from_fd, int to_fd)
{
	struct listing *listing = list(from_fd);

	for (size_t i = 0; i < listing->count; i++) {
		const char *name = listing->names[i];
		int from = openat(from_fd, name, O_RDONLY | O_NONBLOCK);
		struct stat status;

		if (from < 0)
			continue;
		assert_int_equal(fstat(from, &status), 0);
		if (S_ISDIR(status.st_mode)) {
			assert_int_equal(mkdirat(to_fd, name, 0755), 0);
			int to = openat(to_fd, name, O_RDONLY | O_DIRECTORY);

			copy_all(from, to);
			(void)close(to);
		} else if (S_ISREG(status.st_mode)) {
			int to = openat(to_fd, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
			off_t offset = 0;

			assert_true(to >= 0);
			while (offset < status.st_size)
				assert_true(sendfile(to, from, &offset, (size_t)(status.st_size - offset)) > 0);
			(void)close(to);
		}
		(void)close(from);
	}
	free(listing);
}

void
kit_crash(struct kit *kit)
{
	struct kit *copy = kit_copy(kit);

	kit_close(kit);
	remove_all(kit->directory_fd);
	copy_all(copy->directory_fd, kit->directory_fd);
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
	copy_all(kit->directory_fd, copy->directory_fd);
	return copy;
}

/* ---- counters ---- */

static void
request_begin(struct kit *kit)
{
	effect_log_room(&kit->effects);
	engine_batch_begin(kit->worker);
}

static void
request_end(struct kit *kit)
{
	(void)effect_log_append(&kit->effects);
	engine_batch_end(kit->worker);
	if (kit->effects.writer != NULL)
		wal_writer_flush(kit->effects.writer);
	kit_sync(kit);
}

void
kit_sync(struct kit *kit)
{
	struct wal *wal = store_wal(kit->store);

	if (wal != NULL && wal_state(wal) != WAL_FAILED)
		assert_int_equal(wal_sync(wal, engine_log_epoch(kit->engine)), 0);
}

void
kit_add_day(struct kit *kit, const char *tree, uint64_t key, uint32_t day, uint64_t amount)
{
	struct tree *found = NULL;

	request_begin(kit);
	assert_true(tree_create(kit->worker, tree, strlen(tree), &found) >= 0);
	assert_int_equal(tree_add(kit->worker, found, key, day, amount), 0);
	request_end(kit);
}

void
kit_add(struct kit *kit, const char *tree, uint64_t key, uint64_t amount)
{
	kit_add_day(kit, tree, key, KIT_TODAY, amount);
}

static struct tree *
find(struct kit *kit, const char *tree)
{
	struct tree *found = tree_find(kit->worker, tree, strlen(tree));

	assert_non_null(found);
	return found;
}

void
kit_subtract(struct kit *kit, const char *tree, uint64_t key, uint64_t amount)
{
	uint64_t taken;

	request_begin(kit);
	assert_int_equal(tree_subtract(kit->worker, find(kit, tree), key, KIT_TODAY, amount, &taken), 0);
	request_end(kit);
	assert_int_equal(taken, amount);
}

void
kit_decrement(struct kit *kit, const char *tree, uint64_t key)
{
	request_begin(kit);
	assert_int_equal(tree_decrement(kit->worker, find(kit, tree), key), 0);
	request_end(kit);
}

void
kit_reset_key(struct kit *kit, const char *tree, uint64_t key)
{
	request_begin(kit);
	assert_int_equal(tree_reset_key(kit->worker, find(kit, tree), key), 0);
	request_end(kit);
}

void
kit_drop(struct kit *kit, const char *tree)
{
	request_begin(kit);
	assert_int_equal(tree_drop(kit->worker, tree, strlen(tree)), 0);
	request_end(kit);
}

void
kit_reset(struct kit *kit, const char *tree)
{
	request_begin(kit);
	assert_int_equal(tree_reset(kit->worker, tree, strlen(tree)), 0);
	request_end(kit);
}

uint64_t
kit_total(struct kit *kit, const char *tree, uint64_t key)
{
	engine_batch_begin(kit->worker);
	struct tree *found = tree_find(kit->worker, tree, strlen(tree));
	uint64_t total = found != NULL ? tree_total(found, key) : UINT64_MAX;

	engine_batch_end(kit->worker);
	return total;
}

struct names {
	size_t used;
	size_t count;
	char text[1024];
};

static int
add_name(void *context, struct tree *tree, const char *name, size_t bytes)
{
	struct names *names = context;

	(void)tree;
	names->used += (size_t)snprintf(names->text + names->used, sizeof(names->text) - names->used, "%s%.*s",
	                                names->count++ > 0 ? "," : "", (int)bytes, name);
	return 0;
}

const char *
kit_trees(struct kit *kit)
{
	static struct names names;

	names = (struct names){ 0 };
	engine_scan_begin(kit->engine);
	(void)engine_scan_names(kit->engine, add_name, &names);
	engine_scan_end(kit->engine);
	return names.text;
}

/* ---- maintenance ---- */

struct errand {
	struct job job; /* first */
	void (*run)(void *context);
	void *context;
	sem_t done;
};

static void
errand_run(struct job *job)
{
	struct errand *errand = (struct errand *)(void *)job;

	errand->run(errand->context);
}

static void
errand_done(struct job *job)
{
	(void)sem_post(&((struct errand *)(void *)job)->done);
}

void
kit_maintain(struct kit *kit, void (*run)(void *context), void *context)
{
	struct errand errand = { .job = { .run = errand_run, .done = errand_done }, .run = run, .context = context };

	assert_int_equal(sem_init(&errand.done, 0, 0), 0);
	assert_true(store_submit_maintenance(kit->store, &errand.job));
	while (sem_wait(&errand.done) != 0)
		assert_int_equal(errno, EINTR);
	(void)sem_destroy(&errand.done);
}

void
kit_idle(void)
{
	const struct timespec tick = { .tv_nsec = 700000000 };

	(void)nanosleep(&tick, NULL);
}

enum errand_kind { DUMP, DUMP_ALL, LOAD, DELETE };

struct dumping {
	struct kit *kit;
	enum errand_kind kind;
	const char *name; /* of a tree or file */
	uint64_t ticket;
	uint64_t from, to;
	uint64_t hold;
	int result;
};

static int
run(struct dumping *dumping)
{
	struct kit *kit = dumping->kit;
	char name[TREE_NAME_BYTES_MAX];
	size_t bytes;

	switch (dumping->kind) {
	case DUMP:
		return store_dump(kit->store, dumping->name, strlen(dumping->name), dumping->ticket, &kit->fault);
	case DUMP_ALL:
		return store_dump_all(kit->store, &kit->fault);
	case LOAD:
		return store_load(kit->store, dumping->name, strlen(dumping->name), name, &bytes, &dumping->hold,
		                  &kit->fault);
	case DELETE:
		return store_delete_range(kit->store, dumping->name, strlen(dumping->name), dumping->from, dumping->to,
		                          &dumping->hold, &kit->fault);
	}
	return -1;
}

static void
run_dump(void *context)
{
	struct dumping *dumping = context;

	dumping->result = run(dumping);
}

/* The reply of what was done depends on its hold. */
static int
maintain(struct dumping *dumping)
{
	struct wal *wal = store_wal(dumping->kit->store);

	kit_maintain(dumping->kit, run_dump, dumping);
	if (dumping->hold != 0 && wal_state(wal) != WAL_FAILED)
		assert_int_equal(wal_sync(wal, dumping->hold), 0);
	return dumping->result;
}

int
kit_dump(struct kit *kit, const char *tree)
{
	return maintain(
	    &(struct dumping){ .kit = kit, .kind = DUMP, .name = tree, .ticket = store_ticket(kit->store) });
}

int
kit_dump_all(struct kit *kit)
{
	return maintain(&(struct dumping){ .kit = kit, .kind = DUMP_ALL });
}

int
kit_load(struct kit *kit, const char *file)
{
	return maintain(&(struct dumping){ .kit = kit, .kind = LOAD, .name = file });
}

int
kit_delete(struct kit *kit, const char *tree, uint64_t from, uint64_t to)
{
	return maintain(&(struct dumping){ .kit = kit, .kind = DELETE, .name = tree, .from = from, .to = to });
}

/* ---- files ---- */

bool
kit_file_exists(const struct kit *kit, const char *file)
{
	return faccessat(kit->directory_fd, file, F_OK, 0) == 0;
}

static size_t
find_files(const struct kit *kit, const char *contained, size_t index, char *ret)
{
	struct listing *listing = list(kit->directory_fd);
	size_t count = 0;

	for (size_t i = 0; i < listing->count; i++) {
		if (strstr(listing->names[i], contained) == NULL)
			continue;
		if (ret != NULL && count == index)
			(void)snprintf(ret, NAME_BYTES, "%s", listing->names[i]);
		count++;
	}
	free(listing);
	return count;
}

size_t
kit_file_count(const struct kit *kit, const char *contained)
{
	return find_files(kit, contained, 0, NULL);
}

void
kit_file_find(const struct kit *kit, const char *contained, size_t index, char *ret)
{
	assert_true(find_files(kit, contained, index, ret) > index);
}

size_t
kit_file_read(const struct kit *kit, const char *file, void *ret, size_t capacity)
{
	int fd = openat(kit->directory_fd, file, O_RDONLY);

	assert_true(fd >= 0);
	ssize_t bytes = read(fd, ret, capacity);

	assert_true(bytes >= 0);
	(void)close(fd);
	return (size_t)bytes;
}

void
kit_file_write(const struct kit *kit, const char *file, const void *data, size_t bytes)
{
	int fd = openat(kit->directory_fd, file, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, bytes), bytes);
	assert_int_equal(close(fd), 0);
}

void
kit_file_flip(const struct kit *kit, const char *file, size_t offset_from_end)
{
	char data[65536];
	size_t bytes = kit_file_read(kit, file, data, sizeof(data));

	assert_true(bytes >= offset_from_end && bytes < sizeof(data));
	data[bytes - offset_from_end] ^= 0x10;
	kit_file_write(kit, file, data, bytes);
}

void
kit_file_rename(const struct kit *kit, const char *from, const char *to)
{
	assert_int_equal(renameat(kit->directory_fd, from, kit->directory_fd, to), 0);
}

void
kit_file_foreign(const struct kit *kit, const char *file, uint8_t key, uint8_t count)
{
	const uint8_t head[] = { 0x82, 0xac, 'b',  'r', 'a', 'n', 'c', 'h', 'e', 's', '_', 'n',  'u',
		                 'm',  0x01, 0xa8, 'b', 'r', 'a', 'n', 'c', 'h', 'e', 's', 0x91, 0x81 };
	const uint8_t counter[] = { 0x82, 0xa5, 't', 'a', 'b', 'l', 'e', 0x81, 0xce, 0x01, 0x34, 0xb2, 0x2d };
	const uint8_t total[] = { 0xa5, 't', 'o', 't', 'a', 'l' };
	uint8_t data[64];
	size_t used = 0;

	assert_true(key < 0x80 && count < 0x80);
	memcpy(data, head, sizeof(head));
	used += sizeof(head);
	data[used++] = key;
	memcpy(data + used, counter, sizeof(counter));
	used += sizeof(counter);
	data[used++] = count;
	memcpy(data + used, total, sizeof(total));
	used += sizeof(total);
	data[used++] = count;
	kit_file_write(kit, file, data, used);
}
