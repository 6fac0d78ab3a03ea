/*
 * The directory: names to trees.
 *
 *            find  create  drop  reset/publish  names     -  run together freely
 *   find      -      -       e        e           -       e  while find is inside a section
 *   create           L       L        L           L       L  one after another, by the directory's lock
 *   drop                     L        L           L
 *   names                                         L       copies pointers under the lock, visits outside it
 *
 * A name leads to its tree through one pointer, so that reset, load and replace are one instant for every client; ck_hs
 * itself could only remove and insert. Trees and entries that go are retired. Whatever changes the directory loads its log
 * tag under the lock, before the change is visible.
 */
#include <errno.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/memory.h"
#include "engine/map_memory.h"
#include "engine/operation.h"

enum { CAPACITY_FIRST = 64 };

static unsigned long
entry_hash(const void *entry, unsigned long seed)
{
	const struct directory_name *name = entry;

	(void)seed;
	return XXH3_64bits(name->data, name->bytes);
}

static bool
entry_matches(const void *stored, const void *wanted)
{
	const struct directory_name *a = stored, *b = wanted;

	TSAN_ACQUIRE(stored); /* D1 */
	return a->bytes == b->bytes && memcmp(a->data, b->data, a->bytes) == 0;
}

int
directory_init(struct directory *directory, uint32_t trees_max)
{
	directory->trees_max = trees_max;
	directory->made = ck_hs_init(&directory->hs, CK_HS_MODE_SPMC | CK_HS_MODE_OBJECT, entry_hash, entry_matches,
	                             &map_memory_of_one, CAPACITY_FIRST, 0);
	return directory->made ? 0 : -ENOMEM;
}

void
directory_deinit(struct directory *directory)
{
	ck_hs_iterator_t cursor = CK_HS_ITERATOR_INITIALIZER;
	void *found = NULL;

	if (!directory->made)
		return;
	while (ck_hs_next(&directory->hs, &cursor, &found)) {
		struct directory_entry *entry = found;

		tree_destroy(atomic_load_explicit(&entry->tree, memory_order_acquire));
		mem_free(entry);
	}
	ck_hs_destroy(&directory->hs);
	directory->made = false;
}

static struct directory_entry *
entry_find(struct directory *directory, const char *name, size_t bytes)
{
	struct directory_name wanted = { .data = name, .bytes = bytes };

	return ck_hs_get(&directory->hs, entry_hash(&wanted, 0), &wanted);
}

static struct tree *
find(struct engine *engine, const char *name, size_t bytes)
{
	struct directory_entry *entry = entry_find(&engine->directory, name, bytes);

	return entry == NULL ? NULL : atomic_load_explicit(&entry->tree, memory_order_acquire); /* D1 */
}

struct tree *
tree_find(struct engine_worker *worker, const char *name, size_t bytes)
{
	assert(epoch_in_section(worker->epoch));
	return find(worker->engine, name, bytes);
}

struct tree *
engine_scan_tree(struct engine *engine, const char *name, size_t bytes)
{
	return find(engine, name, bytes);
}

struct tree *
engine_pin_tree(struct engine *engine, const char *name, size_t bytes)
{
	return find(engine, name, bytes);
}

static struct directory_entry *
entry_create(const char *name, size_t bytes)
{
	struct directory_entry *entry = mem_alloc_zeroed(sizeof(*entry) + bytes + 1);

	if (entry == NULL)
		return NULL;
	if (bytes > 0)
		memcpy(entry->text, name, bytes);
	entry->name = (struct directory_name){ .data = entry->text, .bytes = bytes };
	return entry;
}

static void
destroy_entry(struct epoch_retired *retired)
{
	mem_free((char *)retired - offsetof(struct directory_entry, retired_node));
}

