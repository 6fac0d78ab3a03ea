#include "base/belt.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

enum { BATCHES = 4 };

struct belt {
	belt_fn *work;
	void *context;
	const char *name;
	size_t batch_bytes;
	void *batches[BATCHES]; /* batch n is in place n % BATCHES; all but the first come with the thread */
	bool tried;             /* to start the thread */
	bool running;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t pushed_more; /* or ending */
	pthread_cond_t worked_more;
	uint64_t pushed; /* these under the lock; batches handed over */
	uint64_t worked;
	size_t counts[BATCHES];
	int failure;
	bool ending;
};

int
belt_create(size_t batch_bytes, belt_fn *work, void *context, const char *name, struct belt **ret_belt)
{
	struct belt *belt = mem_alloc_zeroed(sizeof(*belt));

	if (belt == NULL)
		return -ENOMEM;
	belt->batches[0] = mem_alloc(batch_bytes);
	if (belt->batches[0] == NULL) {
		mem_free(belt);
		return -ENOMEM;
	}
	belt->work = work;
	belt->context = context;
	belt->name = name;
	belt->batch_bytes = batch_bytes;
	/* With default attributes these do not fail. */
	(void)pthread_mutex_init(&belt->lock, NULL);
	(void)pthread_cond_init(&belt->pushed_more, NULL);
	(void)pthread_cond_init(&belt->worked_more, NULL);
	*ret_belt = belt;
	return 0;
}

/* ---- the belt's thread ---- */

/* Returns false at the end. */
static bool
take(struct belt *belt, size_t *ret_place, bool *ret_wanted)
{
	(void)pthread_mutex_lock(&belt->lock);
	while (belt->worked == belt->pushed && !belt->ending)
		(void)pthread_cond_wait(&belt->pushed_more, &belt->lock);
	bool more = belt->worked < belt->pushed;

	*ret_place = belt->worked % BATCHES;
	*ret_wanted = belt->failure == 0;
	(void)pthread_mutex_unlock(&belt->lock);
	return more;
}

static void
done(struct belt *belt, int r)
{
	(void)pthread_mutex_lock(&belt->lock);
	belt->worked++;
	if (belt->failure == 0)
		belt->failure = r;
	(void)pthread_cond_signal(&belt->worked_more);
	(void)pthread_mutex_unlock(&belt->lock);
}

static void *
belt_main(void *argument)
{
	struct belt *belt = argument;
	size_t place;
	bool wanted;

	/* A place's batch and count are the thread's from the push to done(). */
	while (take(belt, &place, &wanted))
		done(belt, wanted ? belt->work(belt->context, belt->batches[place], belt->counts[place]) : 0);
	return NULL;
}

static void
start(struct belt *belt)
{
	sigset_t all;
	sigset_t before;

	belt->tried = true;
	for (size_t i = 1; i < BATCHES; i++) {
		belt->batches[i] = mem_alloc(belt->batch_bytes);
		if (belt->batches[i] == NULL)
			return;
	}
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	belt->running = pthread_create(&belt->thread, NULL, belt_main, belt) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (belt->running)
		(void)pthread_setname_np(belt->thread, belt->name);
}

/* ---- the thread that fills ---- */

/* Without a thread: here and now, always in the first place. */
static int
work_here(struct belt *belt, size_t count)
{
	if (belt->failure == 0 && count > 0)
		belt->failure = belt->work(belt->context, belt->batches[0], count);
	return belt->failure;
}

void *
belt_batch(struct belt *belt)
{
	if (!belt->running)
		return belt->batches[0];
	(void)pthread_mutex_lock(&belt->lock);
	while (belt->pushed - belt->worked == BATCHES)
		(void)pthread_cond_wait(&belt->worked_more, &belt->lock);
	void *batch = belt->batches[belt->pushed % BATCHES];

	(void)pthread_mutex_unlock(&belt->lock);
	return batch;
}

int
belt_push(struct belt *belt, size_t count)
{
	assert(count > 0);
	if (!belt->tried)
		start(belt); /* nothing was pushed before, so the present batch is in the first place */
	if (!belt->running)
		return work_here(belt, count);
	(void)pthread_mutex_lock(&belt->lock);
	assert(belt->pushed - belt->worked < BATCHES);
	belt->counts[belt->pushed++ % BATCHES] = count;
	int r = belt->failure;

	(void)pthread_cond_signal(&belt->pushed_more);
	(void)pthread_mutex_unlock(&belt->lock);
	return r;
}

int
belt_settle(struct belt *belt, size_t count)
{
	if (!belt->running)
		return work_here(belt, count);
	if (count > 0)
		(void)belt_push(belt, count);
	(void)pthread_mutex_lock(&belt->lock);
	while (belt->worked < belt->pushed)
		(void)pthread_cond_wait(&belt->worked_more, &belt->lock);
	int r = belt->failure;

	(void)pthread_mutex_unlock(&belt->lock);
	return r;
}

void
belt_destroy(struct belt *belt)
{
	if (belt == NULL)
		return;
	if (belt->running) {
		(void)pthread_mutex_lock(&belt->lock);
		belt->ending = true;
		(void)pthread_cond_signal(&belt->pushed_more);
		(void)pthread_mutex_unlock(&belt->lock);
		(void)pthread_join(belt->thread, NULL);
	}
	(void)pthread_mutex_destroy(&belt->lock);
	(void)pthread_cond_destroy(&belt->pushed_more);
	(void)pthread_cond_destroy(&belt->worked_more);
	for (size_t i = 0; i < BATCHES; i++)
		mem_free(belt->batches[i]);
	mem_free(belt);
}
