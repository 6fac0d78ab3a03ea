/*
 * lock_file.h - one process per dump directory
 */
#pragma once

#include "store/store.h"

/*
 * Takes the lock file of the directory; `name` is the directory's for messages. The lock goes with the process, also
 * when that is killed. 0 with *ret_fd to lock_file_release(), or -1 with *ret_fault.
 */
int lock_file_take(int directory_fd, const char *name, int *ret_fd, struct store_fault *ret_fault);

/* Takes fd; -1 is fine. */
void lock_file_release(int fd);
