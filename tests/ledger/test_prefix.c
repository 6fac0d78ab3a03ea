/*
 * Wherever the log ends, each write is there with its idempotency record or not at all, and every answer that the prefix was
 * said to cover is true: the first ones, and the repeats, which tell of somebody else's write.
 *
 * Threads claim the same few keys at once, add 1 to a counter of the key's own, and log both as one group; or fail. Each notes
 * its answers with the log epoch that the reply would have been held for. Then the log is cut at random places.
 *
 * Arguments: seconds, cuts, threads, seed.
 */
#include "ledger/database.h"

#include "engine/harness.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/codec.h"
#include "wal/recover.h"

enum {
	THREADS_MAX = 16,
	ANSWERS_MAX = 1 << 18,
	KEYS_AT_ONCE = 8,
	REQUESTS_OF_A_KEY = 12,
	REQUESTS_OF_A_SECTION = 20,
	SEGMENT_BYTES = 4 << 20,
	HEADER_BYTES = 128
};

struct answer {
	uint32_t key;
	bool repeated;
	uint64_t hold;
};

struct worker {
	struct engine_worker *engine;
	struct effect_log log;
	uint64_t random;
	pthread_t thread;
	struct answer answers[ANSWERS_MAX];
	size_t answer_count;
};

static struct run run = { .seconds = 2, .cuts = 20, .threads = 4 };
static struct database database;
static struct worker *workers[THREADS_MAX];
static _Atomic uint64_t requests;
static _Atomic bool stop;

static void
no_wake(void *context)
{
	(void)context;
}

/* ---- what workers do ---- */

static void
note(struct worker *self, uint32_t key, bool repeated, uint64_t hold)
{
	self->answers[self->answer_count++] = (struct answer){ key, repeated, hold };
}

/* The first with its key. */
static void
count_once(struct worker *self, struct ledger_record *claim, uint32_t number, const char *key, struct ledger_use *use)
{
	uint8_t body[LEDGER_BODY_BYTES_MAX];
	struct tree *tree = tree_find(self->engine, "t", 1);

	if (random_below(&self->random, 4) == 0) {
		ledger_cancel(database.ledger, claim);
		return;
	}
	check(tree_add(self->engine, tree, number, KIT_TODAY, 1) == 0, "tree_add()");
	use->sequence = ledger_sequence_next(database.ledger);
	use->tag = effect_log_append_ledger(&self->log, body, ledger_use_encode(key, strlen(key), use, body),
	                                    engine_log_epoch(database.kit->engine));
	ledger_finish(database.ledger, claim, use);
	note(self, number, false, use->tag);
}

static void
request(struct worker *self)
{
	static const uint8_t fingerprint[FINGERPRINT_BYTES];
	uint64_t first = atomic_fetch_add_explicit(&requests, 1, memory_order_relaxed) / REQUESTS_OF_A_KEY;
	uint32_t number = (uint32_t)first + random_below(&self->random, KEYS_AT_ONCE);
	struct ledger_use use = { fingerprint, LEDGER_INCREMENT, "1", 1, 1000, 0, 0 }, found;
	struct ledger_record *claim;
	char key[24];

	(void)snprintf(key, sizeof(key), "%u", number);
	if (!effect_log_room_for_ledger(&self->log, LEDGER_BODY_BYTES_MAX) || self->log.buffer.capacity < 8)
		return;
	switch (ledger_claim(database.ledger, key, strlen(key), fingerprint, NULL, &claim, &found)) {
	case LEDGER_CLAIMED:
		count_once(self, claim, number, key, &use);
		break;
	case LEDGER_REPLAY:
		note(self, number, true, found.tag);
		break;
	case LEDGER_PARKED:
		break; /* it would come again */
	default:
		check(false, "ledger_claim()");
	}
}

static void *
worker_main(void *argument)
{
	struct worker *self = argument;

	while (!atomic_load_explicit(&stop, memory_order_relaxed) &&
	       self->answer_count < ANSWERS_MAX - REQUESTS_OF_A_SECTION) {
		engine_batch_begin(self->engine);
		for (int i = 0; i < REQUESTS_OF_A_SECTION; i++)
			request(self);
		engine_batch_end(self->engine);
		wal_writer_flush(self->log.writer);
		if (random_below(&self->random, 8) == 0)
			sleep_us(random_below(&self->random, 300));
	}
	return NULL;
}

static void
worker_start(uint32_t i)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	struct wal_writer *writer;

	assert_non_null(worker);
	workers[i] = worker;
	worker->random = random_seed(run.seed, i + 1);
	assert_int_equal(engine_worker_create(database.kit->engine, &worker->engine), 0);
	assert_int_equal(wal_writer_create(store_wal(database.kit->store), no_wake, NULL, &writer), 0);
	assert_int_equal(effect_log_init(&worker->log, writer, worker->engine), 0);
	assert_int_equal(pthread_create(&worker->thread, NULL, worker_main, worker), 0);
}

