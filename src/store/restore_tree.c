/*
 * restore_tree.c - one tree from the first of its files that is whole
 */
#include "store/restore_tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log/log.h"
#include "store/fault.h"

enum { RESTORE_DAMAGED = 1 };

static int
unfit(struct dump_fault *fault, const char *file, const char *why)
{
	(void)snprintf(fault->text, sizeof(fault->text), "%s: %s", file, why);
	return RESTORE_DAMAGED;
}

static bool
is_wanted(const struct store *store, const struct wanted *wanted, const struct dump_info *info, bool older)
{
	if (wanted->id == 0)
		return true;
	return info->ours && info->tree_id == wanted->id &&
	       memcmp(info->identity, store->identity, sizeof(info->identity)) == 0 &&
	       (older || info->generation >= wanted->generation);
}

/* Takes tree. Returns 0, or -1 with the restoration's fault. */
static int
publish_tree(struct restoration *restoration, struct tree *tree, const char *file, const struct wanted *wanted,
             const struct dump_info *info, bool keep_id)
{
	struct store *store = restoration->store;
	struct manifest_tree entry = {
		.name = wanted->name,
		.name_bytes = wanted->name_bytes,
		.file = file,
		.id = keep_id ? info->tree_id : 0,
		.generation = keep_id ? info->generation : 0,
	};
	int r = tree_load_publish(store->worker, tree, entry.name, entry.name_bytes);

	if (r == 0)
		r = catalog_put(&store->catalog, &entry, 0);
	if (r != 0) {
		store_fault_set(restoration->fault, "%s: %s", file,
		                r == ENGINE_TREES_FULL ? "there are more trees than --max-trees allows"
		                                       : store_error_text(r));
		return -1;
	}
	restoration->trees++;
	restoration->keys += info->keys;
	restoration->days += info->days;
	return 0;
}

/* Returns 0, RESTORE_DAMAGED with *fault, or -1 with the restoration's fault. `older` allows older generations. */
static int
restore_file(struct restoration *restoration, const char *file, const struct wanted *wanted, bool older,
             struct dump_fault *fault)
{
	struct store *store = restoration->store;
	bool keep_id = wanted->id != 0 && !older;
	struct tree *tree = NULL;
	struct dump_info info;
	int r = dump_load(store->engine, store->directory_fd, file, keep_id, &tree, &info, fault);

	if (r == -ENOMEM) {
		store_fault_set(restoration->fault, "%s: there is not enough memory to restore it", file);
		return -1;
	}
	if (r == DUMP_MISSING)
		return unfit(fault, file, "the file is missing");
	if (r != DUMP_OK)
		return RESTORE_DAMAGED; /* also when it cannot be read: a failing disk */
	if (is_wanted(store, wanted, &info, older))
		return publish_tree(restoration, tree, file, wanted, &info, keep_id);
	tree_load_discard(tree);
	return unfit(fault, file, "this is not the dump that " MANIFEST_FILE " names");
}

int
restore_tree(struct restoration *restoration, const char *first, struct candidate_range others,
             const struct wanted *wanted)
{
	struct dump_fault fault;
	bool older = false;
	size_t index = 0;

	for (const char *file = first; file != NULL || index < others.count; file = NULL) {
		if (file == NULL)
			file = others.first[index++]->file;
		if (older && first != NULL && strcmp(file, first) == 0)
			continue;
		int r = restore_file(restoration, file, wanted, older, &fault);

		if (r <= 0)
			return r;
		if (!restoration->store->options.restore_skip_damaged) {
			store_fault_set(restoration->fault,
			                "%s (--restore-skip-damaged goes on with an older dump, or none)", fault.text);
			return -1;
		}
		log_warn("damaged dump skipped", log_bytes("tree", wanted->name, wanted->name_bytes),
		         log_string("problem", fault.text));
		restoration->damage = true;
		older = true;
	}
	log_warn("tree not restored", log_bytes("tree", wanted->name, wanted->name_bytes));
	return 0;
}
