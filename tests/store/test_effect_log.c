/* Effects become groups: one per run of equal tags, a plain add one record, and never more than there is room for. */
#include "store/kit.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "wal/recover.h"

struct seen {
	size_t blocks;
	size_t count;
	struct wal_record records[64];
	char name[16];
};

static int
see_record(void *context, const struct wal_record *record)
{
	struct seen *seen = context;

	assert_true(seen->count < sizeof(seen->records) / sizeof(seen->records[0]));
	seen->records[seen->count++] = *record;
	if (record->kind == WAL_CREATE)
		(void)snprintf(seen->name, sizeof(seen->name), "%.*s", (int)record->name_bytes, record->name);
	return 0;
}

static int
see_block(void *context, const struct wal_block_header *block, const uint8_t *payload)
{
	struct seen *seen = context;

	seen->blocks++;
	return wal_payload_each(payload, block->payload_bytes, see_record, context);
}

/* All records of the first segment. */
static void
read_log(struct kit *kit, struct seen *seen)
{
	struct wal_device device = wal_device_directory(&kit->directory_fd);
	struct wal_segment_header header;
	struct wal_position end;
	int file = device.open(device.context, "karma-00000000000000000001.wal", false);

	assert_true(file >= 0);
	*seen = (struct seen){ 0 };
	assert_int_equal(wal_segment_read(&device, file, &header, see_block, seen, &end), 0);
	device.close(device.context, file);
}

static void
a_request_is_one_group(void **state)
{
	static const enum wal_kind kinds[] = { WAL_CREATE, WAL_LISTED, WAL_ADD, WAL_ADD, WAL_DAY, WAL_TOTAL, WAL_DROP };
	struct kit *kit = *state;
	struct seen seen;
	size_t groups = 0;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "ab", 7, 5); /* creates the tree, lists the key and adds */
	kit_add(kit, "ab", 7, 6);
	kit_subtract(kit, "ab", 7, 1);
	kit_drop(kit, "ab");
	read_log(kit, &seen);
	assert_string_equal(seen.name, "ab");
	assert_int_equal(seen.count, sizeof(kinds) / sizeof(kinds[0]));
	for (size_t i = 0; i < seen.count; i++) {
		const struct wal_record *record = &seen.records[i];
		bool swapped = i == 1 || i == 2; /* which of LISTED and ADD comes first is the engine's affair */

		if (!swapped)
			assert_int_equal(record->kind, kinds[i]);
		groups += record->last ? 1 : 0;
		if (record->kind == WAL_CREATE || record->kind == WAL_DROP)
			continue;
		assert_int_equal(record->key, 7);
		assert_int_equal(record->tree_id, seen.records[0].tree_id);
		if (record->kind == WAL_ADD)
			assert_int_equal(record->delta, i == 3 ? 6 : 5);
		if (record->kind == WAL_ADD || record->kind == WAL_DAY)
			assert_int_equal(record->day, KIT_TODAY);
	}
	assert_int_equal(groups, 4);
	assert_int_equal(seen.blocks, 4);
}

static void
another_tag_is_another_group(void **state)
{
	struct kit *kit = *state;
	struct seen seen;

	assert_int_equal(kit_open(kit), 0);
	effect_log_room(&kit->effects);
	engine_batch_begin(kit->worker);
	uint64_t epoch = engine_log_epoch(kit->engine);
	struct effect *effects = kit->effects.buffer.effects;

	(void)wal_writer_wait(kit->effects.writer, epoch);
	while (engine_log_epoch(kit->engine) == epoch)
		(void)sched_yield(); /* then the committer waits for this section to end */

	for (uint32_t i = 0; i < 4; i++)
		effects[i] = (struct effect){
			.tree_id = 5,
			.generation = 1,
			.tag = i < 2 ? epoch : epoch + 1,
			.key = i,
			.delta = i == 3 ? 2 : 1,
			.day = i % 2 == 1 ? KIT_TODAY : 0,
			.kind = i % 2 == 1 ? EFFECT_DAY : EFFECT_TOTAL,
		};
	effects[3].key = 2; /* the deltas differ: no plain add; nor are the first two, their keys differ */
	kit->effects.buffer.count = 4;
	assert_int_equal(effect_log_append(&kit->effects), epoch + 1);
	assert_int_equal(kit->effects.buffer.count, 0);
	engine_batch_end(kit->worker);
	kit_sync(kit);
	read_log(kit, &seen);
	assert_int_equal(seen.count, 4);
	assert_true(seen.records[1].last && seen.records[3].last);
	assert_false(seen.records[0].last || seen.records[2].last);
	assert_int_equal(effect_log_append(&kit->effects), 0);
}

