/*
 * kit.h - a store in a directory of its own, for tests
 *
 * What fails inside the kit fails the test.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "store/effect_log.h"
#include "store/store.h"

struct kit {
	char directory[256];
	int directory_fd;
	struct engine *engine;
	struct engine_worker *worker; /* of the test's thread */
	struct effect_log effects;    /* and its own writer, with a log */
	struct store *store;
	struct store_options options; /* for the next kit_open() */
	struct store_fault fault;     /* of the last call that failed */
};

enum { KIT_TODAY = 20261123 };

/* cmocka's setup and teardown of one test: a fresh directory, nothing open; *state is the kit. */
int kit_setup(void **state);
int kit_teardown(void **state);

/* The same with options for a log: small segments, every change synced before kit_…() returns. */
int kit_setup_log(void **state);

/* A second kit, with the same options, on a copy of the directory as it is now. kit_teardown() it. */
struct kit *kit_copy(const struct kit *kit);

/* store_open() on a new engine. On -1 the kit is as before but for the fault. */
int kit_open(struct kit *kit);
void kit_close(struct kit *kit);

/* Closes without anything of the closing showing on the disk: what is there at the call is put back afterwards. */
void kit_crash(struct kit *kit);

/* The same, and opens it again. */
void kit_crash_open(struct kit *kit);

/* The segment of the log that was written last, and the end of its blocks. */
struct wal_position;
void kit_last_segment(struct kit *kit, char name[256], struct wal_position *ret_end);

/* Counters, by the test's own worker; each call is one request, and durable when it returns. */
void kit_add(struct kit *kit, const char *tree, uint64_t key, uint64_t amount);
void kit_add_day(struct kit *kit, const char *tree, uint64_t key, uint32_t day, uint64_t amount);
void kit_subtract(struct kit *kit, const char *tree, uint64_t key, uint64_t amount);
void kit_decrement(struct kit *kit, const char *tree, uint64_t key);
void kit_reset_key(struct kit *kit, const char *tree, uint64_t key);
void kit_sync(struct kit *kit); /* also after what the kit did not do */
void kit_drop(struct kit *kit, const char *tree);
void kit_reset(struct kit *kit, const char *tree);
uint64_t kit_total(struct kit *kit, const char *tree, uint64_t key); /* UINT64_MAX: no such tree */

/* Names of live trees in order, joined by commas. The caller frees nothing; valid until the next call. */
const char *kit_trees(struct kit *kit);

/* Runs on the maintenance thread and waits. */
void kit_maintain(struct kit *kit, void (*run)(void *context), void *context);

/* Waits until the maintenance thread has done its idle work at least once. */
void kit_idle(void);

int kit_dump(struct kit *kit, const char *tree);
int kit_dump_all(struct kit *kit);
int kit_load(struct kit *kit, const char *file);
int kit_delete(struct kit *kit, const char *tree, uint64_t from, uint64_t to);
int kit_delete_before(struct kit *kit, const char *tree, uint64_t before);
int kit_compact(struct kit *kit);                          /* every tree */
uint64_t kit_key_count(struct kit *kit, const char *tree); /* those listed; UINT64_MAX: no such tree */

/* Opens, dumps key 1 of tree "a" with 1 and of "b" with 7, then "a" with 2, and closes; the names of a's files, 256 bytes each. */
void kit_dump_twice(struct kit *kit, char *ret_older, char *ret_newer);

/* The last call that failed must have named this file, or said this. */
void kit_assert_fault(const struct kit *kit, const char *file);

/* Files of the directory. */
bool kit_file_exists(const struct kit *kit, const char *file);
size_t kit_file_count(const struct kit *kit, const char *contained); /* names that hold this text */
void kit_file_find(const struct kit *kit, const char *contained, size_t index, char *ret); /* sorted; 256 bytes */
size_t kit_file_read(const struct kit *kit, const char *file, void *ret, size_t capacity);
void kit_file_write(const struct kit *kit, const char *file, const void *data, size_t bytes);
void kit_file_flip(const struct kit *kit, const char *file, size_t offset_from_end);
void kit_file_rename(const struct kit *kit, const char *from, const char *to);

/* A file of the original's with one key: `count` on day 20230701. */
void kit_file_foreign(const struct kit *kit, const char *file, uint8_t key, uint8_t count);
