/*
 * Workers append, flush and wait for their epochs while the committer and the preparing thread run, segments are rotated and
 * forgotten, and writers come and go: every acknowledged group is in the blocks read back, each once, and every wait ends.
 */
#include "wal/log_kit.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { WORKERS = 3, ROUNDS_DEFAULT = 3000, GROUPS_PER_ROUND = 3, RECORDS_MAX = 4, PATIENCE_SECONDS = 30 };

static uint64_t rounds = ROUNDS_DEFAULT;

/* Group n of worker w says so in each of its records: tree = w + 1, key = n, day = how many records the group has. */
struct worker {
	pthread_t thread;
	struct log_kit *kit;
	unsigned index;
	sem_t woken;
	uint64_t groups;       /* appended */
	uint64_t acknowledged; /* groups below it were released when it looked */
	uint64_t late;         /* woken too early */
	uint64_t full;
};

static void
wake(void *context)
{
	struct worker *worker = context;

	(void)sem_post(&worker->woken);
}

static void
await(struct worker *worker, struct wal_writer *writer, uint64_t epoch)
{
	struct wal *wal = worker->kit->wal;
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_SECONDS;
	if (wal_writer_wait(writer, epoch)) {
		/* A lost wake is a failed test, not a hanging one. */
		assert_int_equal(sem_timedwait(&worker->woken, &until), 0);
		worker->late += wal_released(wal) < epoch && wal_state(wal) != WAL_FAILED;
	}
}

static uint64_t
append_groups(struct worker *worker, struct wal_writer *writer, struct epoch_worker *section)
{
	uint64_t tag = 0;

	epoch_begin(section);
	if (wal_state(worker->kit->wal) != WAL_OK) {
		epoch_end(section);
		worker->full++;
		return 0;
	}
	for (unsigned i = 0; i < GROUPS_PER_ROUND; i++) {
		struct wal_group group;
		uint32_t records = 1 + (uint32_t)(worker->groups % RECORDS_MAX);

		tag = atomic_load_explicit(&worker->kit->epoch, memory_order_seq_cst);
		wal_group_begin(&group, writer, tag);
		for (uint32_t j = 0; j < records; j++)
			wal_group_add(&group, &(struct wal_record){ .kind = WAL_ADD,
			                                            .tree_id = worker->index + 1,
			                                            .generation = 1,
			                                            .key = worker->groups,
			                                            .day = records,
			                                            .delta = 1 });
		wal_group_end(&group);
		worker->groups++;
	}
	epoch_end(section);
	return tag;
}

static void *
work(void *argument)
{
	struct worker *worker = argument;
	struct epoch_worker *section = epoch_worker_create();
	struct wal_writer *writer = NULL;
	uint64_t bytes = GROUPS_PER_ROUND * RECORDS_MAX * WAL_RECORD_BYTES_MAX;

	assert_non_null(section);
	assert_int_equal(wal_writer_create(worker->kit->wal, wake, worker, &writer), 0);
	for (uint64_t round = 0; round < rounds; round++) {
		uint64_t tag = wal_epoch(worker->kit->wal);

		if (wal_writer_room(writer) >= bytes)
			tag = append_groups(worker, writer, section);
		wal_writer_flush(writer);
		/* Sometimes several rounds are under way at once. */
		if (tag != 0 && round % 3 == worker->index) {
			await(worker, writer, tag);
			if (wal_released(worker->kit->wal) >= tag &&
			    wal_writer_room(writer) == wal_writer_capacity(writer))
				worker->acknowledged = worker->groups;
		}
		if (round % 500 == 499) {
			wal_writer_destroy(writer);
			assert_int_equal(wal_writer_create(worker->kit->wal, wake, worker, &writer), 0);
		}
		if (wal_state(worker->kit->wal) == WAL_FAILED)
			break;
	}
	wal_writer_destroy(writer);
	if (wal_state(worker->kit->wal) != WAL_FAILED)
		worker->acknowledged = worker->groups;
	epoch_worker_destroy(section);
	return NULL;
}

