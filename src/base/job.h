/*
 * job.h - a piece of work handed to a service thread
 *
 * The submitter embeds a struct job, fills `run` and `done`, and lends it until `done` is called. Both run on the
 * service thread, one job after another; `done` is the last that the thread does with the job (it may free it).
 */
#pragma once

struct job {
	struct job *next; /* of the queue it waits in */
	void (*run)(struct job *job);
	void (*done)(struct job *job);
};
