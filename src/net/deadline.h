/*
 * deadline.h - clients that take, or say, nothing for too long
 *
 * Coarse on purpose: a look at all connections of the worker, twice a second, and only while there is something to
 * wait for. An idle server has no timer.
 */
#pragma once

struct worker;

/* Arms the timer if it is needed. At the end of a round. */
void deadline_arm(struct worker *worker);

/* Drops or closes the connections whose time is over. When the timer fired. */
void deadline_check(struct worker *worker);
