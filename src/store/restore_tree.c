/*
 * restore_tree.c - one tree from the first of its files that is whole
 *
 * An own file is one of this directory's identity and of the tree's id; it tells up to which generation it holds the
 * tree, and the log has the rest. A taken file counts as it is, whatever its second object says.
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

/* Returns 0, RESTORE_DAMAGED with *fault, or -1 with the restoration's fault. */
static int
load_file(struct restoration *restoration, const char *file, uint64_t id, struct tree **ret_tree,
          struct dump_info *ret_info, struct dump_fault *fault)
{
	struct store *store = restoration->store;
	int r = dump_load(store->engine, store->directory_fd, file, id, ret_tree, ret_info, fault);

	if (r == -ENOMEM) {
		store_fault_set(restoration->fault, "%s: there is not enough memory to restore it", file);
		return -1;
	}
	if (r == DUMP_MISSING)
		return unfit(fault, file, "the file is missing");
	return r != DUMP_OK ? RESTORE_DAMAGED : 0; /* also when it cannot be read: a failing disk */
}

static void
found_fill(struct found_tree *found, struct tree *tree, const char *file, uint64_t generation)
{
	found->tree = tree;
	found->held = generation;
	found->generation = generation;
	found->dump = (struct manifest_tree){ .file = file, .id = tree_id(tree), .generation = generation };
}

static int
try_own(struct restoration *restoration, struct found_tree *found, const char *file, uint64_t generation,
        struct dump_fault *fault)
{
	struct tree *tree = NULL;
	struct dump_info info;
	int r = load_file(restoration, file, DUMP_ID_OF_FILE, &tree, &info, fault);

	if (r != 0)
		return r;
	if (!info.ours || info.tree_id != found->id || info.generation < generation ||
	    memcmp(info.identity, restoration->store->identity, sizeof(info.identity)) != 0) {
		tree_load_discard(tree);
		return unfit(fault, file, "this is not the dump that " MANIFEST_FILE " names");
	}
	found_fill(found, tree, file, info.generation);
	return 0;
}

static int
try_taken(struct restoration *restoration, struct found_tree *found, const char *file, uint64_t id,
          struct dump_fault *fault)
{
	struct tree *tree = NULL;
	struct dump_info info;
	int r = load_file(restoration, file, id, &tree, &info, fault);

	if (r == 0)
		found_fill(found, tree, file, 0);
	return r;
}

/* A file turned out to be damaged: 0 if that is to be skipped, or -1. */
static int
skip(struct restoration *restoration, const struct manifest_tree *tree, const struct dump_fault *fault)
{
	if (!restoration->store->options.restore_skip_damaged) {
		store_fault_set(restoration->fault, "%s (--restore-skip-damaged goes on with an older dump, or none)",
		                fault->text);
		return -1;
	}
	log_warn("damaged dump skipped", log_bytes("tree", tree->name, tree->name_bytes),
	         log_string("problem", fault->text));
	restoration->restored->damage = true;
	return 0;
}

/* The own files from a generation on, newest first. */
static int
restore_own(struct restoration *restoration, struct found_tree *found, uint64_t generation)
{
	struct candidate_range range = candidates_of_id(&restoration->candidates, found->id);
	struct dump_fault fault;
	int r = RESTORE_DAMAGED;

	for (size_t i = 0; i < range.count && range.first[i]->generation >= generation; i++) {
		r = try_own(restoration, found, range.first[i]->file, generation, &fault);
		if (r == RESTORE_DAMAGED && skip(restoration, &found->listed, &fault) < 0)
			r = -1;
		if (r <= 0)
			return r;
	}
	return 0;
}

int
restore_listed(struct restoration *restoration, struct found_tree *found)
{
	const struct manifest_tree *listed = &found->listed;
	struct candidate_range range = candidates_of_id(&restoration->candidates, found->id);
	struct dump_fault fault;
	int r = restore_own(restoration, found, listed->generation);

	if (r < 0 || found->tree != NULL)
		return r;
	if (listed->generation == 0)
		r = try_taken(restoration, found, listed->file, found->id, &fault);
	else if (range.count == 0 || range.first[0]->generation < listed->generation)
		r = try_own(restoration, found, listed->file, listed->generation, &fault); /* says what is wrong */
	return r == RESTORE_DAMAGED ? skip(restoration, listed, &fault) : r;
}

int
restore_created(struct restoration *restoration, struct found_tree *found)
{
	int r = restore_own(restoration, found, 0);

	if (r < 0 || found->tree != NULL)
		return r;
	if (tree_load_begin(restoration->store->engine, found->id, 1, &found->tree) < 0) {
		store_fault_set(restoration->fault, "there is not enough memory to restore");
		return -1;
	}
	found->alone = found->listed.file != NULL;
	if (found->alone)
		log_warn("tree restored from the log alone",
		         log_bytes("tree", found->listed.name, found->listed.name_bytes));
	return 0;
}

/* Takes the first whole file, with a new id. `first` may be NULL. */
static int
restore_first(struct restoration *restoration, struct found_tree *found, const char *first,
              struct candidate_range others)
{
	struct dump_fault fault;
	size_t index = 0;

	for (const char *file = first; file != NULL || index < others.count; file = NULL) {
		if (file == NULL)
			file = others.first[index++]->file;
		int r = try_taken(restoration, found, file, DUMP_ID_NEW, &fault);

		if (r == RESTORE_DAMAGED && skip(restoration, &found->listed, &fault) < 0)
			r = -1;
		if (r <= 0)
			return r;
	}
	log_warn("tree not restored", log_bytes("tree", found->listed.name, found->listed.name_bytes));
	return 0;
}

/* Older than the file listed; what is newer came from elsewhere since. */
static struct candidate_range
older_of_name(const struct restoration *restoration, const struct manifest_tree *listed)
{
	struct candidate_range others = candidates_of_name(&restoration->candidates, listed->name, listed->name_bytes);

	while (others.count > 0) {
		bool reached = strcmp(others.first[0]->file, listed->file) == 0;

		others.first++;
		others.count--;
		if (reached)
			break;
	}
	return others;
}

int
restore_older(struct restoration *restoration, struct found_tree *found)
{
	struct candidate_range others;

	if (found->listed.generation == 0)
		return restore_first(restoration, found, NULL, older_of_name(restoration, &found->listed));
	others = candidates_of_id(&restoration->candidates, found->id);
	while (others.count > 0 && others.first[0]->generation >= found->listed.generation) {
		others.first++;
		others.count--;
	}
	int r = restore_first(restoration, found, NULL, others);

	if (r == 0 && found->tree != NULL)
		log_warn("tree restored from an older dump, without what the log says of it",
		         log_bytes("tree", found->listed.name, found->listed.name_bytes),
		         log_string("file", found->dump.file));
	return r;
}

int
restore_taken(struct restoration *restoration, const struct manifest_tree *listed, struct candidate_range others)
{
	struct found_tree taken = { .listed = *listed };
	struct found_tree *found;

	if (listed->file != NULL)
		others = older_of_name(restoration, listed);
	if (restore_first(restoration, &taken, listed->file, others) < 0)
		return -1;
	if (taken.tree == NULL)
		return 0;
	found = tree_set_add(&restoration->trees, tree_id(taken.tree));
	if (found == NULL) {
		tree_load_discard(taken.tree);
		store_fault_set(restoration->fault, "there is not enough memory to restore");
		return -1;
	}
	taken.id = found->id;
	taken.state = FOUND_LIVE;
	*found = taken;
	return 0;
}
