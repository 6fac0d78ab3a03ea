/*
 * log_device.h - a directory's log, to be looked at
 */
#pragma once

#include "wal/device.h"

/* The device of the directory, but files are opened for reading alone, and nothing is synced. directory_fd is borrowed. */
struct wal_device log_device(const int *directory_fd);
