/*
 * inspect_import.c - rows to dump files, all of them or none
 *
 * Each tree of the input becomes a file under a temporary name; they get their names when the last row has been read.
 * The rows of a tree stand together, and those of a key: then only one tree is open, and of that one key's days and which keys
 * were there (about 16 bytes each) are in memory, and what the dump writer keeps.
 *
 * The files carry an identity of their own, made for this import: no start takes them for dumps of its directory. `load` takes
 * them, and a start on a directory without manifest, where the newest file of a name counts.
 */
#include "import_tree.h"
#include "input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/memory.h"
#include "store/file_list.h"

/* A tree whose file is complete and waits for its name. */
struct finished {
	struct dump_writer *writer;
	char *tree; /* ours */
	size_t tree_bytes;
	char file[DUMP_FILE_NAME_MAX + 1]; /* once it has its name, else "" */
};

struct import {
	const struct inspect *inspect;
	int directory_fd;
	uint8_t identity[DIRECTORY_IDENTITY_BYTES];
	struct row_reader reader;
	struct import_tree *tree; /* open, or NULL */
	struct finished *finished;
	size_t count;
	struct key_set names; /* of the trees met: checksums */
};

/* ---- trees ---- */

static int
tree_close(struct import *import)
{
	struct import_tree *tree = import->tree;

	if (tree == NULL)
		return 0;
	if (import->count % 64 == 0) {
		struct finished *grown = mem_realloc(import->finished, (import->count + 64) * sizeof(*grown));

		if (grown == NULL)
			return row_fault(&import->reader, "out of memory");
		import->finished = grown;
	}
	struct finished *finished = &import->finished[import->count];

	*finished = (struct finished){ .tree_bytes = tree->name_bytes };
	if (import_tree_finish(tree, &import->reader, import->identity, import->count + 1) < 0)
		return -1;
	finished->tree = tree->name;
	finished->writer = tree->writer;
	tree->name = NULL;
	tree->writer = NULL;
	import->count++;
	import_tree_destroy(tree);
	import->tree = NULL;
	return 0;
}

static bool
was_there(const struct import *import, const char *name, size_t bytes)
{
	for (size_t i = 0; i < import->count; i++) {
		const struct finished *finished = &import->finished[i];

		if (finished->tree_bytes == bytes && memcmp(finished->tree, name, bytes) == 0)
			return true;
	}
	return false;
}

static int
tree_open(struct import *import, const char *name, size_t bytes)
{
	char shown[ROW_SHOWN_MAX + 4];
	int r = key_set_add(&import->names, checksum_of(name, bytes));

	row_show(name, bytes, shown);
	if (r == 1 && was_there(import, name, bytes))
		return row_fault(&import->reader, "the rows of a tree must stand together: \"%s\" ended before", shown);
	if (r >= 0)
		r = import_tree_create(import->directory_fd, name, bytes, &import->tree);
	if (r < 0)
		return row_fault(&import->reader, "the tree \"%s\" cannot be written: %s", shown, strerrordesc_np(-r));
	return 0;
}

static bool
is_open(const struct import *import, const char *name, size_t bytes)
{
	return import->tree != NULL && import->tree->name_bytes == bytes &&
	       memcmp(import->tree->name, name, bytes) == 0;
}

/* ---- rows ---- */

/* With --tree everything is one tree, which has that name. */
static int
row_tree(struct import *import, const struct row *row, const char **ret, size_t *ret_bytes)
{
	const struct inspect *inspect = import->inspect;

	*ret = inspect->tree != NULL ? inspect->tree : row->tree;
	*ret_bytes = inspect->tree != NULL ? inspect->tree_bytes : row->tree_bytes;
	if (inspect->tree == NULL)
		return row->has_tree ? 0 : row_fault(&import->reader, "tree is missing, and there is no --tree");
	if (import->tree == NULL || import_tree_is_from(import->tree, row))
		return 0;
	return row_fault(&import->reader, "a second tree; with --tree the rows are those of one");
}

static int
row_take(struct import *import, const struct row *row)
{
	const char *name;
	size_t bytes;

	if (row_tree(import, row, &name, &bytes) < 0)
		return -1;
	if (!is_open(import, name, bytes) && (tree_close(import) < 0 || tree_open(import, name, bytes) < 0))
		return -1;
	return import_tree_row(import->tree, &import->reader, row);
}

