/*
 * command_job.c - the way to the store's threads and back
 *
 *   worker: submit ──► queue of the store ──► run() and done() on its thread ──► list of the worker, wake() ──► worker
 *
 * Edge C1: the reply, by the worker's mutex: written in run() -> read by command_completed().
 */
#include "command/command_v2.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"

static struct command_job *
job_create(struct command_worker *worker, const struct command_entry *entry)
{
	const struct v1_request *request = entry != NULL ? &entry->request : NULL;
	size_t tree_bytes = request != NULL && request->has_tree ? request->tree.bytes : 0;
	struct command_job *job = mem_alloc_zeroed(sizeof(*job) + tree_bytes);

	if (job == NULL)
		return NULL;
	job->store = worker->options.store;
	job->response_bytes_max = worker->options.response_bytes_max;
	job->store_ticket = store_ticket(job->store);
	buffer_init(&job->reply, job->response_bytes_max);
	if (tree_bytes > 0)
		memcpy(job->tree, request->tree.data, tree_bytes);
	job->tree_bytes = tree_bytes;
	job->use = worker->use;
	worker->use = NULL;
	job->protocol = entry != NULL ? entry_protocol(entry) : PROTOCOL_V1;
	if (request != NULL) {
		job->from = request->from;
		job->to = request->to;
	}
	if (entry != NULL && entry->v2 != NULL) {
		job->has_range = entry->v2->has_range;
		job->page = entry->v2->page;
	}
	return job;
}

void
command_job_destroy(struct command_job *job)
{
	if (job == NULL)
		return;
	buffer_deinit(&job->reply);
	mem_free(job->use);
	mem_free(job);
}

void
command_job_settle_reply(struct command_job *job)
{
	struct buffer *reply = &job->reply;

	if (!reply->failed)
		return;
	bool full = reply->full;

	buffer_deinit(reply);
	buffer_init(reply, SIZE_MAX); /* an error fits always */
	if (full)
		command_reply_response_too_large(job->protocol, reply, job->response_bytes_max);
	else
		command_reply_error(job->protocol, reply, V2_INTERNAL_ERROR, "Out of memory for the response");
}

static void
job_run(struct job *base)
{
	struct command_job *job = command_job_of(base);

	const bool run = !command_job_is_abandoned(job);

	if (run)
		job->work(base);
	if (job->use != NULL)
		command_use_end(job, run);
}

void
command_lent_add(struct command_worker *worker, size_t change)
{
	(void)pthread_mutex_lock(&worker->lock);
	worker->lent += change;
	(void)pthread_mutex_unlock(&worker->lock);
}

/* Two locked steps around wake(): the worker must not go away while wake() runs, nor be kept from its list by it. */
void
command_lent_return_unlock(struct command_worker *worker)
{
	(void)pthread_mutex_unlock(&worker->lock);
	worker->options.wake(worker->options.wake_context);
	(void)pthread_mutex_lock(&worker->lock);
	worker->lent--;
	(void)pthread_cond_signal(&worker->returned);
	(void)pthread_mutex_unlock(&worker->lock);
}

static void
job_return(struct job *base)
{
	struct command_job *job = command_job_of(base);
	struct command_worker *worker = job->owner;

	(void)pthread_mutex_lock(&worker->lock);
	job->next = NULL;
	*worker->completed_last = job;
	worker->completed_last = &job->next;
	command_lent_return_unlock(worker);
}

static void
job_forget(struct job *base)
{
	command_job_destroy(command_job_of(base));
}

static bool
job_hand_over(struct command_job *job, enum command_thread thread)
{
	return thread == COMMAND_SCAN ? store_submit_scan(job->store, &job->job)
	                              : store_submit_maintenance(job->store, &job->job);
}

/* ---- what is pending ---- */

static struct command_job_list *
pending_list(struct command_worker *worker, uint64_t ticket)
{
	return &worker->pending_lists[ticket_list(ticket)];
}

