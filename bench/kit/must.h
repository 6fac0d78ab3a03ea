/*
 * must.h - the end of a bench program that can not go on
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

/* Ends the program with one line and status 1 unless outcome is 0. Any thread. */
static inline void
must(int outcome, const char *what)
{
	if (outcome == 0)
		return;
	(void)fprintf(stderr, "%s: %d\n", what, outcome);
	_Exit(1);
}