/* What the ledger says of a request stands in its group, whether the request changed anything or not. */
static void
the_ledgers_record_is_in_the_group(void **state)
{
	static const uint8_t body[] = { 1, 2, 3 };
	struct kit *kit = *state;
	struct tree *tree = NULL;
	struct seen seen;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 7, 5);
	for (int round = 0; round < 2; round++) {
		assert_true(effect_log_room_for_ledger(&kit->effects, sizeof(body)));
		engine_batch_begin(kit->worker);
		tree = tree_find(kit->worker, "a", 1);
		if (round == 0)
			assert_int_equal(tree_add(kit->worker, tree, 7, KIT_TODAY, 6), 0);
		uint64_t epoch = engine_log_epoch(kit->engine);
		uint64_t tag = effect_log_append_ledger(&kit->effects, body, sizeof(body), epoch);

		assert_true(tag == epoch || tag + 1 == epoch);
		engine_batch_end(kit->worker);
		wal_writer_flush(kit->effects.writer);
		kit_sync(kit);
	}
	read_log(kit, &seen);
	assert_int_equal(seen.count, 6);
	assert_true(seen.records[2].last);
	assert_int_equal(seen.records[3].kind, WAL_ADD);
	assert_false(seen.records[3].last);
	for (size_t i = 4; i < 6; i++) {
		assert_int_equal(seen.records[i].kind, WAL_LEDGER);
		assert_int_equal(seen.records[i].name_bytes, sizeof(body));
		assert_true(seen.records[i].last);
	}
}

/* Room for its record is room that the effects do not get. */
static void
room_for_the_ledger(void **state)
{
	struct kit *kit = *state;
	uint8_t body[WAL_LEDGER_BODY_MAX] = { 0 };
	bool fits = true;

	assert_int_equal(kit_open(kit), 0);
	effect_log_room(&kit->effects);
	uint32_t without = kit->effects.buffer.capacity;

	engine_batch_begin(kit->worker); /* E cannot move past this section, so nothing is written */
	for (int i = 0; i < 10000 && fits; i++) {
		fits = effect_log_room_for_ledger(&kit->effects, sizeof(body));
		assert_true(kit->effects.buffer.capacity < without);
		without = kit->effects.buffer.capacity + 1;
		if (fits)
			(void)effect_log_append_ledger(&kit->effects, body, sizeof(body),
			                               engine_log_epoch(kit->engine));
	}
	assert_false(fits);
	assert_int_equal(kit->effects.buffer.capacity, 0);
	engine_batch_end(kit->worker);
	wal_writer_flush(kit->effects.writer);
	kit_sync(kit);
}

/* With a log that nobody commits: the room shrinks until a request is refused, having changed nothing. */
static void
room_is_looked_at_before(void **state)
{
	struct kit *kit = *state;
	uint32_t before = UINT32_MAX;
	uint64_t total = 0;
	struct tree *tree = NULL;
	int r = 0;

	assert_int_equal(kit_open(kit), 0);
	kit_add(kit, "a", 1, 1);
	assert_true(effect_log_is_empty(&kit->effects));
	engine_batch_begin(kit->worker); /* E cannot move past this section, so nothing is written */
	tree = tree_find(kit->worker, "a", 1);
	for (int i = 0; i < 100000 && r == 0; i++) {
		effect_log_room(&kit->effects);
		assert_true(kit->effects.buffer.capacity <= before);
		before = kit->effects.buffer.capacity;
		r = tree_add(kit->worker, tree, UINT64_MAX, DAY_MAX, UINT32_MAX);
		total += r == 0 ? UINT32_MAX : 0;
		(void)effect_log_append(&kit->effects);
	}
	assert_int_equal(r, -EAGAIN);
	assert_false(effect_log_is_empty(&kit->effects));
	assert_true(tree_total(tree, UINT64_MAX) == total);
	engine_batch_end(kit->worker);
	wal_writer_flush(kit->effects.writer);
	kit_sync(kit);
	assert_true(effect_log_is_empty(&kit->effects));
	kit_crash(kit);
	assert_int_equal(kit_open(kit), 0);
	assert_true(kit_total(kit, "a", UINT64_MAX) == total);
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup_log, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(a_request_is_one_group),   kit_test(another_tag_is_another_group),
		kit_test(room_is_looked_at_before), kit_test(the_ledgers_record_is_in_the_group),
		kit_test(room_for_the_ledger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
