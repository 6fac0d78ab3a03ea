/*
 * fault.h - one line for people: what went wrong with which file, tree or directory
 */
#pragma once

#include "store/store.h"

/*
 * Writes the line. It goes to a terminal and into replies, whatever the names in it are: control characters and what is
 * not UTF-8 become '?', and a line that is too long is cut between two characters. fault may be NULL.
 */
__attribute__((format(printf, 2, 3))) void store_fault_set(struct store_fault *fault, const char *format, ...);

/* The errno behind a negative result as text. */
const char *store_error_text(int result);
