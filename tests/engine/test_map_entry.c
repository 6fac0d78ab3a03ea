/* Keys that their tags cannot tell apart are told apart all the same; what a tag says of a hash survives growing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "engine/map_entry.h"
#include "engine/partition.h"
#include "epoch/epoch.h"

enum { TAG_BITS = 22, ALIKE = 60, KEYS = 200000 };

/* x ^ x >> bits, backwards. */
static uint64_t
unfold(uint64_t y, unsigned bits)
{
	uint64_t x = y;

	for (unsigned known = bits; known < 64; known += bits)
		x = y ^ (x >> bits);
	return x;
}

/* The inverse of an odd number modulo 2^64, by Newton's iteration. */
static uint64_t
inverse(uint64_t odd)
{
	uint64_t x = odd;

	for (int i = 0; i < 5; i++)
		x *= 2 - odd * x;
	return x;
}

static uint64_t
key_of_hash(uint64_t hash)
{
	uint64_t key = unfold(hash, 31) * inverse(UINT64_C(0x94d049bb133111eb));

	key = unfold(key, 27) * inverse(UINT64_C(0xbf58476d1ce4e5b9));
	key = (unfold(key, 30) - UINT64_C(0x9e3779b97f4a7c15)) ^ key_hash_secret;
	assert_int_equal(key_hash(key), hash);
	return key;
}

/* One partition, one tag. */
static uint64_t
key_alike(uint64_t i)
{
	return key_of_hash((i << TAG_BITS) | 0x155555);
}

static void
tag_is_in_the_entry(void **state)
{
	static alignas(64) struct key_record record;
	uint64_t hashes[] = { 0, 1, 63, 64, 0x3fffff, 0x400000, 0x123456789abcdef0, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(hashes) / sizeof(*hashes); i++) {
		uint64_t tag = entry_tag(hashes[i]);
		const void *entry = entry_make(&record, tag);

		assert_ptr_equal(entry_record(entry), &record);
		assert_true(entry_has_tag(entry, tag));
		for (unsigned bit = 0; bit < TAG_BITS; bit++)
			assert_false(entry_has_tag(entry, entry_tag(hashes[i] ^ (UINT64_C(1) << bit))));
		assert_int_equal(entry_tag(hashes[i] + (UINT64_C(1) << TAG_BITS)), tag);
	}
}

/* So that maps up to 4 M slots are filled evenly. */
static void
hashes_differ_where_tags_do(void **state)
{
	unsigned char *seen = calloc(1, UINT64_C(1) << TAG_BITS);

	(void)state;
	assert_non_null(seen);
	for (uint64_t hash = 0; hash < UINT64_C(1) << TAG_BITS; hash++) {
		uint64_t low = entry_tag_hash(entry_tag(hash)) & ((UINT64_C(1) << TAG_BITS) - 1);

		assert_int_equal(seen[low]++, 0);
	}
	free(seen);
}

static void
alike_keys_are_distinct(void **state)
{
	static struct partition_table table;
	struct key_record *records[ALIKE];
	uint64_t sequence;

	(void)state;
	for (uint64_t i = 0; i < ALIKE; i++) {
		assert_null(partition_find(&table, key_alike(i)));
		records[i] = partition_insert(&table, key_alike(i), 1, 0, &sequence);
		assert_non_null(records[i]);
		assert_int_not_equal(sequence, 0);
		assert_int_equal(records[i]->key, key_alike(i));
		assert_ptr_equal(partition_insert(&table, key_alike(i), 1, 0, &sequence), records[i]);
		assert_int_equal(sequence, 0);
	}
	struct partition *partition = partition_lock(&table, key_alike(ALIKE / 2));

	partition_remove(partition, records[ALIKE / 2]);
	partition_unlock(partition);
	for (uint64_t i = 0; i < ALIKE; i++)
		assert_ptr_equal(partition_find(&table, key_alike(i)), i == ALIKE / 2 ? NULL : records[i]);
	assert_int_equal(partition_table_count(&table), ALIKE - 1);
	mem_free(records[ALIKE / 2]);
	partition_table_deinit(&table);
}

/* Whoever knows the program, but not the secret, makes no chain. */
static void
chosen_keys_are_not_alike(void **state)
{
	uint64_t keys[ALIKE];
	unsigned alike = 0;

	(void)state;
	assert_int_equal(key_hash_secret, 0);
	for (uint64_t i = 0; i < ALIKE; i++)
		keys[i] = key_alike(i);
	key_hash_setup();
	assert_int_not_equal(key_hash_secret, 0);
	for (uint64_t i = 1; i < ALIKE; i++)
		alike += entry_tag(key_hash(keys[i])) == entry_tag(key_hash(keys[0]));
	assert_true(alike < 2);
}

static int
count_record(void *context, struct key_record *record)
{
	(void)record;
	++*(uint64_t *)context;
	return 0;
}

static void
found_after_growing(void **state)
{
	static struct partition_table table;
	uint64_t sequence, walked = 0;

	(void)state;
	for (uint64_t i = 0; i < KEYS; i++)
		assert_non_null(partition_insert(&table, i, 1, 0, &sequence));
	for (uint64_t i = 0; i < KEYS; i++)
		assert_int_equal(partition_find(&table, i)->key, i);
	for (uint64_t i = KEYS; i < 2 * (uint64_t)KEYS; i++)
		assert_null(partition_find(&table, i));
	assert_int_equal(partition_walk(&table, count_record, &walked), 0);
	assert_int_equal(walked, KEYS);
	partition_table_deinit(&table);
}

static int
forget_maps(void **state)
{
	(void)state;
	epoch_reclaim();
	epoch_reclaim();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tag_is_in_the_entry),
		cmocka_unit_test(hashes_differ_where_tags_do),
		cmocka_unit_test_teardown(alike_keys_are_distinct, forget_maps),
		cmocka_unit_test(chosen_keys_are_not_alike),
		cmocka_unit_test_teardown(found_after_growing, forget_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
