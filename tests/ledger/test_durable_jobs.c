/* A request of the maintenance thread is there with its idempotency record, which stands behind its effects, or is done again. */
#include "ledger/database.h"

#include "ledger/codec.h"

/* Deletes the days of "t" before today, as an idempotent request: the record comes behind the effects. */
struct deletion {
	struct database *database;
	struct ledger_record *claim;
	struct ledger_use use;
	uint64_t hold;
};

static const uint8_t fingerprint[FINGERPRINT_BYTES] = { 4, 5 };

static size_t
say_use(void *context, uint8_t *body)
{
	struct deletion *deletion = context;

	deletion->use.sequence = ledger_sequence_next(deletion->database->ledger);
	return ledger_use_encode("delete", 6, &deletion->use, body);
}

static void
said_use(void *context, uint64_t tag)
{
	struct deletion *deletion = context;

	deletion->use.tag = tag;
	ledger_finish(deletion->database->ledger, deletion->claim, &deletion->use);
}

static void
run_deletion(void *context)
{
	struct deletion *deletion = context;
	struct store *store = deletion->database->kit->store;
	struct store_ledger_step step = { .say = say_use, .said = said_use, .context = deletion };

	assert_int_equal(store_delete_range(store, "t", 1, 0, KIT_TODAY - 1, &deletion->hold, NULL), 0);
	assert_int_equal(store_log_ledger(store, &step, &deletion->hold, NULL), 0);
}

static int
claim_deletion(struct database *database, struct ledger_record **claim, struct ledger_use *use)
{
	engine_batch_begin(database->kit->worker);
	int outcome = ledger_claim(database->ledger, "delete", 6, fingerprint, NULL, claim, use);

	engine_batch_end(database->kit->worker);
	return outcome;
}

static void
a_claim_goes_to_another_thread(void **state)
{
	struct database database = { .kit = *state, .options = { .records_max = 1000 } };
	struct deletion deletion = {
		.database = &database,
		.use = { fingerprint, LEDGER_DELETE, "true", 4, 1000, 0, 0 },
	};
	struct ledger_use found;

	assert_int_equal(database_open(&database), 0);
	kit_add_day(database.kit, "t", 1, KIT_TODAY - 1, 3);
	kit_add(database.kit, "t", 1, 4);
	assert_int_equal(claim_deletion(&database, &deletion.claim, &found), LEDGER_CLAIMED);
	assert_int_equal(claim_deletion(&database, &deletion.claim, &found), LEDGER_PARKED);
	kit_maintain(database.kit, run_deletion, &deletion);
	assert_true(deletion.hold >= deletion.use.tag && deletion.use.tag > 0);
	kit_sync(database.kit);
	/* What comes back later is not deleted again by a repeat. */
	kit_add_day(database.kit, "t", 1, KIT_TODAY - 1, 1);
	database_crash(&database);
	assert_int_equal(database_open(&database), 0);
	assert_int_equal(claim_deletion(&database, &deletion.claim, &found), LEDGER_REPLAY);
	assert_int_equal(kit_total(database.kit, "t", 1), 5);
	database_close(&database);
}

static size_t
say_nothing(void *context, uint8_t *body)
{
	(void)context;
	(void)body;
	return 0;
}

static void
run_nothing(void *context)
{
	struct store_ledger_step step = { .say = say_nothing };
	struct deletion *deletion = context;

	assert_int_equal(store_log_ledger(deletion->database->kit->store, &step, &deletion->hold, NULL), 0);
}

static void
nothing_to_say(void **state)
{
	struct database database = { .kit = *state, .options = { .records_max = 1000 } };
	struct deletion deletion = { .database = &database };

	assert_int_equal(database_open(&database), 0);
	kit_maintain(database.kit, run_nothing, &deletion);
	assert_true(deletion.hold > 0); /* it may tell of what others did */
	database_crash(&database);
	database.kit->options.wal = false;
	assert_int_equal(database_open(&database), 0);
	kit_maintain(database.kit, run_nothing, &deletion);
	assert_int_equal(deletion.hold, 0);
	database_close(&database);
}

#define kit_test(test) cmocka_unit_test_setup_teardown(test, kit_setup_log, kit_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(a_claim_goes_to_another_thread),
		kit_test(nothing_to_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
