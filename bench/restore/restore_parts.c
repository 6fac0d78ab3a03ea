#include "restore/restore_parts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/clock.h"
#include "kit/must.h"
#include "kit/random.h"
#include "snapshot/dump_file.h"
#include "store/manifest.h"
#include "wal/recover.h"

static void
stopwatch_begin(struct bench *bench)
{
	bench->started = clock_seconds();
	bench->cpu_started = clock_cpu_seconds();
}

static void
stopwatch_end(struct bench *bench)
{
	bench->seconds = clock_seconds() - bench->started;
	bench->cpu_seconds = clock_cpu_seconds() - bench->cpu_started;
}

static struct engine *
engine_make(void)
{
	struct engine *engine;

	must(engine_create(RESTORE_TREES_MAX, RESTORE_DAY, &engine), "engine_create");
	return engine;
}

/* ---- a dump ---- */

static void
dump_file(const struct bench *bench, char ret[DUMP_FILE_NAME_MAX + 1])
{
	DIR *stream = opendir(bench->directory);
	const struct dirent *entry = NULL;

	if (stream != NULL) {
		while ((entry = readdir(stream)) != NULL && /* NOLINT(concurrency-mt-unsafe): our own stream */
		       strstr(entry->d_name, ".tree") == NULL) {}
	}
	must(entry == NULL ? -1 : 0, "no dump");
	(void)snprintf(ret, DUMP_FILE_NAME_MAX + 1, "%s", entry->d_name);
	(void)closedir(stream);
}

struct key_list {
	uint64_t *keys;
	uint64_t count;
};

static int
list_key(void *context, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count)
{
	struct key_list *list = context;

	(void)total;
	(void)days;
	if (list->keys != NULL)
		list->keys[list->count] = key;
	list->count++;
	return day_count == 1 ? 0 : -EINVAL;
}

static void
dump_read(struct bench *bench, struct key_list *list)
{
	char file[DUMP_FILE_NAME_MAX + 1];
	struct dump_fault fault;
	struct dump_info info;

	dump_file(bench, file);
	stopwatch_begin(bench);
	must(dump_file_read(bench->directory_fd, file, list_key, list, &info, &fault), "dump_file_read");
	stopwatch_end(bench);
	must(list->count == bench->keys ? 0 : -1, "keys of the dump");
}

static void
part_dump_read(struct bench *bench)
{
	dump_read(bench, &(struct key_list){ 0 });
}

static void
part_dump_insert(struct bench *bench)
{
	struct key_list list = { .keys = malloc(bench->keys * sizeof(uint64_t)) };
	struct tree *tree;

	must(list.keys == NULL ? -ENOMEM : 0, "malloc");
	dump_read(bench, &list);
	stopwatch_begin(bench);
	must(tree_load_begin(engine_make(), 1, 1, &tree), "tree_load_begin");
	tree_load_expect(tree, list.count);
	for (uint64_t i = 0; i < list.count;) {
		enum { KEYS = 2048 };
		static const struct cut_day day = { .day = RESTORE_DAY, .count = 1 };
		struct load_key keys[KEYS];
		size_t count = 0;

		while (count < KEYS && i < list.count)
			keys[count++] = (struct load_key){ list.keys[i++], 1, &day, 1 };
		must(tree_load_keys(tree, keys, count), "tree_load_keys");
	}
	stopwatch_end(bench);
}

static void
part_dump_load(struct bench *bench)
{
	char file[DUMP_FILE_NAME_MAX + 1];
	struct dump_fault fault;
	struct dump_info info;
	struct tree *tree;

	dump_file(bench, file);
	stopwatch_begin(bench);
	must(dump_load(engine_make(), bench->directory_fd, file, DUMP_ID_OF_FILE, &tree, &info, &fault), "dump_load");
	stopwatch_end(bench);
	must(info.keys == bench->keys ? 0 : -1, "keys of the dump");
}

