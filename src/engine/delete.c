/*
 * Whole-tree delete over the live tree, key by key. Each key is one operation with a tag of its own: a prefix of the log may
 * hold some keys and not others, as readers could see it.
 */
#include "engine/engine_internal.h"
#include "engine/sections.h"

struct deletion {
	struct sections sections;
	struct tree *tree;
	uint64_t from, to;
};

static int
delete_key(void *context, struct key_record *record)
{
	const struct deletion *deletion = context;

	return tree_delete_range(deletion->sections.worker, deletion->tree, record->key, deletion->from, deletion->to);
}

static int
delete_record(void *context, struct key_record *record)
{
	struct deletion *deletion = context;

	return sections_do(&deletion->sections, delete_key, deletion, record);
}

int
tree_delete_range_all(struct engine_worker *worker, const char *name, size_t bytes, uint64_t from, uint64_t to,
                      const struct section_steps *steps)
{
	struct deletion deletion = {
		.sections = { .worker = worker, .steps = steps },
		.tree = engine_pin_tree(worker->engine, name, bytes),
		.from = from,
		.to = to,
	};

	if (deletion.tree == NULL)
		return ENGINE_MISSING;
	int r = partition_walk(&deletion.tree->table, delete_record, &deletion);

	sections_end(&deletion.sections);
	return r;
}
