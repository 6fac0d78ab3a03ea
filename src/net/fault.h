/*
 * fault.h - the one line that tells people why the server did not start
 */
#pragma once

struct server_fault;

/* Returns -1, for `return fault_set(…)`. */
int fault_set(struct server_fault *fault, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text of an errno, in a buffer of the calling thread's. */
const char *fault_errno(int error);