static void
worker_end(struct worker *worker)
{
	assert_int_equal(pthread_join(worker->thread, NULL), 0);
	engine_worker_destroy(worker->engine);
	effect_log_deinit(&worker->log);
}

/* ---- prefixes ---- */

/* What the answers say of an end at this epoch; counts those that did, and of them those that repeated another's. */
static void
check_answers(struct database *cut, uint64_t epoch, uint64_t *covered, uint64_t *repeated)
{
	for (uint32_t i = 0; i < run.threads; i++) {
		for (size_t k = 0; k < workers[i]->answer_count; k++) {
			const struct answer *answer = &workers[i]->answers[k];
			char key[24];

			if (answer->hold > epoch)
				continue;
			(void)snprintf(key, sizeof(key), "%u", answer->key);
			check(database_knows(cut, key), "epoch %lu: key %u was answered%s at %lu, and is not there",
			      epoch, answer->key, answer->repeated ? " again" : "", answer->hold);
			++*covered;
			*repeated += answer->repeated;
		}
	}
}

static void
check_keys(struct database *cut, uint64_t epoch, uint64_t *held)
{
	uint64_t end = requests / REQUESTS_OF_A_KEY + KEYS_AT_ONCE;

	for (uint64_t i = 0; i < end; i++) {
		char key[24];

		(void)snprintf(key, sizeof(key), "%lu", i);
		uint64_t wanted = database_knows(cut, key) ? 1 : 0, found = kit_total(cut->kit, "t", i);

		check(found == wanted || (found == UINT64_MAX && wanted == 0),
		      "epoch %lu: key %lu was counted %lu times, its records are %lu", epoch, i, found, wanted);
		*held += wanted;
	}
}

static void
check_cut(const uint8_t *bytes, size_t count, size_t at, const char *name)
{
	struct database cut = { .kit = kit_copy(database.kit), .options = database.options };
	struct wal_position end;
	uint8_t *part = calloc(1, count);
	uint64_t covered = 0, repeated = 0, held = 0;
	char last[256];

	assert_non_null(part);
	memcpy(part, bytes, at);
	kit_file_write(cut.kit, name, part, count);
	free(part);
	kit_last_segment(cut.kit, last, &end);
	if (database_open(&cut) < 0)
		fail_msg("%s", cut.kit->fault.text);
	check_answers(&cut, end.epoch, &covered, &repeated);
	check_keys(&cut, end.epoch, &held);
	printf("cut at %zu, epoch %lu: %lu keys, %lu answers, %lu of them repeats\n", at, end.epoch, held, covered,
	       repeated);
	database_close(&cut);
	(void)kit_teardown((void **)&cut.kit);
}

static void
cut_anywhere(uint64_t *random)
{
	struct wal_position end;
	uint8_t *bytes = malloc(SEGMENT_BYTES);
	char name[256];

	assert_non_null(bytes);
	kit_last_segment(database.kit, name, &end); /* those before stay whole */
	assert_true(end.end > HEADER_BYTES);
	size_t count = kit_file_read(database.kit, name, bytes, SEGMENT_BYTES);

	for (uint32_t i = 0; i < run.cuts; i++)
		check_cut(bytes, count, HEADER_BYTES + random_next(random) % (end.end - HEADER_BYTES), name);
	check_cut(bytes, count, end.end, name);
	free(bytes);
}

static void
each_prefix_is_a_state(void **state)
{
	uint64_t random = random_seed(run.seed, 0);

	database = (struct database){ .kit = *state, .options = { .records_max = 1 << 30 } };
	database.kit->options.wal_segment_bytes = SEGMENT_BYTES;
	database.kit->options.writers_max = run.threads + 2;
	assert_int_equal(database_open(&database), 0);
	kit_add(database.kit, "t", UINT64_MAX, 1); /* the tree is there */
	for (uint32_t i = 0; i < run.threads; i++)
		worker_start(i);
	sleep_us((uint32_t)(run.seconds * 1000000));
	stop = true;
	for (uint32_t i = 0; i < run.threads; i++)
		worker_end(workers[i]);
	database_crash(&database);
	cut_anywhere(&random);
	for (uint32_t i = 0; i < run.threads; i++)
		free(workers[i]);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_prefix_is_a_state, kit_setup_log, kit_teardown),
	};

	run_parse(&run, argc, argv);
	check(run.threads <= THREADS_MAX, "at most %d threads", THREADS_MAX);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
