/*
 * stress_disturb.c - stalls workers in the middle of their operations; see stress.h
 *
 * Left alone, an operation is parted by a cut once in a thousand cuts or more, and then only if the machine takes the CPU
 * away in the right nanoseconds. So a signal stops a worker wherever it is, and its handler keeps it there.
 */
#include "stress.h"
#include "harness.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>

/* For the signal handler. */
static struct {
	_Atomic uint64_t count;
	struct stress *_Atomic stress;
	struct tree *_Atomic tree;   /* that is about to be cut; NULL: none */
	_Atomic uint64_t generation; /* of it, before */
} stalls;

static uint64_t
operations_so_far(const struct stress *stress)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < stress->worker_count; i++)
		sum += atomic_load_explicit(&stress->workers[i].operations, memory_order_relaxed);
	return sum;
}

/*
 * Here a worker is stalled, in the middle of an operation, until the tree's next generation has begun and the others have
 * worked in it for a while: then what is left to do of the operation is parted from what was done. Not for ever, though:
 * others may wait for the key that it holds.
 */
static void
stall(int signal)
{
	int saved_errno = errno;
	uint64_t mark = 0;

	(void)signal;
	atomic_fetch_add_explicit(&stalls.count, 1, memory_order_relaxed);
	for (int i = 0; i < 40; i++) {
		const struct tree *tree = atomic_load_explicit(&stalls.tree, memory_order_acquire);

		sleep_us(50);
		if (tree == NULL)
			break;
		if (tree_generation(tree) == atomic_load_explicit(&stalls.generation, memory_order_relaxed))
			continue;
		uint64_t operations = operations_so_far(atomic_load_explicit(&stalls.stress, memory_order_relaxed));

		if (mark == 0)
			mark = operations;
		else if (operations > mark + 100)
			break;
	}
	errno = saved_errno;
}

void
stress_disturb_setup(void)
{
	struct sigaction action = { .sa_handler = stall, .sa_flags = SA_RESTART };

	check(sigaction(SIGUSR1, &action, NULL) == 0, "sigaction()");
}

/* One that is at work, if there is one within some microseconds. */
static struct stress_worker *
busy_worker(struct stress *stress, uint64_t *random)
{
	for (int i = 0; i < 100; i++) {
		struct stress_worker *worker = &stress->workers[random_below(random, stress->worker_count)];

		if (atomic_load_explicit(&worker->busy, memory_order_relaxed))
			return worker;
		/* Who yielded would come back when a worker yields, so outside of its section: a timer comes any time. */
		if (i % 8 == 7)
			sleep_us(20);
	}
	return NULL;
}

void
stress_disturb(struct stress *stress, uint64_t *random, struct tree *tree)
{
	uint64_t before = atomic_load_explicit(&stalls.count, memory_order_relaxed);

	sleep_us(tree != NULL ? 20 + random_below(random, 50) : 0);
	struct stress_worker *worker = busy_worker(stress, random);

	if (tree != NULL) {
		atomic_store_explicit(&stalls.stress, stress, memory_order_relaxed);
		atomic_store_explicit(&stalls.generation, tree_generation(tree), memory_order_relaxed);
		atomic_store_explicit(&stalls.tree, tree, memory_order_release);
	}
	if (worker == NULL)
		return;
	(void)pthread_kill(worker->thread, SIGUSR1);
	/* Not longer than it takes on a machine that is not too busy: where it is, workers are stalled anyway. */
	for (int i = 0; i < 1000 && atomic_load_explicit(&stalls.count, memory_order_relaxed) == before; i++) {
		if (i % 64 == 63)
			(void)sched_yield();
	}
}

void
stress_disturb_end(void)
{
	atomic_store_explicit(&stalls.tree, NULL, memory_order_relaxed);
}
