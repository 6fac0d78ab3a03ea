#include "store/service.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

#include "base/memory.h"

struct service {
	struct service_options options;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a job came, or the end */
	struct job *first;      /* these four under the lock */
	struct job **last;
	uint32_t count;
	bool ending;
	struct timespec idle_at; /* the thread's own: when idle has to be called next at the latest */
};

static bool
is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static void
idle_plan(struct service *service)
{
	enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };
	struct timespec *at = &service->idle_at;

	(void)clock_gettime(CLOCK_MONOTONIC, at);
	at->tv_sec += service->options.idle_ms / 1000;
	at->tv_nsec += (long)(service->options.idle_ms % 1000) * NS_PER_MS;
	if (at->tv_nsec >= NS_PER_S) {
		at->tv_nsec -= NS_PER_S;
		at->tv_sec++;
	}
}

static void
idle_run(struct service *service)
{
	if (service->options.idle_ms == 0)
		return;
	service->options.idle(service->options.context);
	idle_plan(service);
}

static bool
idle_is_due(const struct service *service)
{
	struct timespec now;

	if (service->options.idle_ms == 0)
		return false;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return !is_before(&now, &service->idle_at);
}

/* Returns the next job; NULL when idle is due, or at the end (*ret_ended). */
static struct job *
service_take(struct service *service, bool *ret_ended)
{
	int r = 0;

	(void)pthread_mutex_lock(&service->lock);
	while (service->first == NULL && !service->ending && r == 0) {
		if (service->options.idle_ms > 0)
			r = pthread_cond_timedwait(&service->changed, &service->lock, &service->idle_at);
		else
			r = pthread_cond_wait(&service->changed, &service->lock);
	}
	struct job *job = service->first;

	if (job != NULL) {
		service->first = job->next;
		if (service->first == NULL)
			service->last = &service->first;
		service->count--;
	}
	*ret_ended = job == NULL && service->ending;
	(void)pthread_mutex_unlock(&service->lock);
	return job;
}

static bool
service_is_empty(struct service *service)
{
	(void)pthread_mutex_lock(&service->lock);
	bool empty = service->first == NULL;

	(void)pthread_mutex_unlock(&service->lock);
	return empty;
}

static void *
service_main(void *argument)
{
	struct service *service = argument;
	bool ended = false;

	idle_plan(service);
	while (!ended) {
		struct job *job = service_take(service, &ended);

		if (job != NULL) {
			job->run(job);
			job->done(job);
		}
		if (job == NULL || service_is_empty(service) || idle_is_due(service))
			idle_run(service);
	}
	return NULL;
}

static int
sync_init(struct service *service)
{
	pthread_condattr_t attributes;

	if (pthread_mutex_init(&service->lock, NULL) != 0)
		return -ENOMEM;
	/* The steady clock: a clock that is set back must not stop the idle work. */
	int r = pthread_condattr_init(&attributes);

	if (r == 0) {
		(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
		r = pthread_cond_init(&service->changed, &attributes);
		(void)pthread_condattr_destroy(&attributes);
	}
	if (r != 0)
		(void)pthread_mutex_destroy(&service->lock);
	return -r;
}

static void
sync_deinit(struct service *service)
{
	(void)pthread_cond_destroy(&service->changed);
	(void)pthread_mutex_destroy(&service->lock);
}

static int
thread_start(struct service *service)
{
	sigset_t all;
	sigset_t before;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&service->thread, NULL, service_main, service);

	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		(void)pthread_setname_np(service->thread, service->options.name);
	return -r;
}

int
service_create(const struct service_options *options, struct service **ret_service)
{
	struct service *service = mem_alloc_zeroed(sizeof(*service));

	assert(options->idle_ms == 0 || options->idle != NULL);
	if (service == NULL)
		return -ENOMEM;
	service->options = *options;
	service->last = &service->first;
	int r = sync_init(service);

	if (r < 0)
		goto fail_free;
	r = thread_start(service);
	if (r < 0)
		goto fail_sync;
	*ret_service = service;
	return 0;
fail_sync:
	sync_deinit(service);
fail_free:
	mem_free(service);
	return r;
}

void
service_destroy(struct service *service)
{
	if (service == NULL)
		return;
	(void)pthread_mutex_lock(&service->lock);
	service->ending = true;
	(void)pthread_cond_signal(&service->changed);
	(void)pthread_mutex_unlock(&service->lock);
	(void)pthread_join(service->thread, NULL);
	assert(service->first == NULL);
	sync_deinit(service);
	mem_free(service);
}

static bool
submit(struct service *service, struct job *job, uint32_t count_max)
{
	assert(job->run != NULL);
	assert(job->done != NULL);
	(void)pthread_mutex_lock(&service->lock);
	bool fits = service->count < count_max;

	assert(!service->ending);
	if (fits) {
		job->next = NULL;
		*service->last = job;
		service->last = &job->next;
		service->count++;
		(void)pthread_cond_signal(&service->changed);
	}
	(void)pthread_mutex_unlock(&service->lock);
	return fits;
}

bool
service_submit(struct service *service, struct job *job)
{
	return submit(service, job, service->options.jobs_max);
}

bool
service_submit_reserved(struct service *service, struct job *job)
{
	return submit(service, job, service->options.jobs_max + service->options.jobs_reserved);
}
