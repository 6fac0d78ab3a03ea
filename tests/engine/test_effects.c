/* What stands in an effect buffer: one tag per operation, creations with name and place, listings, and room in time. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "karma/engine.h"
#include "base/limits.h"

enum { TODAY = 20261123, EFFECTS = 4096 };

static struct {
	struct engine *engine;
	struct engine_worker *worker;
	struct effect effects[EFFECTS];
	struct effect_buffer buffer;
	struct tree *tree;
} f;

static void
next_epoch(void)
{
	engine_log_epoch_store(f.engine, engine_log_epoch(f.engine) + 1);
}

static int
setup(void **state)
{
	(void)state;
	f.buffer = (struct effect_buffer){ .effects = f.effects, .capacity = EFFECTS };
	assert_int_equal(engine_create(100, TODAY, &f.engine), 0);
	assert_int_equal(engine_worker_create(f.engine, &f.worker), 0);
	engine_worker_effects(f.worker, &f.buffer);
	engine_batch_begin(f.worker);
	assert_int_equal(tree_create(f.worker, "articles", 8, &f.tree), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	engine_batch_end(f.worker);
	engine_destroy(f.engine);
	return 0;
}

static void
all_have_the_tag(uint64_t tag)
{
	for (uint32_t i = 0; i < f.buffer.count; i++)
		assert_int_equal(f.effects[i].tag, tag);
}

static uint32_t
count_of(uint32_t kind)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < f.buffer.count; i++)
		count += f.effects[i].kind == kind;
	return count;
}

static void
create_and_add_share_a_tag(void **state)
{
	uint64_t tag = engine_log_epoch(f.engine);

	(void)state;
	next_epoch();
	assert_int_equal(tree_add(f.worker, f.tree, 1, TODAY, 5), 0);
	assert_int_equal(f.buffer.count, 4);
	all_have_the_tag(tag);
	/* A total directly followed by its day, for who puts both into one record. */
	assert_int_equal(f.effects[1].kind, EFFECT_TOTAL);
	assert_int_equal(f.effects[2].kind, EFFECT_DAY);
	assert_int_equal(f.effects[3].kind, EFFECT_LISTED);
	f.buffer.count = 0;
	assert_int_equal(tree_add(f.worker, f.tree, 1, TODAY, 5), 0);
	assert_int_equal(f.buffer.count, 2);
	all_have_the_tag(tag + 1);
}

static void
who_decides_takes_the_present_tag(void **state)
{
	struct acquire_item item = { .tree = f.tree, .key = 1, .amount = 5, .limit = 10, .to = UINT64_MAX };
	uint64_t tag = engine_log_epoch(f.engine), taken;
	size_t refused;

	(void)state;
	next_epoch();
	assert_int_equal(tree_acquire(f.worker, &item, 1, &refused), 0);
	next_epoch();
	assert_int_equal(tree_set(f.worker, f.tree, 2, TODAY, 5), 0);
	next_epoch();
	assert_int_equal(tree_subtract(f.worker, f.tree, 2, TODAY, 1, &taken), 0);
	assert_int_equal(f.buffer.count, 1 + 3 + 3 + 2);
	for (uint32_t i = 0; i < f.buffer.count; i++)
		assert_int_equal(f.effects[i].tag, tag + (i < 1 ? 0 : i < 4 ? 1 : i < 7 ? 2 : 3));
	assert_int_equal(count_of(EFFECT_LISTED), 2);
}

static void
no_tag_older_than_the_tree_or_a_removal_in_it(void **state)
{
	struct tree *other;
	uint64_t tag = engine_log_epoch(f.engine), taken;

	(void)state;
	f.buffer.count = 0;
	assert_int_equal(tree_add(f.worker, f.tree, 1, TODAY, 5), 0);
	next_epoch();
	assert_int_equal(tree_create(f.worker, "other", 5, &other), 0);
	f.buffer.count--; /* as if another worker had made it */
	assert_int_equal(tree_add(f.worker, other, 1, TODAY, 5), 0);
	assert_int_equal(f.buffer.count, 6);
	assert_int_equal(f.effects[2].tag, tag);
	assert_int_equal(f.effects[3].tag, tag + 1);

	f.buffer.count = 0;
	assert_int_equal(tree_subtract(f.worker, f.tree, 1, TODAY, 5, &taken), 0);
	next_epoch();
	assert_int_equal(tree_compact(f.worker, f.tree, true), 1);
	assert_int_equal(f.effects[2].kind, EFFECT_UNLISTED);
	assert_int_equal(f.effects[2].tag, tag + 2);
	f.buffer.count--;
	assert_int_equal(f.effects[1].tag, tag + 1);
	assert_int_equal(tree_add(f.worker, f.tree, 1, TODAY, 5), 0);
	assert_int_equal(f.effects[4].kind, EFFECT_LISTED);
	assert_int_equal(f.effects[4].tag, tag + 2);
}

