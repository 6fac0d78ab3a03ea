#include "ledger/database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/codec.h"
#include "wal/wal.h"

static void
ledger_close(struct database *database)
{
	ledger_destroy(database->ledger);
	free(database->hooks);
	database->ledger = NULL;
	database->hooks = NULL;
}

int
database_open(struct database *database)
{
	struct kit *kit = database->kit;

	assert_int_equal(ledger_create(&database->options, &database->ledger), 0);
	database->hooks = malloc(sizeof(*database->hooks));
	assert_non_null(database->hooks);
	*database->hooks = ledger_durable(database->ledger);
	kit->options.ledger = database->hooks;
	if (kit_open(kit) == 0)
		return 0;
	ledger_close(database);
	return -1;
}

void
database_close(struct database *database)
{
	kit_close(database->kit);
	ledger_close(database);
}

void
database_crash(struct database *database)
{
	kit_crash(database->kit);
	ledger_close(database);
}

static void
fingerprint_of(uint64_t amount, uint8_t ret[FINGERPRINT_BYTES])
{
	struct fingerprint fingerprint;

	fingerprint_init(&fingerprint, LEDGER_INCREMENT);
	fingerprint_number(&fingerprint, "value", amount);
	fingerprint_final(&fingerprint, ret);
}

/* In the section: the effects and the record are one group, then the answer is there for others. */
static void
run(struct database *database, struct ledger_record *claim, const char *key, struct ledger_use *use, uint64_t amount)
{
	struct kit *kit = database->kit;
	uint8_t body[LEDGER_BODY_BYTES_MAX];
	struct tree *tree = NULL;

	assert_true(tree_create(kit->worker, "t", 1, &tree) >= 0);
	assert_int_equal(tree_add(kit->worker, tree, 1, KIT_TODAY, amount), 0);
	use->sequence = ledger_sequence_next(database->ledger);
	use->tag = effect_log_append_ledger(&kit->effects, body, ledger_use_encode(key, strlen(key), use, body),
	                                    engine_log_epoch(kit->engine));
	ledger_finish(database->ledger, claim, use);
}

bool
database_add_unsynced(struct database *database, const char *key, uint64_t amount)
{
	struct kit *kit = database->kit;
	struct ledger_record *claim;
	struct ledger_use found;
	uint8_t fingerprint[FINGERPRINT_BYTES];
	char response[32];
	size_t bytes = (size_t)snprintf(response, sizeof(response), "%lu", amount);

	fingerprint_of(amount, fingerprint);
	assert_true(effect_log_room_for_ledger(&kit->effects, LEDGER_BODY_BYTES_MAX));
	engine_batch_begin(kit->worker);
	int outcome = ledger_claim(database->ledger, key, strlen(key), fingerprint, NULL, &claim, &found);

	if (outcome == LEDGER_CLAIMED) {
		struct ledger_use use = { fingerprint, LEDGER_INCREMENT, response, bytes, 1000, 0, 0 };

		run(database, claim, key, &use, amount);
	} else {
		assert_int_equal(outcome, LEDGER_REPLAY);
		assert_int_equal(found.response_bytes, bytes);
		assert_memory_equal(found.response, response, bytes);
	}
	engine_batch_end(kit->worker);
	if (kit->effects.writer != NULL)
		wal_writer_flush(kit->effects.writer);
	return outcome == LEDGER_CLAIMED;
}

bool
database_add(struct database *database, const char *key, uint64_t amount)
{
	bool counted = database_add_unsynced(database, key, amount);

	kit_sync(database->kit);
	return counted;
}

uint64_t
database_prune(struct database *database, uint64_t before_unix)
{
	struct kit *kit = database->kit;
	uint8_t body[LEDGER_BODY_BYTES_MAX];
	struct ledger_range range;
	size_t ranges;
	uint64_t count = 0, removed;

	for (;;) {
		assert_true(effect_log_room_for_ledger(&kit->effects, LEDGER_BODY_BYTES_MAX));
		engine_batch_begin(kit->worker);
		removed = ledger_prune(database->ledger, before_unix, UINT64_MAX, &range, 1, &ranges);
		if (removed > 0)
			(void)effect_log_append_ledger(&kit->effects, body, ledger_removed_encode(&range, body),
			                               engine_log_epoch(kit->engine));
		engine_batch_end(kit->worker);
		if (removed == 0)
			break;
		count += removed;
	}
	wal_writer_flush(kit->effects.writer);
	kit_sync(kit);
	return count;
}

bool
database_knows(struct database *database, const char *key)
{
	static const uint8_t any[FINGERPRINT_BYTES];
	struct ledger_record *claim;
	struct ledger_use use;

	engine_batch_begin(database->kit->worker);
	int outcome = ledger_claim(database->ledger, key, strlen(key), any, NULL, &claim, &use);

	if (outcome == LEDGER_CLAIMED)
		ledger_cancel(database->ledger, claim);
	engine_batch_end(database->kit->worker);
	return outcome == LEDGER_CONFLICT || outcome == LEDGER_REPLAY;
}
