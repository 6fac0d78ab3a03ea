/*
 * files.h - changing the files of the dump directory
 *
 * The directory is held open and everything in it is reached through that handle, so a renamed or replaced directory
 * never mixes two.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct dirent;

/* Calls visit for every entry. A non-zero return ends the walk and is returned. Else 0, or a negative errno. */
typedef int directory_fn(void *context, int directory_fd, const struct dirent *entry);
int directory_each(int directory_fd, directory_fn *visit, void *context);

/* Not a directory, link, pipe … */
bool directory_is_file(int directory_fd, const struct dirent *entry);

/* Removes what a crash left behind while a file was written. Returns how many. */
size_t files_remove_temporary(int directory_fd);

/* Replaces a file by new content in one step that a crash leaves done or not done: temporary file, fsync, rename, fsync
 * of the directory. 0 or negative errno. */
int file_replace(int directory_fd, const char *file, const void *data, size_t bytes);

/* The same around whoever writes the content: begin gives the temporary file to write to, or negative errno. end closes it; with
 * r 0 it takes the name, else it goes and r is returned. An error behind the rename leaves the new one there. */
int file_replace_begin(int directory_fd, const char *file);
int file_replace_end(int directory_fd, int fd, const char *file, int r);
