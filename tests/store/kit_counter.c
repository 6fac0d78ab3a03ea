/* The counters and trees of a kit: what changes them is one request, as a worker makes it. */
#include <stdio.h>
#include <string.h>

#include "karma/engine.h"
#include "store/kit.h"

static void
request_begin(struct kit *kit)
{
	effect_log_room(&kit->effects);
	engine_batch_begin(kit->worker);
}

static void
request_end(struct kit *kit)
{
	(void)effect_log_append(&kit->effects);
	engine_batch_end(kit->worker);
	if (kit->effects.writer != NULL)
		wal_writer_flush(kit->effects.writer);
	kit_sync(kit);
}

void
kit_sync(struct kit *kit)
{
	struct wal *wal = store_wal(kit->store);

	if (wal != NULL && wal_state(wal) != WAL_FAILED)
		assert_int_equal(wal_sync(wal, engine_log_epoch(kit->engine)), 0);
}

void
kit_add_day(struct kit *kit, const char *tree, uint64_t key, uint32_t day, uint64_t amount)
{
	struct tree *found = NULL;

	request_begin(kit);
	assert_true(tree_create(kit->worker, tree, strlen(tree), &found) >= 0);
	assert_int_equal(tree_add(kit->worker, found, key, day, amount), 0);
	request_end(kit);
}

void
kit_add(struct kit *kit, const char *tree, uint64_t key, uint64_t amount)
{
	kit_add_day(kit, tree, key, KIT_TODAY, amount);
}

static struct tree *
find(struct kit *kit, const char *tree)
{
	struct tree *found = tree_find(kit->worker, tree, strlen(tree));

	assert_non_null(found);
	return found;
}

void
kit_subtract(struct kit *kit, const char *tree, uint64_t key, uint64_t amount)
{
	uint64_t taken;

	request_begin(kit);
	assert_int_equal(tree_subtract(kit->worker, find(kit, tree), key, KIT_TODAY, amount, &taken), 0);
	request_end(kit);
	assert_int_equal(taken, amount);
}

void
kit_decrement(struct kit *kit, const char *tree, uint64_t key)
{
	request_begin(kit);
	assert_int_equal(tree_decrement(kit->worker, find(kit, tree), key), 0);
	request_end(kit);
}

void
kit_reset_key(struct kit *kit, const char *tree, uint64_t key)
{
	request_begin(kit);
	assert_int_equal(tree_reset_key(kit->worker, find(kit, tree), key), 0);
	request_end(kit);
}

void
kit_drop(struct kit *kit, const char *tree)
{
	request_begin(kit);
	assert_int_equal(tree_drop(kit->worker, tree, strlen(tree)), 0);
	request_end(kit);
}

void
kit_reset(struct kit *kit, const char *tree)
{
	request_begin(kit);
	assert_int_equal(tree_reset(kit->worker, tree, strlen(tree)), 0);
	request_end(kit);
}

uint64_t
kit_total(struct kit *kit, const char *tree, uint64_t key)
{
	engine_batch_begin(kit->worker);
	struct tree *found = tree_find(kit->worker, tree, strlen(tree));
	uint64_t total = found != NULL ? tree_total(found, key) : UINT64_MAX;

	engine_batch_end(kit->worker);
	return total;
}

struct names {
	size_t used;
	size_t count;
	char text[1024];
};

static int
add_name(void *context, struct tree *tree, const char *name, size_t bytes)
{
	struct names *names = context;

	(void)tree;
	names->used += (size_t)snprintf(names->text + names->used, sizeof(names->text) - names->used, "%s%.*s",
	                                names->count++ > 0 ? "," : "", (int)bytes, name);
	return 0;
}

const char *
kit_trees(struct kit *kit)
{
	static struct names names;

	names = (struct names){ 0 };
	engine_scan_begin(kit->engine);
	(void)engine_scan_names(kit->engine, add_name, &names);
	engine_scan_end(kit->engine);
	return names.text;
}

static int
count_key(void *context, uint64_t key, struct key_record *record)
{
	(void)key;
	(void)record;
	++*(uint64_t *)context;
	return 0;
}

uint64_t
kit_key_count(struct kit *kit, const char *tree)
{
	uint64_t count = 0;

	engine_scan_begin(kit->engine);
	struct tree *found = engine_scan_tree(kit->engine, tree, strlen(tree));

	if (found != NULL)
		(void)tree_scan_keys(found, count_key, &count);
	engine_scan_end(kit->engine);
	return found != NULL ? count : UINT64_MAX;
}