/* ---- a log ---- */

static int
record_count(void *context, const struct wal_record *record)
{
	uint64_t *adds = context;

	*adds += record->kind == WAL_ADD;
	return 0;
}

static int
block_decode(void *context, const struct wal_block_header *block, const uint8_t *payload)
{
	return wal_payload_each(payload, block->payload_bytes, record_count, context);
}

static int
block_pass(void *context, const struct wal_block_header *block, const uint8_t *payload)
{
	(void)context;
	(void)block;
	(void)payload;
	return 0;
}

static void
log_read(struct bench *bench, wal_block_fn *visit, uint64_t *adds)
{
	struct manifest manifest = { 0 };
	struct dump_fault manifest_fault;
	struct wal_fault fault;
	struct wal_recovered recovered;

	stopwatch_begin(bench);
	must(manifest_read(bench->directory_fd, &manifest, &manifest_fault), "manifest_read");
	struct wal_recover_options options = {
		.device = wal_device_directory(&bench->directory_fd),
		.sequence_first = manifest.log.first,
		.synced = manifest.log.synced,
	};

	memcpy(options.identity, manifest.identity, sizeof(options.identity));
	must(wal_recover(&options, visit, adds, &recovered, &fault), "wal_recover");
	stopwatch_end(bench);
	manifest_deinit(&manifest);
}

static void
part_log_read(struct bench *bench)
{
	log_read(bench, block_pass, NULL);
}

static void
part_log_decode(struct bench *bench)
{
	uint64_t adds = 0;

	log_read(bench, block_decode, &adds);
	must(adds == RESTORE_ADDS_PER_KEY * bench->keys ? 0 : -1, "adds of the log");
}

static void
part_log_insert(struct bench *bench)
{
	struct tree *tree;
	uint64_t bad = 0;

	stopwatch_begin(bench);
	must(tree_load_begin(engine_make(), 1, 1, &tree), "tree_load_begin");
	for (unsigned round = 0; round < RESTORE_ADDS_PER_KEY; round++) {
		for (uint64_t i = 0; i < bench->keys;) {
			enum { EFFECTS = 1024 };
			struct load_effect effects[EFFECTS];
			size_t count = 0;

			for (; count < EFFECTS && i < bench->keys; i++)
				effects[count++] = (struct load_effect){
					.tree = tree,
					.key = random_key(restore_number(i, bench->keys, round)),
					.delta = 1,
					.day = RESTORE_DAY,
					.kind = EFFECT_DAY,
					.total_too = true,
				};
			must(tree_load_effects(effects, count), "tree_load_effects");
		}
	}
	must(tree_load_finish(tree, 2, &bad), "tree_load_finish");
	stopwatch_end(bench);
}

/* ---- all of it ---- */

static void
part_start(struct bench *bench)
{
	const struct store_options options = restore_options(bench->kind, bench->directory);
	struct engine *engine = engine_make();
	struct store_fault fault;
	struct store *store;

	stopwatch_begin(bench);
	if (store_open(engine, &options, &store, &fault) < 0)
		must(-1, fault.text);
	stopwatch_end(bench);
	store_close(store);
}

const char *const restore_part_names[] = { "read", "insert", "load", "decode", "start", NULL };

const struct bench_part bench_parts[BENCH_PARTS] = {
	{ RESTORE_DUMP, PART_READ, part_dump_read },   { RESTORE_DUMP, PART_INSERT, part_dump_insert },
	{ RESTORE_DUMP, PART_LOAD, part_dump_load },   { RESTORE_DUMP, PART_START, part_start },
	{ RESTORE_LOG, PART_READ, part_log_read },     { RESTORE_LOG, PART_DECODE, part_log_decode },
	{ RESTORE_LOG, PART_INSERT, part_log_insert }, { RESTORE_LOG, PART_START, part_start },
	{ RESTORE_TREES, PART_START, part_start },
};
