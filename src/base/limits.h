/*
 * limits.h - every bound that a client or a file could otherwise push
 *
 * Options may lower or raise some of these; what stands here is what the data structures can bear.
 */
#pragma once

#include <assert.h>
#include <stdint.h>

enum {
	TREE_NAME_BYTES_MAX = 1024, /* UTF-8 bytes, 0 is allowed (the empty name) */
	DAY_MAX = 99999999,         /* days are plain integers YYYYMMDD, 0 … DAY_MAX */
	WORKERS_MAX = 256,
	BATCH_REQUESTS_MAX = 1024, /* requests of one worker round */
	JSON_DEPTH_MAX = 512,      /* counting the outer object */
	ACQUIRE_ITEMS_MAX = 64,    /* keys of one conditional add */
	JOBS_QUEUED_MAX = 4096,    /* whole-tree requests waiting for a service thread */
	DUMP_FILE_NAME_MAX = 255,  /* NAME_MAX */
	DUMP_BRANCHES = 9,         /* branches_num of the files we write */
};

/* A counter word holds 61 bits; the top 2^41 are kept free so that stale fast paths cannot carry into the flags. */
#define COUNT_MAX ((UINT64_C(1) << 61) - (UINT64_C(1) << 41))

static_assert(TREE_NAME_BYTES_MAX <= UINT16_MAX, "name lengths are kept in 16 bits");
