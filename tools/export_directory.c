/*
 * export_directory.c - what a start would restore, as rows
 *
 * Restored into an engine of our own, then walked tree by tree. A server at work can make that fail (a dump that it has just
 * replaced); then it is done again, and only the same fault twice under the same manifest is one.
 */
#include "emit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log/log.h"
#include "look.h"
#include "store/store.h"

enum { LOOKS_MAX = 200, TREES_MAX = 10 * 1000 * 1000 };

/* ---- the engine to rows ---- */

struct walk {
	struct engine *engine;
	struct emitter emitter;
	const struct inspect *inspect;
	struct cut_day *days; /* sorted */
	size_t capacity;
	bool found; /* the tree wanted, or no one in particular */
};

static int
day_order(const void *a, const void *b)
{
	const struct cut_day *first = a;
	const struct cut_day *second = b;

	return (first->day > second->day) - (first->day < second->day);
}

static int
walk_key(void *context, const struct cut_key *key)
{
	struct walk *walk = context;

	if (key->day_count > walk->capacity) {
		struct cut_day *days = realloc(walk->days, 2 * key->day_count * sizeof(*days));

		if (days == NULL)
			return -ENOMEM;
		walk->days = days;
		walk->capacity = 2 * key->day_count;
	}
	if (key->day_count > 0) {
		memcpy(walk->days, key->days, key->day_count * sizeof(*walk->days));
		qsort(walk->days, key->day_count, sizeof(*walk->days), day_order);
	}
	/* As a dump would have it. */
	return emit_key(&walk->emitter, key->key, key->total < COUNT_MAX ? key->total : COUNT_MAX, walk->days,
	                key->day_count);
}

static int
walk_tree(void *context, struct tree *tree, const char *name, size_t bytes)
{
	struct walk *walk = context;
	const struct inspect *inspect = walk->inspect;
	struct cut_summary summary;

	if (inspect->tree != NULL && (bytes != inspect->tree_bytes || memcmp(name, inspect->tree, bytes) != 0))
		return 0;
	walk->found = true;
	emit_tree(&walk->emitter, name, bytes);
	int r = tree_cut(walk->engine, tree, walk_key, walk, &summary);

	if (r == 0)
		emit_tree_end(&walk->emitter);
	return r;
}

static enum status
export_engine(const struct inspect *inspect, struct engine *engine)
{
	struct walk walk = { .engine = engine, .inspect = inspect, .found = inspect->tree == NULL };
	enum status status = STATUS_SOUND;

	emit_begin(&walk.emitter, inspect->format);
	int r = engine_names(engine, walk_tree, &walk);

	if (!walk.found && r == 0)
		status = failed("there is no tree \"%s\" in \"%s\"", inspect->tree, inspect->path);
	if (r < 0 && r != -EIO) /* of the output, which emit_end() tells of */
		status = failed("the counts cannot be read: %s", strerrordesc_np(-r));
	status = emit_end(&walk.emitter, status);
	free(walk.days);
	return status;
}

/* ---- the directory to the engine ---- */

/* STATUS_SOUND, or STATUS_DAMAGE with the fault. */
static enum status
restore(const struct inspect *inspect, struct engine **ret_engine, struct store_fault *fault)
{
	struct engine *engine;

	if (engine_create(TREES_MAX, 0, &engine) < 0)
		return failed("out of memory");
	if (store_read(engine, inspect->path, fault) == 0) {
		*ret_engine = engine;
		return STATUS_SOUND;
	}
	engine_destroy(engine);
	return STATUS_DAMAGE;
}

static enum status
restore_steady(const struct inspect *inspect, int directory_fd, struct engine **ret_engine)
{
	struct store_fault before = { .text = "" };

	for (int i = 0; i < LOOKS_MAX; i++) {
		struct store_fault fault;
		struct look look;
		enum status status = look_begin(&look, directory_fd);

		if (status != STATUS_SOUND)
			return status;
		status = restore(inspect, ret_engine, &fault);
		bool same = status == STATUS_DAMAGE && look_holds(&look) && strcmp(fault.text, before.text) == 0;

		look_end(&look);
		if (same)
			(void)failed("%s", fault.text);
		if (same || status != STATUS_DAMAGE)
			return status;
		before = fault;
		look_again();
	}
	return failed("the directory changed at each of %d looks: %s", LOOKS_MAX, before.text);
}

enum status
export_directory(const struct inspect *inspect)
{
	int directory_fd = directory_open(inspect->path);
	struct engine *engine = NULL;

	if (directory_fd < 0)
		return STATUS_FAILED;
	/* What a start says of what it does would be wrong here: nothing is cut off. */
	enum status status = log_setup(LOG_ERROR, LOG_TEXT) < 0 ? failed("no thread for the log") : STATUS_SOUND;

	if (status == STATUS_SOUND)
		status = restore_steady(inspect, directory_fd, &engine);
	if (engine != NULL)
		status = export_engine(inspect, engine);
	engine_destroy(engine);
	log_teardown();
	(void)close(directory_fd);
	return status;
}