/* ---- reading back ---- */

struct seen {
	uint64_t next[WORKERS]; /* group */
	uint32_t records;       /* of the group so far */
	uint64_t epoch;
	uint64_t wrong;
};

static int
look_at_record(void *context, const struct wal_record *record)
{
	struct seen *seen = context;

	seen->records++;
	if (record->tree_id == 0 || record->tree_id > WORKERS || record->key != seen->next[record->tree_id - 1]) {
		seen->wrong++;
		return 0;
	}
	if (record->last) {
		seen->wrong += seen->records != record->day;
		seen->records = 0;
		seen->next[record->tree_id - 1]++;
	}
	return 0;
}

static int
look_at_block(void *context, const struct wal_block_header *header, const uint8_t *payload)
{
	struct seen *seen = context;

	seen->wrong += header->epoch <= seen->epoch;
	seen->epoch = header->epoch;
	return wal_payload_each(payload, header->payload_bytes, look_at_record, seen);
}

static void
read_back(struct log_kit *kit, struct worker *workers, bool failed)
{
	struct wal_recover_options options = { .device = kit->options.device,
		                               .sequence_first = kit->options.sequence_first };
	struct wal_recovered recovered;
	struct wal_fault fault = { "" };
	struct seen seen = { 0 };

	memcpy(options.identity, kit->options.identity, WAL_IDENTITY_BYTES);
	int r = wal_recover(&options, look_at_block, &seen, &recovered, &fault);

	if (r < 0)
		print_error("%s\n", fault.text);
	assert_int_equal(r, 0);
	assert_int_equal(seen.wrong, 0);
	for (int i = 0; i < WORKERS; i++) {
		assert_in_range(seen.next[i], workers[i].acknowledged, workers[i].groups);
		assert_true(failed || seen.next[i] == workers[i].groups);
		assert_int_equal(workers[i].late, 0);
	}
}

static void
run_workers(struct log_kit *kit, struct worker *workers)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){ .kit = kit, .index = i };
		assert_int_equal(sem_init(&workers[i].woken, 0, 0), 0);
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
}

static void
join_workers(struct worker *workers)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		(void)sem_destroy(&workers[i].woken);
	}
}

static void
every_acknowledged_group_is_there(void **state)
{
	struct log_kit kit;
	struct worker workers[WORKERS];
	uint64_t rotated = 0, before = 0;
	struct wal_figures figures;

	(void)state;
	for (int mode = WAL_FSYNC_FALSE; mode <= WAL_FSYNC_EVERYSEC + 1; mode++) {
		log_kit_begin(&kit);
		/* The last once more: around the cache. */
		kit.memory->direct = mode > WAL_FSYNC_EVERYSEC;
		kit.options.fsync = kit.memory->direct ? WAL_FSYNC_TRUE : (enum wal_fsync)mode;
		kit.options.batch_wait_us = mode == WAL_FSYNC_FALSE ? 50 : 0;
		kit.options.writer_bytes = 4000;
		log_kit_open(&kit);
		assert_int_equal(wal_start(kit.wal), 0);
		run_workers(&kit, workers);
		/* A dump now and then. Nothing is forgotten: all is read back. */
		for (int i = 0; i < 5; i++) {
			uint64_t epoch = wal_epoch(kit.wal);

			assert_int_equal(wal_rotate(kit.wal, &rotated), 0);
			assert_true(rotated > before);
			before = rotated;
			assert_true(wal_epoch(kit.wal) > epoch);
			assert_int_equal(wal_sync(kit.wal, wal_epoch(kit.wal)), 0);
			wal_forget(kit.wal, kit.options.sequence_first);
		}
		join_workers(workers);
		wal_figures(kit.wal, &figures);
		assert_true(figures.blocks > 0 && figures.payload_bytes > 0 && figures.syncs > 0);
		assert_int_equal(figures.epoch, figures.released + 1);
		assert_true(figures.sequence >= rotated);
		assert_true(figures.bytes > figures.payload_bytes);
		assert_int_equal(kit.states_said, 0); /* never full: preparing may be slow, there is room on the disk */
		log_kit_close(&kit);
		read_back(&kit, workers, false);
		log_kit_end(&kit);
		before = 0;
	}
}

