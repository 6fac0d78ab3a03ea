/*
 * kernel.h - is this kernel new enough
 */
#pragma once

#include <stdbool.h>

#define KERNEL_NEEDED "6.1" /* multishot receive and deferred task work of io_uring */

/* release as uname() tells it, such as "6.1.0-18-amd64". False also for what is no release. */
bool kernel_is_supported(const char *release);
