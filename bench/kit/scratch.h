/*
 * scratch.h - a directory for the files of one run
 */
#pragma once

enum { SCRATCH_PATH_MAX = 4096 };

struct scratch {
	char path[SCRATCH_PATH_MAX];
	int fd;
};

/* Makes a new directory inside `base`, which must be there. */
void scratch_make(struct scratch *scratch, const char *base);

/* Removes it and the files in it. */
void scratch_remove(struct scratch *scratch);

/* The files in it alone. */
void scratch_clear(const struct scratch *scratch);
