/*
 * set_aside.h - moving files of the database out of the way, to `set-aside-<UTC time>/`, for people to look at
 */
#pragma once

#include <stddef.h>

#include "store/store.h"

enum {
	SET_ASIDE_NAME_MAX = 64,  /* of the directory */
	SET_ASIDE_FILE_MAX = 256, /* of a file */
};

/* A list of file names. */
struct log_files {
	char (*names)[SET_ASIDE_FILE_MAX];
	size_t count;
	size_t capacity;
};

/* Segments and spares of a log in the directory. 0 or negative errno. */
int log_files_read(int directory_fd, struct log_files *ret);
void log_files_deinit(struct log_files *files);

/* The name of one of the segments: 1, 0 without any, or negative errno. ret holds SET_ASIDE_FILE_MAX bytes. */
int log_file_find(int directory_fd, char *ret);

/* Moves the files to a new directory; those that are missing are passed over. ret_directory holds SET_ASIDE_NAME_MAX bytes and
 * gets its name, "" when nothing was there. 0 or negative errno. */
int set_aside(int directory_fd, const struct log_files *files, char *ret_directory);

/* The same of a log that is no longer needed. 0 or -1 with the fault; logged. */
int set_aside_log(struct store *store, const struct log_files *log, struct store_fault *ret_fault);

/*
 * Replaces the manifest by one of the store as it is, of an identity of its own; the old one and its log go aside. One step
 * for whoever starts after a crash: before it the old manifest and its log are there, after it the log is a stranger's. 0 or -1
 * with the fault; logged.
 */
int set_aside_database(struct store *store, const struct log_files *log, struct store_fault *ret_fault);
