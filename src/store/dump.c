/*
 * dump.c - one tree to a file
 *
 * Joining. Whoever asks for a dump takes a ticket, the number of cuts begun so far, and every cut takes the next number. A
 * dump made by a cut of a higher number than the ticket holds all that the asker had seen done, so it answers the request
 * too, and no second one is made: of many requests that wait behind a running dump, one more dump serves all.
 *
 * Edge S1: everything before store_ticket() -> the cut that takes a higher number. Both are read-modify-writes of one
 * word, so the later one acquires what the earlier one released.
 */
#include "store/dump.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "log/log.h"
#include "store/fault.h"
#include "store/journal.h"

enum { FAULT_NAME_MAX = 200 };

uint64_t
store_ticket(struct store *store)
{
	return atomic_fetch_add_explicit(&store->cuts, 0, memory_order_acq_rel); /* S1 */
}

uint64_t
dump_cut_begin(struct store *store)
{
	return atomic_fetch_add_explicit(&store->cuts, 1, memory_order_acq_rel) + 1; /* S1 */
}

/* ---- one tree ---- */

/* A later dump of a tree has a higher stamp, also within a second and when the clock was set back. */
static int
stamp_next(const struct file_list *files, const char *name, size_t bytes, uint64_t *ret_stamp)
{
	uint64_t now = (uint64_t)time(NULL);
	uint64_t newest;

	*ret_stamp = now;
	if (!file_list_stamp(files, name, bytes, &newest) || newest < now)
		return 0;
	*ret_stamp = newest + 1;
	return newest < UINT64_MAX ? 0 : -EOVERFLOW;
}

/* The file is complete: what it holds has to be in the log on disk before it counts. */
static int
before_publish(void *context)
{
	return journal_sync(context);
}

int
dump_write(struct store *store, const struct file_list *files, struct tree *tree, const char *name, size_t bytes,
           struct manifest_tree *ret_entry, char *ret_file)
{
	struct dump_request request = {
		.directory_fd = store->directory_fd,
		.name = name,
		.name_bytes = bytes,
		.identity = store->identity,
		.before_publish = before_publish,
		.context = store,
	};
	struct dump_info info;
	struct timespec start;
	int r = stamp_next(files, name, bytes, &request.stamp);

	if (r < 0)
		return r;
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	r = dump_tree(store->engine, tree, &request, &info, ret_file);
	if (r < 0)
		return r;
	*ret_entry = (struct manifest_tree){
		.name = name,
		.name_bytes = bytes,
		.file = ret_file,
		.id = info.tree_id,
		.generation = info.generation,
	};
	log_info("dump written", log_bytes("tree", name, bytes), log_string("file", ret_file),
	         log_u64("keys", info.keys), log_u64("days", info.days), log_u64("bytes", info.bytes),
	         log_u64("ms", ms_since(&start)));
	return 0;
}

static int
write_dump(struct store *store, const struct file_list *files, struct tree *tree, uint64_t cut, const char *name,
           size_t bytes)
{
	struct manifest_tree entry;
	char file[DUMP_FILE_NAME_MAX + 1];
	int r = dump_write(store, files, tree, name, bytes, &entry, file);

	return r < 0 ? r : catalog_put(&store->catalog, &entry, cut);
}

int
dump_one(struct store *store, const struct file_list *files, const char *name, size_t bytes,
         struct store_fault *ret_fault)
{
	/* The number comes first: whoever holds an older ticket swapped the tree, if at all, before we look for it (S1). */
	uint64_t cut = dump_cut_begin(store);
	struct tree *tree = engine_pin_tree(store->engine, name, bytes);

	if (tree == NULL)
		return ENGINE_MISSING;
	int r = write_dump(store, files, tree, cut, name, bytes);

	if (r == 0)
		return 0;
	/* A long name must not push the cause out. */
	store_fault_set(ret_fault, "Tree \"%.*s\" could not be saved: %s",
	                (int)(bytes < FAULT_NAME_MAX ? bytes : FAULT_NAME_MAX), name, store_error_text(r));
	(void)journal_check_dump(store, ret_fault); /* it says more */
	log_error("dump failed", log_bytes("tree", name, bytes), log_string("problem", ret_fault->text));
	return -1;
}

int
dump_list_files(struct store *store, struct file_list *ret_files, struct store_fault *ret_fault)
{
	int r = file_list_read(store->directory_fd, ret_files);

	if (r == 0)
		return 0;
	store_fault_set(ret_fault, "directory \"%s\" could not be read: %s", store->options.directory,
	                store_error_text(r));
	log_error("dump failed", log_string("problem", ret_fault->text));
	return -1;
}

int
dump_publish(struct store *store, struct store_fault *ret_fault)
{
	int r = store_publish(store, ret_fault);

	if (r < 0)
		log_error("dump failed", log_string("problem", ret_fault->text));
	return r;
}

int
dump_check(const struct store *store, struct store_fault *ret_fault)
{
	int r = journal_check_dump(store, ret_fault);

	if (r < 0)
		log_error("dump failed", log_string("problem", ret_fault->text));
	return r;
}

/* A dump counts once the manifest names it. */
static bool
is_joined(const struct store *store, const char *name, size_t bytes, uint64_t ticket)
{
	const struct catalog_entry *entry = catalog_find(&store->catalog, name, bytes);

	return entry != NULL && entry->cut > ticket && !store->manifest_stale;
}

int
store_dump(struct store *store, const char *name, size_t bytes, uint64_t ticket, struct store_fault *ret_fault)
{
	struct file_list files;

	if (engine_pin_tree(store->engine, name, bytes) == NULL)
		return ENGINE_MISSING;
	if (is_joined(store, name, bytes, ticket))
		return 0;
	if (dump_check(store, ret_fault) < 0)
		return -1;
	if (dump_list_files(store, &files, ret_fault) < 0)
		return -1;
	int r = dump_one(store, &files, name, bytes, ret_fault);

	file_list_deinit(&files);
	return r != 0 ? r : dump_publish(store, ret_fault);
}
