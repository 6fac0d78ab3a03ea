/*
 * dump.h - the steps of a dump, for those who make one
 *
 * Maintenance thread, outside any section.
 */
#pragma once

#include "store/file_list.h"
#include "store/store_internal.h"

/* The number of a cut that begins now, see dump.c. */
uint64_t dump_cut_begin(struct store *store);

/* May dumps be made? 0, or -1 with *ret_fault (logged). */
int dump_check(const struct store *store, struct store_fault *ret_fault);

/* What is there, for the stamps. 0, or -1 with *ret_fault (logged). */
int dump_list_files(struct store *store, struct file_list *ret_files, struct store_fault *ret_fault);

/* Writes tree, published or not, to a new file, durable when this returns; *ret_entry lists it, ret_file (DUMP_FILE_NAME_MAX
 * + 1 bytes) is its name. 0 or negative errno. */
int dump_write(struct store *store, const struct file_list *files, struct tree *tree, const char *name, size_t bytes,
               struct manifest_tree *ret_entry, char *ret_file);

/* Dumps the tree of that name into the catalog. 0, ENGINE_MISSING, or -1 with *ret_fault (logged). */
int dump_one(struct store *store, const struct file_list *files, const char *name, size_t bytes,
             struct store_fault *ret_fault);

/* Makes the manifest name what was dumped. 0, or -1 with *ret_fault (logged). */
int dump_publish(struct store *store, struct store_fault *ret_fault);