static void
a_failure_wakes_everybody(void **state)
{
	struct log_kit kit;
	struct worker workers[WORKERS];

	(void)state;
	for (int i = 0; i < 10; i++) {
		log_kit_begin(&kit);
		kit.options.writer_bytes = 4000;
		kit.memory->direct = i % 2 == 1;
		kit.memory->fault[MEMORY_SYNC].countdown = 10 + 7 * (uint64_t)i;
		kit.memory->fault[MEMORY_SYNC].error = -EIO;
		log_kit_open(&kit);
		assert_int_equal(wal_start(kit.wal), 0);
		run_workers(&kit, workers);
		join_workers(workers);
		bool failed = wal_state(kit.wal) == WAL_FAILED;

		if (failed)
			assert_int_equal(wal_sync(kit.wal, 1), -EIO);
		log_kit_close(&kit);
		read_back(&kit, workers, failed);
		log_kit_end(&kit);
	}
}

static void
a_full_disk_gets_room_again(void **state)
{
	struct log_kit kit;
	struct worker workers[WORKERS];

	(void)state;
	log_kit_begin(&kit);
	kit.options.writer_bytes = 4000;
	log_kit_open(&kit);
	kit.memory->room = 3 * kit.wal->segment_bytes;
	assert_int_equal(wal_start(kit.wal), 0);
	run_workers(&kit, workers);
	join_workers(workers);
	assert_int_equal(wal_state(kit.wal), WAL_FULL);
	assert_int_equal(kit.error_said, -ENOSPC);
	(void)pthread_mutex_lock(&kit.memory->lock);
	kit.memory->room = UINT64_MAX;
	(void)pthread_mutex_unlock(&kit.memory->lock);
	wal_forget(kit.wal, kit.options.sequence_first);
	for (int i = 0; i < 3000 && wal_state(kit.wal) != WAL_OK; i++)
		(void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	assert_int_equal(wal_state(kit.wal), WAL_OK);
	log_kit_close(&kit);
	read_back(&kit, workers, false);
	log_kit_end(&kit);
}

static uint64_t
cpu_us(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void
idle_costs_nothing(void **state)
{
	struct log_kit kit;

	(void)state;
	log_kit_begin(&kit);
	log_kit_open(&kit);
	assert_int_equal(wal_start(kit.wal), 0);
	assert_int_equal(wal_sync(kit.wal, wal_epoch(kit.wal)), 0);
	(void)nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	uint64_t before = cpu_us();

	(void)nanosleep(&(struct timespec){ .tv_nsec = 300000000 }, NULL);
	assert_true(cpu_us() - before < 10000);
	log_kit_end(&kit);
}

static void
syncs_by_itself_within_a_second(void **state)
{
	struct log_kit kit;

	(void)state;
	log_kit_begin(&kit);
	kit.options.fsync = WAL_FSYNC_EVERYSEC;
	log_kit_open(&kit);
	assert_int_equal(wal_start(kit.wal), 0);
	struct wal_writer *writer = log_kit_writer(&kit, &(unsigned){ 0 });
	uint64_t tag = log_kit_append(&kit, writer, 1, 1);

	wal_writer_flush(writer);
	for (int i = 0; i < 3000 && wal_synced(kit.wal) != tag; i++)
		(void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	assert_int_equal(wal_synced(kit.wal), tag);
	assert_int_equal(wal_epoch(kit.wal), tag + 1);
	wal_writer_destroy(writer);
	log_kit_end(&kit);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_acknowledged_group_is_there), cmocka_unit_test(a_failure_wakes_everybody),
		cmocka_unit_test(a_full_disk_gets_room_again),       cmocka_unit_test(idle_costs_nothing),
		cmocka_unit_test(syncs_by_itself_within_a_second),
	};

	if (argc > 1)
		rounds = strtoull(argv[1], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
