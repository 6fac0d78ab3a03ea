/*
 * import_tree.c - rows of one tree to its dump file
 */
#include "import_tree.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/checksum.h"
#include "base/memory.h"

int
import_tree_create(int directory_fd, const char *name, size_t bytes, struct import_tree **ret)
{
	struct import_tree *tree = mem_alloc_zeroed(sizeof(*tree));
	int r = -ENOMEM;

	if (tree == NULL)
		return r;
	tree->name = mem_alloc(bytes + 1);
	if (tree->name != NULL) {
		memcpy(tree->name, name, bytes);
		tree->name_bytes = bytes;
		r = dump_writer_create(directory_fd, &tree->writer);
	}
	if (r < 0) {
		import_tree_destroy(tree);
		return r;
	}
	*ret = tree;
	return 0;
}

void
import_tree_destroy(struct import_tree *tree)
{
	if (tree == NULL)
		return;
	dump_writer_destroy(tree->writer);
	key_set_deinit(&tree->keys);
	key_set_deinit(&tree->days_seen);
	mem_free(tree->days);
	mem_free(tree->name);
	mem_free(tree);
}

/* What the rows call their tree. */
static uint64_t
source_of(const struct row *row)
{
	return row->has_tree ? checksum_of(row->tree, row->tree_bytes) : 0;
}

bool
import_tree_is_from(const struct import_tree *tree, const struct row *row)
{
	return !tree->has_from || tree->from == source_of(row);
}

/* ---- keys ---- */

static int
fault_errno(struct row_reader *reader, int error)
{
	return row_fault(reader, "the file cannot be written: %s", strerrordesc_np(error));
}

static int
key_close(struct import_tree *tree, struct row_reader *reader)
{
	if (!tree->has_key)
		return 0;
	int r = dump_writer_key(tree->writer, tree->key, tree->has_total ? tree->total : tree->sum, tree->days,
	                        tree->day_count);

	tree->has_key = false;
	return r < 0 ? fault_errno(reader, -r) : 0;
}

static int
key_open(struct import_tree *tree, struct row_reader *reader, uint64_t key)
{
	int r = key_close(tree, reader);

	if (r < 0)
		return r;
	r = key_set_add(&tree->keys, key);
	if (r == 1)
		return row_fault(reader, "the rows of a key must stand together: %" PRIu64 " ended before", key);
	if (r < 0)
		return row_fault(reader, "out of memory");
	tree->has_key = true;
	tree->key = key;
	tree->has_total = false;
	tree->total = 0;
	tree->sum = 0;
	tree->day_count = 0;
	tree->keeps_days = false;
	key_set_deinit(&tree->days_seen);
	return 0;
}

static int
total_take(struct import_tree *tree, struct row_reader *reader, uint64_t total)
{
	if (tree->has_total && tree->total != total)
		return row_fault(reader, "a second total of the key %" PRIu64 ": %" PRIu64 " and %" PRIu64, tree->key,
		                 tree->total, total);
	tree->has_total = true;
	tree->total = total;
	return 0;
}

/* Days mostly ascend; else it is looked up whether one was there. */
static int
day_check(struct import_tree *tree, struct row_reader *reader, uint32_t day)
{
	bool ascends = tree->day_count == 0 || day > tree->days[tree->day_count - 1].day;
	int r = 0;

	if (ascends && !tree->keeps_days)
		return 0;
	/* From the first that does not ascend all are kept. */
	for (size_t i = 0; !tree->keeps_days && r == 0 && i < tree->day_count; i++)
		r = key_set_add(&tree->days_seen, tree->days[i].day);
	tree->keeps_days = true;
	r = r < 0 ? r : key_set_add(&tree->days_seen, day);
	if (r == 1)
		return row_fault(reader, "the day %" PRIu32 " of the key %" PRIu64 " is there twice", day, tree->key);
	return r < 0 ? row_fault(reader, "out of memory") : 0;
}

static int
day_take(struct import_tree *tree, struct row_reader *reader, const struct row *row)
{
	if (day_check(tree, reader, row->day) < 0)
		return -1;
	if (row->count > COUNT_MAX - tree->sum)
		return row_fault(reader, "the days of the key %" PRIu64 " add up to more than %" PRIu64, tree->key,
		                 COUNT_MAX);
	if (tree->day_count == tree->day_capacity) {
		size_t capacity = tree->day_capacity > 0 ? 2 * tree->day_capacity : 64;
		struct cut_day *days = mem_realloc(tree->days, capacity * sizeof(*days));

		if (days == NULL)
			return row_fault(reader, "out of memory");
		tree->days = days;
		tree->day_capacity = capacity;
	}
	tree->days[tree->day_count++] = (struct cut_day){ .day = row->day, .count = row->count };
	tree->sum += row->count;
	return 0;
}

/* ---- rows ---- */

int
import_tree_row(struct import_tree *tree, struct row_reader *reader, const struct row *row)
{
	if (!tree->has_from) {
		tree->has_from = true;
		tree->from = source_of(row);
	}
	if (!row->has_key)
		return 0;
	if ((!tree->has_key || tree->key != row->key) && key_open(tree, reader, row->key) < 0)
		return -1;
	if (row->has_total && total_take(tree, reader, row->total) < 0)
		return -1;
	return row->has_day ? day_take(tree, reader, row) : 0;
}

int
import_tree_finish(struct import_tree *tree, struct row_reader *reader, const uint8_t *identity, uint64_t id)
{
	struct dump_info info = { .tree_id = id, .name_bytes = tree->name_bytes };

	if (key_close(tree, reader) < 0)
		return -1;
	memcpy(info.name, tree->name, tree->name_bytes);
	memcpy(info.identity, identity, sizeof(info.identity));
	int r = dump_writer_finish(tree->writer, &info);

	return r < 0 ? fault_errno(reader, -r) : 0;
}
