/*
 * load.c - a dump file as a live tree, on the maintenance thread
 *
 * The tree is built aside and takes the place of the live one in one instant, so a file that turns out to be damaged
 * changes nothing.
 */
#include "store/store_internal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "log/log.h"
#include "store/fault.h"

/* A file of the directory itself: whatever leads elsewhere, or could not be a file's name, is refused. */
static bool
is_file_name(const char *file, size_t bytes)
{
	return bytes > 0 && memchr(file, '/', bytes) == NULL && memchr(file, '\0', bytes) == NULL &&
	       !(bytes == 1 && file[0] == '.') && !(bytes == 2 && file[0] == '.' && file[1] == '.');
}

/* Returns 0, ENGINE_MISSING, or -1 with the fault. */
static int
load_tree(struct store *store, const char *file, struct tree **ret_tree, struct dump_info *ret_info,
          struct store_fault *ret_fault)
{
	struct dump_fault fault;
	int r = dump_load(store->engine, store->directory_fd, file, false, ret_tree, ret_info, &fault);

	if (r == DUMP_MISSING)
		return ENGINE_MISSING;
	if (r == -ENOMEM)
		store_fault_set(ret_fault, "Out of memory, nothing changed");
	else if (r != DUMP_OK)
		store_fault_set(ret_fault, "%s", fault.text);
	if (r != DUMP_OK)
		return -1;
	if (utf8_valid(ret_info->name, ret_info->name_bytes))
		return 0;
	tree_load_discard(*ret_tree);
	store_fault_set(ret_fault, "%s: the tree's name is not UTF-8", file);
	return -1;
}

static int
load_file(struct store *store, const char *file, struct dump_info *ret_info, struct store_fault *ret_fault)
{
	struct timespec start;
	struct tree *tree;

	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	int r = load_tree(store, file, &tree, ret_info, ret_fault);

	if (r != 0)
		return r;
	r = tree_load_publish(store->worker, tree, ret_info->name, ret_info->name_bytes);
	if (r != 0) {
		store_fault_set(ret_fault, r == ENGINE_TREES_FULL ? "The limit of trees is reached (--max-trees)"
		                                                  : "Out of memory, nothing changed");
		return -1;
	}
	log_info("dump loaded", log_bytes("tree", ret_info->name, ret_info->name_bytes), log_string("file", file),
	         log_u64("keys", ret_info->keys), log_u64("days", ret_info->days), log_u64("ms", ms_since(&start)));
	return 0;
}

int
store_load(struct store *store, const char *file, size_t bytes, char *ret_tree_name, size_t *ret_tree_bytes,
           uint64_t *ret_hold, struct store_fault *ret_fault)
{
	char name[TREE_NAME_BYTES_MAX + 1];
	struct dump_info info;
	const char *derived;

	*ret_hold = 0;
	assert(bytes <= TREE_NAME_BYTES_MAX);
	if (!is_file_name(file, bytes)) {
		store_fault_set(ret_fault, "\"%.*s\" is not the name of a file in the dump directory", (int)bytes,
		                file);
		return -1;
	}
	memcpy(name, file, bytes);
	name[bytes] = '\0';
	dump_name_tree(name, &derived, ret_tree_bytes);
	memcpy(ret_tree_name, derived, *ret_tree_bytes);
	int r = load_file(store, name, &info, ret_fault);

	if (r < 0)
		log_warn("dump not loaded", log_string("file", name), log_string("problem", ret_fault->text));
	if (r != 0)
		return r;
	memcpy(ret_tree_name, info.name, info.name_bytes);
	*ret_tree_bytes = info.name_bytes;
	return 0;
}
