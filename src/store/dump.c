/*
 * dump.c - trees to files, on the maintenance thread
 *
 * Joining. Whoever asks for a dump takes a ticket, the number of cuts begun so far, and every cut takes the next number. A
 * dump made by a cut of a higher number than the ticket holds all that the asker had seen done, so it answers the request
 * too, and no second one is made: of many requests that wait behind a running dump, one more dump serves all.
 *
 * Edge S1: everything before store_ticket() -> the cut that takes a higher number. Both are read-modify-writes of one
 * word, so the later one acquires what the earlier one released.
 */
#include "store/store_internal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "log/log.h"
#include "store/fault.h"

enum { FAULT_NAME_MAX = 200 };

uint64_t
store_ticket(struct store *store)
{
	return atomic_fetch_add_explicit(&store->cuts, 0, memory_order_acq_rel); /* S1 */
}

static uint64_t
cut_begin(struct store *store)
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

static int
write_dump(struct store *store, const struct file_list *files, struct tree *tree, uint64_t cut, const char *name,
           size_t bytes)
{
	struct dump_request request = {
		.directory_fd = store->directory_fd,
		.name = name,
		.name_bytes = bytes,
		.identity = store->identity,
	};
	struct dump_info info;
	char file[DUMP_FILE_NAME_MAX + 1];
	struct timespec start;
	int r = stamp_next(files, name, bytes, &request.stamp);

	if (r < 0)
		return r;
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	r = dump_tree(store->engine, tree, &request, &info, file);
	if (r < 0)
		return r;
	const struct manifest_tree entry = {
		.name = name,
		.name_bytes = bytes,
		.file = file,
		.id = info.tree_id,
		.generation = info.generation,
	};

	r = catalog_put(&store->catalog, &entry, cut);
	log_info("dump written", log_bytes("tree", name, bytes), log_string("file", file), log_u64("keys", info.keys),
	         log_u64("days", info.days), log_u64("bytes", info.bytes), log_u64("ms", ms_since(&start)));
	return r;
}

/* Returns 0, ENGINE_MISSING, or -1 with the fault (logged). */
static int
dump_one(struct store *store, const struct file_list *files, const char *name, size_t bytes,
         struct store_fault *ret_fault)
{
	/* The number comes first: whoever holds an older ticket swapped the tree, if at all, before we look for it (S1). */
	uint64_t cut = cut_begin(store);
	struct tree *tree = engine_pin_tree(store->engine, name, bytes);

	if (tree == NULL)
		return ENGINE_MISSING;
	int r = write_dump(store, files, tree, cut, name, bytes);

	if (r == 0)
		return 0;
	/* A long name must not push the cause out. */
	store_fault_set(ret_fault, "Tree \"%.*s\" could not be saved: %s",
	                (int)(bytes < FAULT_NAME_MAX ? bytes : FAULT_NAME_MAX), name, store_error_text(r));
	log_error("dump failed", log_bytes("tree", name, bytes), log_string("problem", store_error_text(r)));
	return -1;
}

static int
list_files(struct store *store, struct file_list *ret_files, struct store_fault *ret_fault)
{
	int r = file_list_read(store->directory_fd, ret_files);

	if (r == 0)
		return 0;
	store_fault_set(ret_fault, "directory \"%s\" could not be read: %s", store->options.directory,
	                store_error_text(r));
	log_error("dump failed", log_string("problem", ret_fault->text));
	return -1;
}

static int
publish(struct store *store, struct store_fault *ret_fault)
{
	int r = store_publish(store, ret_fault);

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
	if (list_files(store, &files, ret_fault) < 0)
		return -1;
	int r = dump_one(store, &files, name, bytes, ret_fault);

	file_list_deinit(&files);
	return r != 0 ? r : publish(store, ret_fault);
}

/* ---- every tree ---- */

/* Names are copied: a full dump takes long, and what was dropped meanwhile may be freed between two trees. */
struct names {
	struct buffer text;
	uint64_t count;
};

static int
names_add(void *context, struct tree *tree, const char *name, size_t bytes)
{
	struct names *names = context;
	const uint16_t length = (uint16_t)bytes;

	(void)tree;
	buffer_append(&names->text, &length, sizeof(length));
	buffer_append(&names->text, name, bytes);
	names->count++;
	return names->text.failed ? -ENOMEM : 0;
}

/* Dumps what can be dumped. Returns how many trees could not, the first one's fault in *ret_fault. */
static uint64_t
dump_names(struct store *store, const struct file_list *files, const struct names *names, struct store_fault *ret_fault)
{
	const char *at = names->text.data;
	uint64_t failed = 0;

	for (uint64_t i = 0; i < names->count; i++) {
		struct store_fault fault;
		uint16_t bytes;

		memcpy(&bytes, at, sizeof(bytes));
		at += sizeof(bytes);
		/* Dropped meanwhile is no failure. */
		if (dump_one(store, files, at, bytes, &fault) < 0 && failed++ == 0)
			*ret_fault = fault;
		at += bytes;
		store_keep_up(store);
	}
	return failed;
}

static int
dump_trees(struct store *store, const struct file_list *files, struct store_fault *ret_fault)
{
	struct names names = { 0 };
	struct store_fault manifest_fault;
	uint64_t failed;
	size_t removed = 0;

	buffer_init(&names.text, SIZE_MAX);
	if (engine_names(store->engine, names_add, &names) < 0) {
		buffer_deinit(&names.text);
		store_fault_set(ret_fault, "out of memory");
		log_error("full dump failed", log_string("problem", ret_fault->text));
		return -1;
	}
	failed = dump_names(store, files, &names, ret_fault);
	buffer_deinit(&names.text);
	if (publish(store, failed > 0 ? &manifest_fault : ret_fault) < 0)
		return -1;
	if (!store->keeps_files)
		removed = retention_run(store->directory_fd, store->options.dump_retention_per_tree, &store->catalog);
	log_info("full dump done", log_u64("trees", names.count), log_u64("failed", failed),
	         log_u64("old_files_removed", removed));
	return failed > 0 ? -1 : 0;
}

int
store_dump_all_joined(struct store *store, uint64_t ticket, struct store_fault *ret_fault)
{
	struct file_list files;

	if (store->full_cut > ticket)
		return 0; /* if it failed, that was logged: trying again for each request that waits would be no better */
	/* A number of its own, so that with no trees, too, later requests are told from earlier ones. */
	store->full_cut = cut_begin(store);
	if (list_files(store, &files, ret_fault) < 0)
		return -1;
	int r = dump_trees(store, &files, ret_fault);

	file_list_deinit(&files);
	return r;
}

int
store_dump_all(struct store *store, struct store_fault *ret_fault)
{
	return store_dump_all_joined(store, UINT64_MAX, ret_fault);
}
