/*
 * load.c - a dump file as a live tree, on the maintenance thread
 *
 * The tree is built aside and takes the place of the live one in one instant, so a file that turns out to be damaged
 * changes nothing. With a log three steps: a dump of the tree under its own id, a manifest that names it as staged, the
 * record that it lives. A crash before the last leaves a file that no live tree needs.
 */
#include "store/dump.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "log/log.h"
#include "store/fault.h"
#include "store/journal.h"

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
	int r = dump_load(store->engine, store->directory_fd, file, DUMP_ID_NEW, ret_tree, ret_info, &fault);

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

/* Takes tree. Returns 0, or -1 with the fault. */
static int
publish(struct store *store, struct tree *tree, const struct dump_info *info, struct store_fault *ret_fault)
{
	engine_batch_begin(store->worker);
	int r = journal_room_error(store);

	if (r == 0)
		r = tree_load_publish(store->worker, tree, info->name, info->name_bytes);
	else
		tree_load_discard(tree);
	journal_append(store);
	engine_batch_end(store->worker);
	if (r == 0)
		return 0;
	store_fault_set(ret_fault, "%s, nothing changed",
	                r == ENGINE_TREES_FULL ? "The limit of trees is reached (--max-trees)" : journal_problem(r));
	return -1;
}

/*
 * With a log. What the tree holds stands in no record, so its own dump comes first, and the manifest names that as staged:
 * from the record of its creation on it lives. Takes tree. Returns 0, or -1 with the fault.
 */
static int
publish_staged(struct store *store, struct tree *tree, const struct dump_info *info, const struct file_list *files,
               struct store_fault *ret_fault)
{
	uint64_t cut = dump_cut_begin(store);
	struct manifest_tree entry;
	char file[DUMP_FILE_NAME_MAX + 1];
	int r = dump_write(store, files, tree, info->name, info->name_bytes, &entry, file);

	if (r < 0) {
		store_fault_set(ret_fault, "The loaded tree could not be saved: %s", store_error_text(r));
		(void)journal_check_dump(store, ret_fault); /* it says more */
		tree_load_discard(tree);
		return -1;
	}
	store->staged = &entry;
	r = store_publish(store, ret_fault);
	store->staged = NULL;
	int room = r == 0 ? journal_room(store, true) : 0;

	if (room < 0)
		store_fault_set(ret_fault, "%s, nothing changed", journal_problem(room));
	if (r == 0 && room == 0) {
		r = publish(store, tree, info, ret_fault);
	} else {
		tree_load_discard(tree);
		r = -1;
	}
	if (r == 0 && catalog_put(&store->catalog, &entry, cut) < 0)
		log_warn("the dump of a loaded tree is not in the catalog", log_string("file", file));
	if (r < 0)
		(void)unlinkat(store->directory_fd, file,
		               0); /* nobody needs it: without its creation it does not count */
	return r;
}

static int
publish_logged(struct store *store, struct tree *tree, const struct dump_info *info, struct store_fault *ret_fault)
{
	struct file_list files;

	if (dump_list_files(store, &files, ret_fault) < 0) {
		tree_load_discard(tree);
		return -1;
	}
	int r = publish_staged(store, tree, info, &files, ret_fault);

	file_list_deinit(&files);
	return r;
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
	r = store->wal == NULL ? publish(store, tree, ret_info, ret_fault)
	                       : publish_logged(store, tree, ret_info, ret_fault);
	if (r != 0)
		return r;
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
	int r = journal_check_write(store, ret_fault);

	if (r == 0)
		r = load_file(store, name, &info, ret_fault);
	if (r == 0 || journal_room_error(store) == 0) /* what was refused for that depends on nothing */
		*ret_hold = journal_hold(store);
	if (r < 0)
		log_warn("dump not loaded", log_string("file", name), log_string("problem", ret_fault->text));
	if (r != 0)
		return r;
	memcpy(ret_tree_name, info.name, info.name_bytes);
	*ret_tree_bytes = info.name_bytes;
	return 0;
}