static int
rows_take(struct import *import)
{
	struct row row;
	int r;

	while ((r = row_read(&import->reader, &row)) > 0) {
		if (row_take(import, &row) < 0)
			return -1;
	}
	if (r < 0)
		return r;
	/* A tree without keys has a row; without any something went wrong before. */
	return import->tree != NULL ? tree_close(import) : row_fault(&import->reader, "there is no row");
}

/* ---- names ---- */

/* The stamp is that of now, but later than those there are; a server may take one at the same time. */
static int
publish(const struct file_list *list, struct finished *finished)
{
	enum { TRIES_MAX = 1000 };
	uint64_t newest = 0;
	uint64_t stamp = (uint64_t)time(NULL);
	int r = -EEXIST;

	if (file_list_stamp(list, finished->tree, finished->tree_bytes, &newest) && newest >= stamp)
		stamp = newest + 1;
	for (int i = 0; r == -EEXIST && i < TRIES_MAX; i++) {
		char file[DUMP_FILE_NAME_MAX + 1];

		dump_name_encode(stamp + (uint64_t)i, finished->tree, finished->tree_bytes, file);
		r = dump_writer_publish(finished->writer, file);
		if (r == 0)
			memcpy(finished->file, file, sizeof(file));
	}
	return r;
}

static enum status
publish_all(struct import *import)
{
	struct file_list list;
	int r = file_list_read(import->directory_fd, &list);

	if (r == 0 && input_is_interrupted())
		r = -EINTR;
	for (size_t i = 0; r == 0 && i < import->count; i++)
		r = publish(&list, &import->finished[i]);
	file_list_deinit(&list);
	if (r == 0)
		return STATUS_SOUND;
	for (size_t i = 0; i < import->count; i++) {
		if (import->finished[i].file[0] != '\0')
			(void)unlinkat(import->directory_fd, import->finished[i].file, 0);
	}
	return failed("the files cannot be given their names: %s; nothing was imported", strerrordesc_np(-r));
}

static enum status
print_files(const struct import *import)
{
	struct buffer out;

	buffer_init(&out, SIZE_MAX);
	for (size_t i = 0; i < import->count; i++) {
		buffer_append(&out, import->finished[i].file, strlen(import->finished[i].file));
		buffer_append_byte(&out, '\n');
	}
	enum status status = output_end(&out, STATUS_SOUND);

	buffer_deinit(&out);
	return status;
}

/* ---- the whole ---- */

static enum status
import_rows(struct import *import, FILE *stream)
{
	struct row_fault fault;

	row_reader_init(&import->reader, stream, import->inspect->format, &fault);
	int r = rows_take(import);

	row_reader_deinit(&import->reader);
	return r < 0 ? failed("%s; nothing was imported", fault.text) : STATUS_SOUND;
}

static enum status
import_run(struct import *import)
{
	FILE *stream = input_open();

	if (stream == NULL)
		return failed("standard input cannot be read: %s", strerrordesc_np(errno));
	enum status status = import_rows(import, stream);

	(void)fclose(stream);
	if (status == STATUS_SOUND)
		status = publish_all(import);
	return status == STATUS_SOUND ? print_files(import) : status;
}

static void
import_deinit(struct import *import)
{
	import_tree_destroy(import->tree);
	for (size_t i = 0; i < import->count; i++) {
		dump_writer_destroy(import->finished[i].writer);
		mem_free(import->finished[i].tree);
	}
	mem_free(import->finished);
	key_set_deinit(&import->names);
	(void)close(import->directory_fd);
}

enum status
inspect_import(const struct inspect *inspect)
{
	struct import import = { .inspect = inspect, .directory_fd = directory_open(inspect->path) };

	if (import.directory_fd < 0)
		return STATUS_FAILED;
	enum status status;

	if (getrandom(import.identity, sizeof(import.identity), 0) == (ssize_t)sizeof(import.identity))
		status = import_run(&import);
	else
		status = failed("no random bytes for an identity: %s", strerrordesc_np(errno));
	import_deinit(&import);
	return status;
}