/* Under the lock, before tree can be found under the entry's name. */
static void
log_create(struct engine_worker *worker, struct tree *tree, const struct directory_entry *entry, uint64_t replaced)
{
	struct effect_buffer *buffer = worker->effects;
	uint64_t tag = engine_log_epoch(worker->engine);

	/* Relaxed: who finds the tree sees it (D1). */
	atomic_store_explicit(&tree->tag_floor, tag, memory_order_relaxed);
	if (buffer == NULL)
		return;
	assert(buffer->count < buffer->capacity);
	buffer->effects[buffer->count++] = (struct effect){
		.tree_id = tree->id,
		.order = entry->order,
		.tag = tag,
		.key = replaced,
		.name = entry->name.data,
		.name_bytes = (uint32_t)entry->name.bytes,
		.kind = EFFECT_CREATE,
	};
}

/* Under the lock, before it cannot be found any more. */
static void
log_drop(struct engine_worker *worker, struct tree *tree)
{
	struct operation op = {
		.worker = worker,
		.tree = tree,
		.generation = atomic_load_explicit(&tree->generation, memory_order_relaxed),
		.tag = engine_log_epoch(worker->engine),
	};

	effect_add(&op, EFFECT_DROP, 0, 0, 0);
}

/* Under the lock: puts a new name in at a place in the order. Takes neither on failure. */
static int
add_entry(struct directory *directory, struct directory_entry *entry, struct tree *tree)
{
	if (directory->count >= directory->trees_max)
		return ENGINE_TREES_FULL;
	tree->entry = entry;
	atomic_init(&entry->tree, tree);
	TSAN_RELEASE(entry); /* D1 */
	/* D1: holds the entry's and the tree's initialisation before the map's store of the pointer. */
	ck_pr_fence_release();
	if (!ck_hs_put(&directory->hs, entry_hash(&entry->name, 0), entry)) {
		tree->entry = NULL;
		return -ENOMEM;
	}
	if (directory->order_next <= entry->order)
		directory->order_next = entry->order + 1;
	directory->count++;
	return 0;
}

/* Under the lock: logs a new name, and puts it in as the last one. Takes neither on failure. */
static int
create_entry(struct engine_worker *worker, struct directory_entry *entry, struct tree *tree)
{
	uint32_t before = worker->effects == NULL ? 0 : worker->effects->count;

	entry->order = worker->engine->directory.order_next;
	log_create(worker, tree, entry, 0);
	int r = add_entry(&worker->engine->directory, entry, tree);

	if (r != 0 && worker->effects != NULL)
		worker->effects->count = before; /* nothing came of it, and nobody has seen it */
	return r;
}

/* Under the lock: leads an existing name to another tree, in one instant. */
static void
swap_tree(struct directory_entry *entry, struct tree *tree)
{
	struct tree *before = atomic_load_explicit(&entry->tree, memory_order_relaxed); /* written under the lock */

	tree->entry = entry;
	atomic_store_explicit(&before->retired, true, memory_order_release); /* G3 */
	atomic_store_explicit(&entry->tree, tree, memory_order_release);     /* D1 */
	tree_retire(before);
}

static void
changed(struct directory *directory)
{
	atomic_fetch_add_explicit(&directory->version, 1, memory_order_release);
}

/* Publishes tree under a name, which exists or not, at *restored in the order of names and unlogged, or (NULL) as what
 * happens now. Takes tree, on failure too. */
static int
publish(struct engine_worker *worker, struct tree *tree, const char *name, size_t bytes, const uint64_t *restored)
{
	struct directory *directory = &worker->engine->directory;
	struct directory_entry *mine = entry_create(name, bytes);
	int r = mine == NULL ? -ENOMEM : 0;

	if (r == 0) {
		lock_take(&directory->lock);
		struct directory_entry *entry = entry_find(directory, name, bytes);

		if (entry != NULL) {
			struct tree *before = atomic_load_explicit(&entry->tree, memory_order_relaxed);

			if (restored == NULL)
				log_create(worker, tree, entry, before->id);
			else
				entry->order = *restored;
			swap_tree(entry, tree);
		} else if (restored == NULL) {
			r = create_entry(worker, mine, tree);
		} else {
			mine->order = *restored;
			r = add_entry(directory, mine, tree);
		}
		if (r == 0)
			changed(directory);
		if (r == 0 && entry == NULL)
			mine = NULL;
		lock_release(&directory->lock);
	}
	mem_free(mine);
	if (r != 0)
		tree_destroy(tree);
	return r;
}

