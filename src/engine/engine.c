/*
 * The engine as a whole: life, workers, today, and what the maintenance and scan threads ask of it.
 */
#include "engine/operation.h"

#include "base/memory.h"
#include "engine/prefetch.h"

int
engine_create(uint32_t trees_max, uint32_t today, struct engine **ret_engine)
{
	mem_setup();
	key_hash_setup();
	struct engine *engine = mem_alloc_zeroed(sizeof(*engine));

	if (engine == NULL)
		return -ENOMEM;
	atomic_init(&engine->today, today);
	atomic_init(&engine->log_epoch, 1);
	atomic_init(&engine->tree_id_next, 1);
	int r = directory_init(&engine->directory, trees_max);

	if (r < 0) {
		mem_free(engine);
		return r;
	}
	(void)prefetch_check();
	*ret_engine = engine;
	return 0;
}

void
engine_destroy(struct engine *engine)
{
	if (engine == NULL)
		return;
	while (engine->workers != NULL)
		engine_worker_destroy(engine->workers);
	directory_deinit(&engine->directory);
	mem_free(engine);
	/* What was retired before is of no use to anybody any more. Twice: the first call may find a postponed list. */
	epoch_reclaim();
	epoch_reclaim();
}

int
engine_worker_create(struct engine *engine, struct engine_worker **ret_worker)
{
	struct engine_worker *worker = mem_alloc_aligned(_Alignof(struct engine_worker), sizeof(*worker));

	if (worker == NULL)
		return -ENOMEM;
	*worker = (struct engine_worker){ .engine = engine, .epoch = epoch_worker_create() };
	if (worker->epoch == NULL || note_list_init(&worker->notes) < 0) {
		epoch_worker_destroy(worker->epoch);
		mem_free(worker);
		return -ENOMEM;
	}
	lock_take(&engine->workers_lock);
	worker->next = engine->workers;
	engine->workers = worker;
	lock_release(&engine->workers_lock);
	*ret_worker = worker;
	return 0;
}

void
engine_worker_free(struct engine_worker *worker)
{
	note_list_deinit(&worker->notes);
	mem_free(worker->looked);
	mem_free(worker);
}

void
engine_worker_destroy(struct engine_worker *worker)
{
	if (worker == NULL)
		return;
	struct engine *engine = worker->engine;
	struct engine_worker **link = &engine->workers;

	epoch_worker_destroy(worker->epoch);
	worker->epoch = NULL;
	lock_take(&engine->workers_lock);
	/* Behind the lock the cut may free a worker that departed, so it is not looked at there. */
	bool departed = engine->cutting;

	worker->departed = departed;
	while (!departed && *link != worker)
		link = &(*link)->next;
	if (!departed)
		*link = worker->next;
	lock_release(&engine->workers_lock);
	if (!departed)
		engine_worker_free(worker);
}

void
engine_batch_begin(struct engine_worker *worker)
{
	epoch_begin(worker->epoch);
}

void
engine_batch_end(struct engine_worker *worker)
{
	epoch_end(worker->epoch);
}

uint32_t
engine_today(const struct engine *engine)
{
	/* Acquire and release in engine_today_advance(): who sees the new day sees what its mover did before. */
	return atomic_load_explicit(&engine->today, memory_order_acquire);
}

void
engine_today_advance(struct engine *engine, uint32_t day)
{
	assert(day <= DAY_MAX);
	if (day > atomic_load_explicit(&engine->today, memory_order_relaxed)) /* one writer */
		atomic_store_explicit(&engine->today, day, memory_order_release);
}

void
engine_worker_effects(struct engine_worker *worker, struct effect_buffer *buffer)
{
	assert(!epoch_in_section(worker->epoch));
	worker->effects = buffer;
}

void
engine_log_epoch_store(struct engine *engine, uint64_t epoch)
{
	atomic_store_explicit(&engine->log_epoch, epoch, memory_order_seq_cst);
}

uint64_t
engine_log_epoch(const struct engine *engine)
{
	/* Sequentially consistent with the committer's store; free on x86. */
	return atomic_load_explicit(&engine->log_epoch, memory_order_seq_cst);
}

void
engine_quiesce(struct engine *engine)
{
	(void)engine;
	epoch_quiesce();
}

/* One token per thread: scans do not nest. */
static _Thread_local unsigned scan_token;

void
engine_scan_begin(struct engine *engine)
{
	(void)engine;
	scan_token = epoch_walk_begin();
}

void
engine_scan_end(struct engine *engine)
{
	(void)engine;
	epoch_walk_end(scan_token);
}

void
engine_reclaim(struct engine *engine)
{
	(void)engine;
	epoch_reclaim();
}

size_t
engine_retired_bytes(const struct engine *engine)
{
	(void)engine;
	return epoch_retired_bytes();
}

uint64_t
engine_tree_id_next(const struct engine *engine)
{
	return atomic_load_explicit(&engine->tree_id_next, memory_order_relaxed);
}

void
engine_tree_id_raise(struct engine *engine, uint64_t id)
{
	uint64_t seen = atomic_load_explicit(&engine->tree_id_next, memory_order_relaxed);

	/* Relaxed: ids need only be distinct. */
	while (seen < id && !atomic_compare_exchange_weak_explicit(&engine->tree_id_next, &seen, id,
	                                                           memory_order_relaxed, memory_order_relaxed))
		;
}