static void
pending_add(struct command_worker *worker, struct command_job *job)
{
	LIST_INSERT_HEAD(pending_list(worker, job->ticket), job, pending_link);
	worker->pending++;
}

static void
pending_remove(struct command_worker *worker, struct command_job *job)
{
	LIST_REMOVE(job, pending_link);
	worker->pending--;
}

static void
job_abandon(struct command_job *job)
{
	atomic_store_explicit(&job->abandoned, true, memory_order_relaxed); /* see the struct */
}

bool
command_job_is_abandoned(const struct command_job *job)
{
	return atomic_load_explicit(&job->abandoned, memory_order_relaxed); /* see the struct */
}

void
command_job_abandon_all(struct command_worker *worker)
{
	struct command_job *job;

	for (size_t i = 0; i < TICKET_LISTS; i++) {
		LIST_FOREACH(job, &worker->pending_lists[i], pending_link)
		job_abandon(job);
	}
}

void
command_abandon(struct command_worker *worker, uint64_t ticket)
{
	struct command_job *job;

	LIST_FOREACH(job, pending_list(worker, ticket), pending_link)
	{
		if (job->ticket == ticket)
			job_abandon(job);
	}
	command_park_abandon(worker, ticket);
}

/* ---- there and back ---- */

static void
reply_busy(enum command_protocol protocol, struct buffer *out)
{
	command_reply_error(protocol, out, V2_INTERNAL_ERROR, "Too many requests are waiting, nothing changed");
}

static void
reply_no_memory(enum command_protocol protocol, struct buffer *out)
{
	command_reply_error(protocol, out, V2_INTERNAL_ERROR, "Out of memory, nothing changed");
}

enum command_status
command_job_submit(struct command_worker *worker, const struct command_entry *entry, enum command_thread thread,
                   void (*run)(struct job *job), struct buffer *out)
{
	struct command_job *job = job_create(worker, entry);

	if (job == NULL) {
		reply_no_memory(entry_protocol(entry), out);
		return COMMAND_DONE;
	}
	job->job.run = job_run;
	job->job.done = job_return;
	job->work = run;
	job->owner = worker;
	job->ticket = entry->ticket;
	command_lent_add(worker, 1); /* before: it may be back at once */
	if (!job_hand_over(job, thread)) {
		command_lent_add(worker, (size_t)-1);
		command_job_destroy(job);
		reply_busy(entry_protocol(entry), out);
		return COMMAND_DONE;
	}
	pending_add(worker, job);
	return COMMAND_PENDING;
}

void
command_job_submit_detached(struct command_worker *worker, enum command_thread thread, void (*run)(struct job *job),
                            struct buffer *out)
{
	struct command_job *job = job_create(worker, NULL);

	if (job == NULL) {
		reply_no_memory(PROTOCOL_V1, out);
		return;
	}
	job->job.run = run;
	job->job.done = job_forget;
	if (job_hand_over(job, thread)) {
		json_v1_reply_text(out, "OK", 2);
		return;
	}
	command_job_destroy(job);
	reply_busy(PROTOCOL_V1, out);
}

bool
command_completed(struct command_worker *worker, uint64_t *ret_ticket, struct buffer *ret_reply, uint64_t *ret_hold)
{
	if (worker->pending == 0)
		return false;
	(void)pthread_mutex_lock(&worker->lock);
	struct command_job *job = worker->completed;

	if (job != NULL) {
		worker->completed = job->next;
		if (worker->completed == NULL)
			worker->completed_last = &worker->completed;
	}
	(void)pthread_mutex_unlock(&worker->lock);
	if (job == NULL)
		return false;
	pending_remove(worker, job);
	*ret_ticket = job->ticket;
	*ret_reply = job->reply;
	*ret_hold = job->hold;
	mem_free(job);
	return true;
}

size_t
command_pending(const struct command_worker *worker)
{
	return worker->pending;
}
