/*
 * worker_event.h - from a completion to what it is for
 */
#pragma once

struct io_event;
struct worker;

/* Handles one event: notes it at its connection, or takes what other threads have left for the worker. */
void worker_event(struct worker *worker, const struct io_event *event);
