#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/probe.h"
#include "snapshot/dump_file.h"
#include "snapshot/dump_reader.h"
#include "snapshot/loader.h"

/* ---- engine to file ---- */

/*
 * A total that was loaded far above its days can grow past what is read back. It is written as the largest that is: one
 * absurd number being a little too small is better than a tree that can not be dumped any more.
 */
static int
cut_visit(void *context, const struct cut_key *key)
{
	struct dump_writer *writer = context;
	uint64_t total = key->total < COUNT_MAX ? key->total : COUNT_MAX;

	return dump_writer_key(writer, key->key, total, key->days, key->day_count);
}

static int
dump_write(struct engine *engine, struct tree *tree, const struct dump_request *request, struct dump_writer *writer,
           struct dump_info *info, char *ret_file)
{
	struct cut_summary summary;
	int r = tree_cut(engine, tree, cut_visit, writer, &summary);

	if (r != 0)
		return r;
	info->generation = summary.generation;
	r = dump_writer_finish(writer, info);
	if (r != 0)
		return r;
	PROBE2(dump_written, info->tree_id, info->bytes);
	if (request->before_publish != NULL)
		r = request->before_publish(request->context);
	if (r != 0)
		return r;
	PROBE1(dump_logged, info->tree_id);
	dump_name_encode(request->stamp, request->name, request->name_bytes, ret_file);
	r = dump_writer_publish(writer, ret_file);
	if (r == 0)
		PROBE1(dump_renamed, info->tree_id);
	return r;
}

int
dump_tree(struct engine *engine, struct tree *tree, const struct dump_request *request, struct dump_info *ret_info,
          char *ret_file)
{
	struct dump_writer *writer;
	struct dump_info info = { .tree_id = tree_id(tree), .name_bytes = request->name_bytes };

	assert(request->name_bytes <= sizeof(info.name));
	memcpy(info.name, request->name, request->name_bytes);
	memcpy(info.identity, request->identity, sizeof(info.identity));

	int r = dump_writer_create(request->directory_fd, &writer);

	if (r < 0)
		return r;
	PROBE1(dump_begin, info.tree_id);
	r = dump_write(engine, tree, request, writer, &info, ret_file);
	dump_writer_destroy(writer);
	PROBE2(dump_end, info.tree_id, r);
	if (r == 0)
		*ret_info = info;
	return r;
}

/* ---- file to engine ---- */

enum { KEY_BYTES_MIN = 16 }; /* in a file, without days */

/* The id has to be known before the first key, and stands behind the last. */
static int
load_begin(struct engine *engine, const struct dump_info *info, uint64_t id, struct dump_fault *fault,
           struct tree **ret_tree)
{
	bool keeps = id == DUMP_ID_OF_FILE && info->ours;

	if (id == DUMP_ID_OF_FILE)
		id = info->ours ? info->tree_id : DUMP_ID_NEW;
	int r = tree_load_begin(engine, id, keeps ? info->generation + 1 : 1, ret_tree);

	if (r < 0)
		(void)snprintf(fault->text, sizeof(fault->text), "no memory for a tree");
	return r;
}

/* What failed first is what is told: the loader's keys come before the place where the reader is. */
static int
load_keys(const struct dump_reader *reader, struct tree *tree, struct dump_info *ret_info)
{
	struct loader *loader;
	int loaded = loader_create(tree, &loader);
	int r = DUMP_OK;

	if (loaded == 0) {
		r = dump_reader_run(reader, loader_key, loader, ret_info);
		loaded = loader_finish(loader);
	}
	if (loaded < 0)
		(void)snprintf(reader->fault->text, sizeof(reader->fault->text), "%s: loading the counters failed: %s",
		               reader->file_name, strerrordesc_np(-loaded));
	return loaded < 0 ? loaded : r;
}

static int
load_run(struct engine *engine, const struct dump_reader *reader, uint64_t id, struct tree **ret_tree,
         struct dump_info *ret_info)
{
	struct dump_info before;
	struct tree *tree;
	int r = dump_reader_info(reader, &before);

	if (r == DUMP_OK)
		r = load_begin(engine, &before, id, reader->fault, &tree);
	if (r != DUMP_OK)
		return r;
	/* Of what the file says of itself no more is believed than fits into it. */
	tree_load_expect(tree,
	                 before.keys < reader->bytes / KEY_BYTES_MIN ? before.keys : reader->bytes / KEY_BYTES_MIN);
	r = load_keys(reader, tree, ret_info);
	if (r == DUMP_OK && (before.tree_id != ret_info->tree_id || before.generation != ret_info->generation)) {
		(void)snprintf(reader->fault->text, sizeof(reader->fault->text), "%s: changed while it was read",
		               reader->file_name);
		r = DUMP_DAMAGED;
	}
	if (r == DUMP_OK)
		*ret_tree = tree;
	else
		tree_load_discard(tree);
	return r;
}

int
dump_load(struct engine *engine, int directory_fd, const char *file_name, uint64_t id, struct tree **ret_tree,
          struct dump_info *ret_info, struct dump_fault *ret_fault)
{
	struct dump_reader reader;
	int r = dump_reader_open(&reader, directory_fd, file_name, ret_fault);

	if (r != DUMP_OK)
		return r;
	r = load_run(engine, &reader, id, ret_tree, ret_info);
	dump_reader_close(&reader);
	return r;
}
