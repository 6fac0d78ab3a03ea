/* While a writer is inside the gate E stands still; the committer gets its turn, and nobody enters while it waits. */
#include "wal/log_kit.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

/* ---- one at a time ---- */

static struct wal_writer *tried;
static unsigned refused;

/* The committer is moving E. */
static void
try_while_closed(void *context, uint64_t epoch)
{
	struct log_kit *kit = context;

	atomic_store(&kit->epoch, epoch);
	if (tried != NULL)
		refused += !wal_gate_try_enter(tried);
}

static void
nobody_enters_while_e_moves(void **state)
{
	struct log_kit kit;

	(void)state;
	tried = NULL;
	refused = 0;
	log_kit_begin(&kit);
	kit.options.epoch_store = try_while_closed;
	log_kit_open(&kit);
	tried = log_kit_writer(&kit, NULL);
	for (int i = 0; i < 3; i++) {
		assert_true(wal_gate_try_enter(tried));
		(void)log_kit_append(&kit, tried, 1, 1);
		wal_gate_leave(tried);
		assert_true(wal_commit(kit.wal));
		assert_int_equal(refused, i + 1);
	}
	wal_writer_destroy(tried);
	log_kit_end(&kit);
}

/* ---- threads ---- */

enum { WORKERS = 3, MILLISECONDS = 300 };

struct worker {
	pthread_t thread;
	struct log_kit *kit;
	uint64_t entered, turned_back, moved;
};

static atomic_bool ending;

static void
work_inside(struct worker *worker, struct wal_writer *writer, struct epoch_worker *section)
{
	uint64_t tag = 0;

	/* A request that spans several sections. */
	for (int i = 0; i < 4; i++) {
		struct wal_group group;

		epoch_begin(section);
		uint64_t now = atomic_load_explicit(&worker->kit->epoch, memory_order_seq_cst);

		worker->moved += tag != 0 && now != tag;
		tag = now;
		wal_group_begin(&group, writer, tag);
		wal_group_add(&group, &(struct wal_record){ .kind = WAL_DROP, .tree_id = 1 });
		wal_group_end(&group);
		epoch_end(section);
		(void)sched_yield();
	}
}

static void *
enter_again_and_again(void *argument)
{
	struct worker *worker = argument;
	struct epoch_worker *section = epoch_worker_create();
	struct wal_writer *writer = log_kit_writer(worker->kit, &(unsigned){ 0 });

	while (!atomic_load(&ending)) {
		if (wal_writer_room(writer) < 100) {
			(void)sched_yield();
		} else if (!wal_gate_try_enter(writer)) {
			worker->turned_back++;
			(void)sched_yield();
		} else {
			work_inside(worker, writer, section);
			wal_gate_leave(writer);
			worker->entered++;
		}
		wal_writer_flush(writer);
	}
	wal_writer_destroy(writer);
	epoch_worker_destroy(section);
	return NULL;
}

static void
e_stands_still_inside(void **state)
{
	struct log_kit kit;
	struct worker workers[WORKERS] = { 0 };
	uint64_t entered = 0;

	(void)state;
	atomic_store(&ending, false);
	log_kit_begin(&kit);
	log_kit_open(&kit);
	assert_int_equal(wal_start(kit.wal), 0);
	for (int i = 0; i < WORKERS; i++) {
		workers[i].kit = &kit;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, enter_again_and_again, &workers[i]), 0);
	}
	(void)nanosleep(&(struct timespec){ .tv_nsec = MILLISECONDS * 1000000L }, NULL);
	/* Somebody is inside nearly always, and yet E moves. */
	assert_true(wal_epoch(kit.wal) > kit.options.epoch_first + 10);
	assert_int_equal(wal_sync(kit.wal, wal_epoch(kit.wal)), 0);
	atomic_store(&ending, true);
	for (int i = 0; i < WORKERS; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		assert_int_equal(workers[i].moved, 0);
		entered += workers[i].entered;
	}
	assert_true(entered > 10);
	log_kit_end(&kit);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_enters_while_e_moves),
		cmocka_unit_test(e_stands_still_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
