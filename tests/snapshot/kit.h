/*
 * kit.h - what the tests of src/snapshot/ share: a directory to write in, trees in plain memory, random ones
 *
 * Everything here aborts the test when it cannot do its work.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "snapshot/dump_file.h"

/* ---- a directory of its own, gone with all its files at close ---- */

struct kit_directory {
	char path[64];
	int fd;
};
void kit_directory_open(struct kit_directory *directory);
void kit_directory_close(struct kit_directory *directory);
size_t kit_directory_files(const struct kit_directory *directory);

/* The bytes of a file, to be freed with free(). */
unsigned char *kit_file_get(int directory_fd, const char *name, size_t *ret_bytes);
void kit_file_put(int directory_fd, const char *name, const void *data, size_t bytes);

/* ---- the slow, obvious model of a tree: keys in the order they came ---- */

struct kit_key {
	uint64_t key;
	uint64_t total;
	struct cut_day *days;
	size_t day_count;
};
struct kit_tree {
	struct kit_key *keys;
	size_t count;
	size_t capacity;
};
void kit_tree_deinit(struct kit_tree *tree);

/* Replaces a key that is there. A dump_key_fn whose context is the tree. */
int kit_tree_visit(void *context, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count);

/* Keys and days in any order. */
void kit_tree_assert_equal(struct kit_tree *a, struct kit_tree *b);

/* Writes a tree under a file name, with id, generation and identity made up. */
void kit_tree_write(int directory_fd, const char *file_name, const struct kit_tree *tree, struct dump_info *ret_info);

/* ---- random numbers: the seed is KARMA_TEST_SEED or the time, and is printed ---- */

uint64_t kit_seed(const char *test);
uint64_t kit_random(uint64_t *state);

/* Of any size: as likely 1 digit as 20. */
uint64_t kit_random_sized(uint64_t *state, uint64_t max);
void kit_random_tree(uint64_t *state, size_t keys, struct kit_tree *ret);
