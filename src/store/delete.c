/*
 * delete.c - whole-tree delete, on the maintenance thread
 *
 * Key by key beside the workers, a group of the log per section. There is room in the log before each; when the disk is
 * full the operation ends instead of waiting. It goes key by key, so what was done stays done, and a repeat does the rest.
 */
#include "store/journal.h"

#include <errno.h>

#include "store/fault.h"

struct deletion {
	struct store *store;
	bool all; /* each section begins with nothing waiting */
	bool begun;
};

static int
section_begin(void *context)
{
	const struct deletion *deletion = context;

	return journal_room(deletion->store, deletion->all);
}

static int
section_check(void *context)
{
	struct deletion *deletion = context;
	int r = journal_room_error(deletion->store);

	deletion->begun |= r == 0;
	return r;
}

static void
section_end(void *context)
{
	const struct deletion *deletion = context;

	journal_append(deletion->store);
}

/* Returns 0, ENGINE_MISSING, or -1 with the fault. */
static int
delete_range(struct deletion *deletion, const char *name, size_t bytes, uint64_t from, uint64_t to,
             struct store_fault *ret_fault)
{
	const struct section_steps steps = {
		.begin = section_begin, .check = section_check, .end = section_end, .context = deletion
	};
	struct engine_worker *worker = deletion->store->worker;
	int r = tree_delete_range_all(worker, name, bytes, from, to, &steps);

	/* A key with very many days may fit when it has the log for itself. What is done is not done again. */
	if (r == -EAGAIN) {
		deletion->all = true;
		r = tree_delete_range_all(worker, name, bytes, from, to, &steps);
	}
	if (r >= 0)
		return r;
	store_fault_set(ret_fault, "%s, %s", journal_problem(r),
	                deletion->begun ? "a part of the tree may be deleted: repeat the request" : "nothing changed");
	return -1;
}

int
store_delete_range(struct store *store, const char *name, size_t bytes, uint64_t from, uint64_t to, uint64_t *ret_hold,
                   struct store_fault *ret_fault)
{
	struct deletion deletion = { .store = store };

	*ret_hold = 0;
	if (journal_check_write(store, ret_fault) < 0)
		return -1;
	int r = delete_range(&deletion, name, bytes, from, to, ret_fault);

	if (r >= 0 || deletion.begun)
		*ret_hold = journal_hold(store);
	return r;
}
