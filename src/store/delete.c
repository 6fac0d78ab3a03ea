/*
 * delete.c - whole-tree delete and compaction, on the maintenance thread
 *
 * Key by key beside the workers, a group of the log per section. There is room in the log before each; when the disk is
 * full the operation ends instead of waiting. It goes key by key, so what was done stays done, and a repeat does the rest.
 */
#include "store/journal.h"

#include <errno.h>

#include "store/fault.h"
#include "store/names.h"

/* What is done to a tree. */
struct change {
	struct store *store;
	bool compacts; /* else deletes: */
	uint64_t from, to;
	bool all; /* each section begins with nothing waiting */
	bool begun;
};

static int
section_begin(void *context)
{
	const struct change *change = context;

	return journal_room(change->store, change->all);
}

static int
section_check(void *context)
{
	struct change *change = context;
	int r = journal_room_error(change->store);

	change->begun |= r == 0;
	return r;
}

static void
section_end(void *context)
{
	const struct change *change = context;

	journal_append(change->store);
}

static int
attempt(struct change *change, const char *name, size_t bytes)
{
	const struct section_steps steps = {
		.begin = section_begin, .check = section_check, .end = section_end, .context = change
	};
	struct engine_worker *worker = change->store->worker;

	if (change->compacts)
		return tree_compact_all(worker, name, bytes, &steps);
	return tree_delete_range_all(worker, name, bytes, change->from, change->to, &steps);
}

/* Returns 0, ENGINE_MISSING, or -1 with the fault. */
static int
run(struct change *change, const char *name, size_t bytes, struct store_fault *ret_fault)
{
	int r = attempt(change, name, bytes);

	/* A key with very many days may fit when it has the log for itself. What is done is not done again. */
	if (r == -EAGAIN) {
		change->all = true;
		r = attempt(change, name, bytes);
		change->all = false;
	}
	if (r >= 0)
		return r;
	store_fault_set(ret_fault, "%s, %s", journal_problem(r),
	                !change->begun     ? "nothing changed"
	                : change->compacts ? "a part may be done: repeat the request"
	                                   : "a part of the tree may be deleted: repeat the request");
	return -1;
}

/* What the reply depends on, whether all was done or not. */
static void
settle(const struct change *change, int result, uint64_t *ret_hold)
{
	if (result >= 0 || change->begun)
		*ret_hold = journal_hold(change->store);
}

int
store_delete_range(struct store *store, const char *name, size_t bytes, uint64_t from, uint64_t to, uint64_t *ret_hold,
                   struct store_fault *ret_fault)
{
	struct change change = { .store = store, .from = from, .to = to };

	*ret_hold = 0;
	if (journal_check_write(store, ret_fault) < 0)
		return -1;
	int r = run(&change, name, bytes, ret_fault);

	settle(&change, r, ret_hold);
	return r;
}

int
store_delete_before(struct store *store, const char *name, size_t bytes, uint64_t before, uint64_t *ret_hold,
                    struct store_fault *ret_fault)
{
	struct change change = { .store = store, .to = before - 1 };
	int r = 0;

	*ret_hold = 0;
	if (journal_check_write(store, ret_fault) < 0)
		return -1;
	if (before > 0)
		r = run(&change, name, bytes, ret_fault);
	change.compacts = true;
	if (r == 0)
		r = run(&change, name, bytes, ret_fault);
	settle(&change, r, ret_hold);
	return r;
}

int
store_compact(struct store *store, const char *name, size_t bytes, uint64_t *ret_hold, struct store_fault *ret_fault)
{
	return store_delete_before(store, name, bytes, 0, ret_hold, ret_fault);
}

static int
compact_names(struct change *change, const struct tree_names *names, struct store_fault *ret_fault)
{
	size_t cursor = 0, bytes;
	const char *name;
	int r = 0;

	while (r >= 0 && (name = tree_names_next(names, &cursor, &bytes)) != NULL) {
		r = run(change, name, bytes, ret_fault); /* dropped meanwhile is no failure */
		store_keep_up(change->store);
	}
	return r < 0 ? -1 : 0;
}

int
store_compact_every(struct store *store, uint64_t *ret_hold, struct store_fault *ret_fault)
{
	struct change change = { .store = store, .compacts = true };
	struct tree_names names;
	int r;

	*ret_hold = 0;
	if (journal_check_write(store, ret_fault) < 0)
		return -1;
	r = tree_names_init(&names, store->engine);
	if (r == 0)
		r = compact_names(&change, &names, ret_fault);
	else
		store_fault_set(ret_fault, "%s, nothing changed", journal_problem(r));
	tree_names_deinit(&names);
	settle(&change, r, ret_hold);
	return r < 0 ? -1 : 0;
}
