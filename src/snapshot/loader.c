#include "snapshot/loader.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/belt.h"
#include "base/memory.h"

/* Four of these circulate, half a megabyte that stays in the caches. */
enum { BATCH_KEYS = 2048, BATCH_DAYS = 4096 };

struct batch {
	struct load_key keys[BATCH_KEYS];
	struct cut_day days[BATCH_DAYS];
};

struct loader {
	struct tree *tree;
	struct belt *belt;
	struct batch *batch; /* being filled; NULL: none is */
	size_t key_count;
	size_t day_count;
};

static int
insert(void *context, void *data, size_t count)
{
	const struct batch *batch = data;
	int r = tree_load_keys(context, batch->keys, count);

	assert(r != ENGINE_INVALID); /* loader_key() has looked */
	return r;
}

int
loader_create(struct tree *tree, struct loader **ret_loader)
{
	struct loader *loader = mem_alloc_zeroed(sizeof(*loader));
	int r = loader == NULL ? -ENOMEM : belt_create(sizeof(struct batch), insert, tree, "restore", &loader->belt);

	if (r != 0) {
		mem_free(loader);
		return r;
	}
	loader->tree = tree;
	*ret_loader = loader;
	return 0;
}

static void
batch_begin(struct loader *loader)
{
	loader->batch = belt_batch(loader->belt);
	loader->key_count = 0;
	loader->day_count = 0;
}

/* A key with more days than a batch holds: nothing else is under way meanwhile. */
static int
load_large(struct loader *loader, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count)
{
	int r = belt_settle(loader->belt, loader->key_count);

	loader->key_count = 0;
	loader->batch = NULL;
	return r != 0 ? r : tree_load_key(loader->tree, key, total, days, day_count);
}

int
loader_key(void *context, uint64_t key, uint64_t total, const struct cut_day *days, size_t day_count)
{
	struct loader *loader = context;
	int r = 0;

	if (!tree_load_accepts(total, days, day_count))
		return ENGINE_INVALID;
	if (day_count > BATCH_DAYS)
		return load_large(loader, key, total, days, day_count);
	if (loader->batch != NULL && (loader->key_count == BATCH_KEYS || day_count > BATCH_DAYS - loader->day_count)) {
		r = belt_push(loader->belt, loader->key_count);
		loader->batch = NULL;
	}
	if (loader->batch == NULL)
		batch_begin(loader);
	struct cut_day *to = loader->batch->days + loader->day_count;

	if (day_count > 0)
		memcpy(to, days, day_count * sizeof(*to));
	loader->batch->keys[loader->key_count++] =
	    (struct load_key){ .key = key, .total = total, .days = to, .day_count = day_count };
	loader->day_count += day_count;
	return r;
}

int
loader_finish(struct loader *loader)
{
	int r = belt_settle(loader->belt, loader->key_count);

	belt_destroy(loader->belt);
	mem_free(loader);
	return r;
}
