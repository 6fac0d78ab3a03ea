/*
 * input.h - standard input that a signal ends
 *
 * SIGINT, SIGTERM and SIGHUP do not end the process, so that it can take away what is half done: reading fails with EINTR.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* Takes the signals (those not ignored) from now on. NULL: errno tells. */
FILE *input_open(void);

/* Has one of them come? */
bool input_is_interrupted(void);