static void
listings_come_in_sequence(void **state)
{
	uint64_t last = 0, taken;

	(void)state;
	f.buffer.count = 0;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(tree_add(f.worker, f.tree, 1, TODAY, 5), 0);
		assert_int_equal(tree_subtract(f.worker, f.tree, 1, TODAY, 5, &taken), 0);
		assert_int_equal(tree_compact(f.worker, f.tree, true), 1);
	}
	assert_int_equal(count_of(EFFECT_LISTED), 5);
	assert_int_equal(count_of(EFFECT_UNLISTED), 5);
	for (uint32_t i = 0, listed = 0; i < f.buffer.count; i++) {
		if (f.effects[i].kind != EFFECT_LISTED && f.effects[i].kind != EFFECT_UNLISTED)
			continue;
		assert_int_equal(f.effects[i].kind, listed++ % 2 == 0 ? EFFECT_LISTED : EFFECT_UNLISTED);
		assert_true(f.effects[i].delta > last);
		last = f.effects[i].delta;
	}
}

static void
what_was_refused_lists_nothing(void **state)
{
	struct acquire_item item = { .tree = f.tree, .key = 1, .amount = 5, .limit = 4, .to = UINT64_MAX };
	size_t refused;

	(void)state;
	f.buffer.count = 0;
	assert_int_equal(tree_acquire(f.worker, &item, 1, &refused), ENGINE_REFUSED);
	assert_int_equal(tree_compact(f.worker, f.tree, true), 1);
	assert_int_equal(f.buffer.count, 0);
}

static void
a_key_stays_while_its_removal_finds_no_room(void **state)
{
	uint64_t taken;

	(void)state;
	for (uint64_t key = 0; key < 3; key++) {
		assert_int_equal(tree_add(f.worker, f.tree, key, TODAY, 5), 0);
		assert_int_equal(tree_subtract(f.worker, f.tree, key, TODAY, 5, &taken), 0);
	}
	f.buffer.count = 0;
	f.buffer.capacity = 2;
	assert_int_equal(tree_compact(f.worker, f.tree, true), 2);
	assert_int_equal(tree_compact(f.worker, f.tree, true), 0);
	f.buffer.count = 0;
	assert_int_equal(tree_compact(f.worker, f.tree, true), 1);
	assert_int_equal(f.buffer.count, 1);
}

/* ---- trees -------------------------------------------------------------------------------------------------------------- */

static void
is_creation(const struct effect *effect, struct tree *tree, const char *name, uint64_t order, uint64_t replaced)
{
	assert_int_equal(effect->kind, EFFECT_CREATE);
	assert_int_equal(effect->tree_id, tree_id(tree));
	assert_int_equal(effect->order, order);
	assert_int_equal(effect->order, tree_order(tree));
	assert_int_equal(effect->key, replaced);
	assert_int_equal(effect->name_bytes, strlen(name));
	assert_memory_equal(effect->name, name, strlen(name));
}

static void
creations_tell_name_and_order(void **state)
{
	struct tree *second, *loaded, *reset;
	uint64_t id = tree_id(f.tree), order = tree_order(f.tree);

	(void)state;
	assert_int_equal(tree_create(f.worker, "", 0, &second), 0);
	is_creation(&f.effects[0], f.tree, "articles", order, 0);
	is_creation(&f.effects[1], second, "", order + 1, 0);
	assert_int_equal(tree_create(f.worker, "", 0, &second), ENGINE_EXISTS);
	assert_int_equal(f.buffer.count, 2);

	next_epoch();
	assert_int_equal(tree_reset(f.worker, "articles", 8), 0);
	reset = tree_find(f.worker, "articles", 8);
	is_creation(&f.effects[2], reset, "articles", order, id);
	assert_int_equal(f.effects[2].tag, engine_log_epoch(f.engine));

	assert_int_equal(tree_load_begin(f.engine, 0, 1, &loaded), 0);
	assert_int_equal(tree_load_publish(f.worker, loaded, "articles", 8), 0);
	is_creation(&f.effects[3], loaded, "articles", order, tree_id(reset));
	assert_int_equal(tree_load_begin(f.engine, 0, 1, &loaded), 0);
	assert_int_equal(tree_load_publish(f.worker, loaded, "third", 5), 0);
	is_creation(&f.effects[4], loaded, "third", order + 2, 0);

	assert_int_equal(tree_drop(f.worker, "", 0), 0);
	assert_int_equal(f.buffer.count, 6);
	assert_int_equal(f.effects[5].kind, EFFECT_DROP);
	assert_int_equal(f.effects[5].tree_id, tree_id(second));
}

