/*
 * file_list.h - the dump files of a directory, by their names
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `<stamp>_<tree part>.tree`. The tree part is taken literally: for our own files it is the encoded name of the tree. */
struct file_entry {
	char *file;
	uint64_t stamp;
	const char *part; /* into file */
	size_t part_bytes;
};

/* Sorted by tree part, then newest first. */
struct file_list {
	struct file_entry *entries;
	size_t count;
};

/* Lists the regular files with such a name that is UTF-8; others are none of ours. 0 or negative errno. */
int file_list_read(int directory_fd, struct file_list *ret_list);
void file_list_deinit(struct file_list *list);

/* Names alone, newest first by stamp over all trees; each and the array by mem_alloc(). 0 or negative errno. */
int file_list_names(int directory_fd, char ***ret_names, size_t *ret_count);

/* The index behind the last entry that has the same tree part as the entry at `first`. */
size_t file_list_part_end(const struct file_list *list, size_t first);

/* The newest stamp among the files that a tree of this name writes; false when there is none. */
bool file_list_stamp(const struct file_list *list, const char *tree, size_t tree_bytes, uint64_t *ret_stamp);
