/*
 * service.h - a thread that runs jobs one after another
 *
 * A bounded first-in-first-out queue under a mutex, since nothing here is on the path of an increment: a job is a dump,
 * a load or a read of a whole tree.
 *
 * Edge J: what the submitter wrote before service_submit() is seen by run(), by the queue's mutex.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/job.h"

struct service;

struct service_options {
	const char *name; /* of the thread, at most 15 bytes */
	uint32_t jobs_max;
	uint32_t jobs_reserved; /* beyond these, for service_submit_reserved() alone */
	uint32_t idle_ms;       /* 0: idle is never called */
	void (*idle)(
	    void *context); /* on the thread: when the queue is empty, and at least every idle_ms between jobs */
	void *context;
};

/* Starts the thread, with every signal blocked. 0 or negative errno. */
int service_create(const struct service_options *options, struct service **ret_service);

/* Runs what is queued, calls idle once more, ends the thread. NULL is fine. No submit may come meanwhile or later. */
void service_destroy(struct service *service);

/* Lends job until its done() is called. False when jobs_max jobs wait already. Any thread. */
bool service_submit(struct service *service, struct job *job);

/* The same, for what must not be shut out by others: false when jobs_max + jobs_reserved jobs wait already. */
bool service_submit_reserved(struct service *service, struct job *job);
