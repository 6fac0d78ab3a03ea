/*
 * Whole-tree delete over the live tree, key by key, in sections of the maintenance thread's own worker. Each key is one
 * operation with a tag of its own: a prefix of the log may hold some keys and not others, as readers could see it.
 *
 *   begin()  [ check() key key … end() ]  begin()  [ … ]         [ ] is a section
 *
 * A section ends after DELETE_KEYS_PER_SECTION keys, or when the effects find no room for the next key: then that key is
 * the first of the next section. The walk goes on over the sections: what it walks is freed by this thread only.
 */
#include "base/give_way.h"
#include "engine/hold.h"

enum { DELETE_KEYS_PER_SECTION = 256 };

struct deletion {
	struct engine_worker *worker;
	struct tree *tree;
	uint64_t from, to;
	const struct delete_steps *steps;
	bool open;     /* in a section */
	unsigned keys; /* done in it */
};

static int
section_begin(struct deletion *deletion)
{
	int r = deletion->steps == NULL ? 0 : deletion->steps->begin(deletion->steps->context);

	if (r != 0)
		return r;
	engine_batch_begin(deletion->worker);
	deletion->open = true;
	deletion->keys = 0;
	if (deletion->steps == NULL || deletion->steps->check == NULL)
		return 0;
	return deletion->steps->check(deletion->steps->context);
}

static void
section_end(struct deletion *deletion)
{
	if (!deletion->open)
		return;
	if (deletion->steps != NULL)
		deletion->steps->end(deletion->steps->context);
	engine_batch_end(deletion->worker);
	deletion->open = false;
	give_way();
}

static int
delete_record(void *context, struct key_record *record)
{
	struct deletion *deletion = context;
	int r;

	do {
		if (deletion->open && deletion->keys == DELETE_KEYS_PER_SECTION)
			section_end(deletion);
		if (!deletion->open && (r = section_begin(deletion)) != 0)
			return r;
		r = tree_delete_range(deletion->worker, deletion->tree, record->key, deletion->from, deletion->to);
		if (r != -EAGAIN || deletion->steps == NULL || deletion->keys == 0)
			break;
		/* What earlier keys of the section left in the scratch is in the way: once more, with all of the room. */
		section_end(deletion);
	} while (true);
	deletion->keys++;
	return r;
}

int
tree_delete_range_all(struct engine_worker *worker, const char *name, size_t bytes, uint64_t from, uint64_t to,
                      const struct delete_steps *steps)
{
	struct deletion deletion = {
		.worker = worker,
		.tree = engine_pin_tree(worker->engine, name, bytes),
		.from = from,
		.to = to,
		.steps = steps,
	};

	if (deletion.tree == NULL)
		return ENGINE_MISSING;
	int r = partition_walk(&deletion.tree->table, delete_record, &deletion);

	section_end(&deletion);
	return r;
}
