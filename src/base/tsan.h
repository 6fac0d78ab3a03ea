/*
 * tsan.h - tell ThreadSanitizer of edges it cannot see
 *
 * Concurrency Kit orders memory by inline assembly and in a library that is not instrumented. Our thin wrappers around
 * it say what they order; in other builds these are nothing.
 */
#pragma once

#if defined(__SANITIZE_THREAD__)
#define KARMA_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KARMA_TSAN 1
#endif
#endif

#ifdef KARMA_TSAN
#include <sanitizer/tsan_interface.h>
#define TSAN_ACQUIRE(address) __tsan_acquire((void *)(uintptr_t)(address))
#define TSAN_RELEASE(address) __tsan_release((void *)(uintptr_t)(address))
#else
#define TSAN_ACQUIRE(address) ((void)(address))
#define TSAN_RELEASE(address) ((void)(address))
#endif
