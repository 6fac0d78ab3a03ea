#include "dump_request.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/job.h"
#include "base/memory.h"
#include "log/log.h"
#include "store/store.h"

struct dump_job {
	struct job job; /* first: the service thread hands it back */
	struct store *store;
	uint64_t ticket; /* of a signal: a dump that began since serves as well */
	int result;      /* of the final dump, whose asker waits for `ended` */
	sem_t ended;
};

/*
 * Whether a dump that a signal asked for waits for the maintenance thread. Set by the main thread, cleared when the job
 * begins.
 * D1  clear: release in signal_job_run() -> exchange acquire in dump_request(). Who finds it clear asks for a dump of his
 *     own; who finds it set comes before the dump that is queued, and is served by it.
 */
static _Atomic bool queued;

static void
signal_job_run(struct job *job)
{
	struct dump_job *dump = (struct dump_job *)job;
	struct store_fault fault;

	/* D1 release, before the cut: a signal from now on may come too late for it. */
	atomic_store_explicit(&queued, false, memory_order_release);
	(void)store_dump_all_joined(dump->store, dump->ticket, &fault); /* the store logs what fails */
}

static void
signal_job_done(struct job *job)
{
	mem_free(job);
}

void
dump_request(struct store *store)
{
	/* D1 acquire */
	if (atomic_exchange_explicit(&queued, true, memory_order_acquire)) {
		log_info("dump asked for, one waits already", log_string("by", "signal"));
		return;
	}
	struct dump_job *dump = mem_alloc(sizeof(*dump));

	if (dump != NULL) {
		*dump = (struct dump_job){ .job = { .run = signal_job_run, .done = signal_job_done },
			                   .store = store,
			                   .ticket = store_ticket(store) };
		log_info("dump asked for", log_string("by", "signal"));
		if (store_submit_maintenance_reserved(store, &dump->job))
			return;
	}
	log_error("dump failed", log_string("problem", dump != NULL ? "too many requests wait" : "out of memory"));
	mem_free(dump);
	/* Relaxed: no job saw it. */
	atomic_store_explicit(&queued, false, memory_order_relaxed);
}

static void
final_job_run(struct job *job)
{
	struct dump_job *dump = (struct dump_job *)job;
	struct store_fault fault;

	dump->result = store_dump_all(dump->store, &fault); /* the store logs what fails */
}

static void
final_job_done(struct job *job)
{
	(void)sem_post(&((struct dump_job *)job)->ended); /* also publishes result */
}

int
dump_and_wait(struct store *store)
{
	static const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	struct dump_job dump = { .job = { .run = final_job_run, .done = final_job_done }, .store = store };

	(void)sem_init(&dump.ended, 0, 0); /* fails for values above the largest only */
	while (!store_submit_maintenance_reserved(store, &dump.job))
		(void)nanosleep(&pause, NULL); /* a full queue empties itself, nothing is added any more */
	while (sem_wait(&dump.ended) < 0)
		; /* a signal that does not end the process */
	(void)sem_destroy(&dump.ended);
	return dump.result;
}