/* ---- the steps of a whole-tree delete ------------------------------------------------------------------------------------- */

struct steps {
	unsigned begins, ends, begins_max;
	uint32_t drained;
};

static int
begin(void *context)
{
	struct steps *steps = context;

	if (steps->begins == steps->begins_max)
		return -EIO;
	assert_int_equal(f.buffer.count, 0);
	assert_int_equal(steps->begins, steps->ends);
	steps->begins++;
	engine_batch_begin(f.worker); /* would fail inside a section */
	engine_batch_end(f.worker);
	return 0;
}

static void
end(void *context)
{
	struct steps *steps = context;

	steps->ends++;
	steps->drained += f.buffer.count;
	f.buffer.count = 0;
	assert_non_null(tree_find(f.worker, "articles", 8)); /* would fail outside a section */
}

static int
delete_all(struct steps *steps, uint32_t capacity)
{
	struct section_steps section_steps = { .begin = begin, .end = end, .context = steps };

	engine_batch_end(f.worker);
	f.buffer.capacity = capacity;
	int r = tree_delete_range_all(f.worker, "articles", 8, 0, UINT64_MAX, &section_steps);

	f.buffer.capacity = EFFECTS;
	engine_batch_begin(f.worker);
	assert_int_equal(steps->begins, steps->ends);
	assert_int_equal(f.buffer.count, 0);
	return r;
}

static void
fill(uint64_t keys, uint32_t days)
{
	for (uint64_t key = 0; key < keys; key++) {
		for (uint32_t i = 0; i < days; i++) {
			f.buffer.count = 0;
			assert_int_equal(tree_add(f.worker, f.tree, key, TODAY - i, 5), 0);
		}
	}
	f.buffer.count = 0;
}

static uint64_t
sum_of_all(uint64_t keys)
{
	uint64_t sum = 0;

	for (uint64_t key = 0; key < keys; key++)
		sum += tree_total(f.tree, key);
	return sum;
}

static void
deletes_in_sections_of_keys(void **state)
{
	struct steps steps = { .begins_max = UINT32_MAX };

	(void)state;
	fill(600, 2);
	assert_int_equal(delete_all(&steps, EFFECTS), 0);
	assert_int_equal(steps.begins, 3);
	assert_int_equal(steps.drained, 600 * 3);
	assert_int_equal(sum_of_all(600), 0);
}

static void
deletes_in_sections_that_find_room(void **state)
{
	struct steps steps = { .begins_max = UINT32_MAX };

	(void)state;
	fill(600, 2);
	/* Room is asked for before it is known how much will be used, so the last key of a section finds none. */
	assert_int_equal(delete_all(&steps, 50), 0);
	assert_true(steps.begins > 600 * 3 / 50);
	assert_true(steps.begins < 600 * 3 / 40);
	assert_int_equal(steps.drained, 600 * 3);
	assert_int_equal(sum_of_all(600), 0);
}

static void
ends_at_a_key_that_never_finds_room(void **state)
{
	struct steps steps = { .begins_max = UINT32_MAX };
	uint64_t sum;

	(void)state;
	fill(20, 2);
	for (uint32_t i = 0; i < 100; i++) {
		f.buffer.count = 0;
		assert_int_equal(tree_add(f.worker, f.tree, 7, TODAY - 10 - i, 5), 0);
	}
	f.buffer.count = 0;
	sum = sum_of_all(20);
	assert_int_equal(delete_all(&steps, 50), -EAGAIN);
	assert_true(tree_total(f.tree, 7) == 510 && sum_of_all(20) <= sum);
	assert_int_equal(delete_all(&steps, EFFECTS), 0);
	assert_int_equal(sum_of_all(20), 0);
}

static void
ends_when_a_step_says_so(void **state)
{
	struct steps steps = { .begins_max = 2 };

	(void)state;
	fill(600, 1);
	assert_int_equal(delete_all(&steps, EFFECTS), -EIO);
	assert_int_equal(steps.drained, 2 * 256 * 2);
	assert_int_equal(sum_of_all(600), (600 - 512) * 5);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(create_and_add_share_a_tag),
		CASE(who_decides_takes_the_present_tag),
		CASE(no_tag_older_than_the_tree_or_a_removal_in_it),
		CASE(listings_come_in_sequence),
		CASE(what_was_refused_lists_nothing),
		CASE(a_key_stays_while_its_removal_finds_no_room),
		CASE(creations_tell_name_and_order),
		CASE(deletes_in_sections_of_keys),
		CASE(deletes_in_sections_that_find_room),
		CASE(ends_at_a_key_that_never_finds_room),
		CASE(ends_when_a_step_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