int
tree_load_publish(struct engine_worker *worker, struct tree *tree, const char *name, size_t bytes)
{
	int r = operation_reserve(worker, 0, 1);

	if (r != 0) {
		tree_destroy(tree);
		return r;
	}
	return publish(worker, tree, name, bytes, NULL);
}

int
tree_load_restore(struct engine_worker *worker, struct tree *tree, const char *name, size_t bytes, uint64_t order)
{
	return publish(worker, tree, name, bytes, &order);
}

int
tree_create(struct engine_worker *worker, const char *name, size_t bytes, struct tree **ret_tree)
{
	struct directory *directory = &worker->engine->directory;
	struct tree *found = tree_find(worker, name, bytes);

	assert(bytes <= TREE_NAME_BYTES_MAX);
	if (found != NULL) {
		*ret_tree = found;
		return ENGINE_EXISTS;
	}
	int r = operation_reserve(worker, 0, 1);

	if (r != 0)
		return r;
	struct tree *tree = tree_make(worker->engine, 0, 1);
	struct directory_entry *entry = entry_create(name, bytes);

	r = tree == NULL || entry == NULL ? -ENOMEM : 0;
	if (r == 0) {
		lock_take(&directory->lock);
		found = tree_find(worker, name, bytes);
		if (found != NULL) {
			r = ENGINE_EXISTS;
		} else {
			tree->id = atomic_fetch_add_explicit(&worker->engine->tree_id_next, 1, memory_order_relaxed);
			r = create_entry(worker, entry, tree);
			if (r == 0)
				changed(directory);
		}
		lock_release(&directory->lock);
	}
	if (r == 0) {
		*ret_tree = tree;
		return 0;
	}
	mem_free(entry);
	tree_destroy(tree);
	if (r == ENGINE_EXISTS)
		*ret_tree = found;
	return r;
}

int
tree_drop(struct engine_worker *worker, const char *name, size_t bytes)
{
	struct directory *directory = &worker->engine->directory;
	int r = operation_reserve(worker, 0, 1);

	if (r != 0)
		return r;
	lock_take(&directory->lock);
	struct directory_entry *entry = entry_find(directory, name, bytes);

	if (entry == NULL) {
		lock_release(&directory->lock);
		return ENGINE_MISSING;
	}
	struct tree *tree = atomic_load_explicit(&entry->tree, memory_order_relaxed); /* written under the lock */

	log_drop(worker, tree);
	atomic_store_explicit(&tree->retired, true, memory_order_release); /* G3 */
	atomic_store_explicit(&entry->tree, NULL,
	                      memory_order_release); /* D1: who still finds the entry finds no tree */
	(void)ck_hs_remove(&directory->hs, entry_hash(&entry->name, 0), &entry->name);
	directory->count--;
	changed(directory);
	tree_retire(tree);
	epoch_retire(&entry->retired_node, destroy_entry, sizeof(*entry) + bytes);
	lock_release(&directory->lock);
	return 0;
}

int
tree_reset(struct engine_worker *worker, const char *name, size_t bytes)
{
	struct engine *engine = worker->engine;

	if (tree_find(worker, name, bytes) == NULL)
		return ENGINE_MISSING;
	int r = operation_reserve(worker, 0, 1);
	struct tree *tree = r == 0 ? tree_make(engine, 0, 1) : NULL;

	if (tree == NULL)
		return r != 0 ? r : -ENOMEM;
	lock_take(&engine->directory.lock);
	struct directory_entry *entry = entry_find(&engine->directory, name, bytes);

	if (entry != NULL) {
		struct tree *before = atomic_load_explicit(&entry->tree, memory_order_relaxed);

		tree->id = atomic_fetch_add_explicit(&engine->tree_id_next, 1, memory_order_relaxed);
		log_create(worker, tree, entry, before->id);
		swap_tree(entry, tree);
		changed(&engine->directory);
	}
	lock_release(&engine->directory.lock);
	if (entry != NULL)
		return 0;
	tree_destroy(tree);
	return ENGINE_MISSING;
}

uint64_t
engine_directory_version(const struct engine *engine)
{
	return atomic_load_explicit(&engine->directory.version, memory_order_acquire);
}
