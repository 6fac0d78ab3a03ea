/*
 * dump_request.h - full dumps that the main thread asks for: on a signal, and as the last thing before the end
 */
#pragma once

struct store;

/* Asks for a dump of every tree and does not wait. A request that has not begun yet serves for this one, too. What
 * fails is logged. Main thread. */
void dump_request(struct store *store);

/* Dumps every tree and waits for it. 0, or -1 (logged). Main thread, when nothing submits jobs any more. */
int dump_and_wait(struct store *store);
