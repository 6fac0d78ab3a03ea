/*
 * Whatever clients do, in any order, the ledger answers as a slow, obvious model does: one that keeps the records in a list,
 * oldest first, and looks through all of it each time.
 *
 * Clients claim keys, with retries, duplicates and other requests under the same key; they finish, fail, or go away while they
 * are parked; time passes, also backwards; records are expired and pruned.
 *
 * Arguments: seconds, operations per world, -, seed.
 */
#include "engine/harness.h"

#include <stdio.h>
#include <string.h>

#include "epoch/epoch.h"
#include "ledger/ledger.h"
#include "ledger/model.h"

enum { CLIENTS = MODEL_CLIENTS, EXPIRED_AT_ONCE = 16 };

static const struct {
	uint32_t keys, requests; /* different ones with a key */
	uint64_t records_max, age_max;
} profiles[] = {
	{ 3, 1, 1000, 0 }, { 3, 2, 1000, 0 }, { 20, 1, 8, 0 }, { MODEL_KEYS_MAX, 2, 250, 60 }, { 50, 2, 1, 1 },
};

enum state { IDLE, RUNS, PARKED };

struct client {
	struct ledger_waiter waiter; /* first */
	enum state state;
	uint32_t key, request;
	struct ledger_record *claim;
	bool woken;
};

struct world {
	struct ledger *ledger;
	struct epoch_worker *worker;
	struct ledger_options options;
	struct client clients[CLIENTS];
	struct model model;
	uint64_t random, now, answers;
	uint32_t keys, requests;
};

/* ---- what clients do ---- */

static void
wake(struct ledger_waiter *waiter)
{
	struct client *client = (struct client *)(void *)waiter;

	check(!client->woken, "woken twice");
	client->woken = true;
}

static size_t
key_text(uint32_t key, char *text)
{
	return (size_t)sprintf(text, "key %u", key) + (key % 3 == 0 ? 1 : 0); /* some with a NUL behind */
}

static void
fingerprint_of(uint32_t request, uint8_t fingerprint[FINGERPRINT_BYTES])
{
	memset(fingerprint, 7, FINGERPRINT_BYTES);
	fingerprint[FINGERPRINT_BYTES - 1] = (uint8_t)request;
}

static void
check_answer(const struct model_record *record, const struct ledger_use *use)
{
	char text[32];
	size_t bytes = (size_t)sprintf(text, "%lu", record->answer);

	check(use->response_bytes == bytes && memcmp(use->response, text, bytes) == 0, "another answer than %s", text);
	check(use->sequence == record->sequence && use->created_at_unix == record->created_at &&
	          use->tag == record->answer + 1,
	      "another record");
}

static void
do_claim(struct world *world, int i)
{
	struct client *client = &world->clients[i];
	struct model *model = &world->model;
	struct model_record *record = model_find(model, client->key);
	struct ledger_use use;
	uint8_t fingerprint[FINGERPRINT_BYTES];
	char text[32];
	int expected;

	if (record != NULL)
		expected = record->request == client->request ? LEDGER_REPLAY : LEDGER_CONFLICT;
	else
		expected = model->user[client->key] == NOBODY ? LEDGER_CLAIMED : LEDGER_PARKED;
	client->waiter.wake = wake;
	client->woken = false;
	fingerprint_of(client->request, fingerprint);
	int outcome = ledger_claim(world->ledger, text, key_text(client->key, text), fingerprint, &client->waiter,
	                           &client->claim, &use);

	check(outcome == expected, "key %u: outcome %d instead of %d", client->key, outcome, expected);
	if (record != NULL) {
		check_answer(record, &use);
		return;
	}
	client->state = outcome == LEDGER_CLAIMED ? RUNS : PARKED;
	if (outcome == LEDGER_CLAIMED)
		model->user[client->key] = i;
	else
		model_park(model, i, client->key);
}

static void
do_finish(struct world *world, int i)
{
	struct client *client = &world->clients[i];
	struct model *model = &world->model;
	uint8_t fingerprint[FINGERPRINT_BYTES];
	char text[32];
	int next, woken[CLIENTS];
	size_t count = 0;

	struct model_record record = { client->key, client->request, world->answers++, world->now,
		                       ledger_sequence_next(world->ledger) };
	struct ledger_use use = {
		fingerprint,     LEDGER_RESET,     text, (size_t)sprintf(text, "%lu", record.answer), world->now,
		record.sequence, record.answer + 1
	};

	fingerprint_of(client->request, fingerprint);
	ledger_finish(world->ledger, client->claim, &use);
	client->state = IDLE;
	model_add(model, &record);
	model->user[client->key] = NOBODY;
	(void)model_expire(model, world->now, EXPIRED_AT_ONCE);
	while ((next = model_next(model, client->key)) != NOBODY) {
		check(world->clients[next].woken && world->clients[next].waiter.claim == NULL, "not woken");
		model_unpark(model, next);
		world->clients[next].state = IDLE;
		woken[count++] = next;
	}
	/* Each finds the answer, or, if the record has left already, goes for the key. */
	for (size_t k = 0; k < count; k++)
		do_claim(world, woken[k]);
}

static void
do_cancel(struct world *world, int i)
{
	struct client *client = &world->clients[i];
	struct model *model = &world->model;
	int next = model_next(model, client->key);

	ledger_cancel(world->ledger, client->claim);
	client->state = IDLE;
	model->user[client->key] = next;
	if (next == NOBODY)
		return;
	check(world->clients[next].woken && world->clients[next].waiter.claim == client->claim, "not handed over");
	world->clients[next].state = RUNS;
	world->clients[next].claim = client->claim;
	model_unpark(model, next);
}

static void
do_leave(struct world *world, int i)
{
	struct client *client = &world->clients[i];

	check(ledger_unpark(&client->waiter), "was not parked");
	model_unpark(&world->model, i);
	client->state = IDLE;
}

static void
do_client(struct world *world)
{
	int i = (int)random_below(&world->random, CLIENTS);
	struct client *client = &world->clients[i];

	switch (client->state) {
	case IDLE:
		client->key = random_below(&world->random, world->keys);
		client->request = random_below(&world->random, world->requests);
		do_claim(world, i);
		break;
	case RUNS:
		check(!ledger_unpark(&client->waiter), "who runs is not parked");
		if (random_below(&world->random, 3) > 0)
			do_finish(world, i);
		else
			do_cancel(world, i);
		break;
	case PARKED:
		check(!client->woken, "woken for nothing");
		if (random_below(&world->random, 4) == 0)
			do_leave(world, i);
		break;
	}
}

/* ---- what else happens ---- */

static void
do_expire(struct world *world)
{
	uint32_t limit = random_below(&world->random, 5);
	uint64_t expected = model_expire(&world->model, world->now, limit);
	uint64_t count = ledger_expire(world->ledger, world->now, limit);

	check(count == expected, "expired %lu instead of %lu", count, expected);
}

static void
do_prune(struct world *world)
{
	struct model *model = &world->model;
	uint64_t before = world->now - random_below(&world->random, 40), limit = 1 + random_below(&world->random, 6);
	struct ledger_range ranges[3];
	size_t range_count, at = 0;
	uint64_t count = ledger_prune(world->ledger, before, limit, ranges, 3, &range_count);

	/* The ranges are those of the oldest records, in their order. */
	for (size_t i = 0; i < range_count; i++) {
		for (uint64_t n = ranges[i].first; n <= ranges[i].last; n++, at++)
			check(model->done[at].sequence == n && model->done[at].created_at < before, "pruned another");
	}
	check(at == count && count <= limit, "pruned %lu, told of %lu", count, at);
	model_drop(model, count);
	check(count == limit || range_count == 3 || model->count == 0 || model->done[0].created_at >= before,
	      "pruned too few");
}

static void
do_time(struct world *world)
{
	world->now += random_below(&world->random, 8);
	if (random_below(&world->random, 50) == 0)
		world->now -= 20; /* the clock is set back */
}

struct comparison {
	const struct model *model;
	size_t at;
};

static int
compare_record(void *context, const char *key, size_t key_bytes, const struct ledger_use *use)
{
	struct comparison *comparison = context;
	const struct model_record *expected = &comparison->model->done[comparison->at++];
	uint8_t fingerprint[FINGERPRINT_BYTES];
	char text[32];

	fingerprint_of(expected->request, fingerprint);
	check(key_text(expected->key, text) == key_bytes && memcmp(text, key, key_bytes) == 0, "another key");
	check(memcmp(use->fingerprint, fingerprint, sizeof(fingerprint)) == 0, "another fingerprint");
	check_answer(expected, use);
	return 0;
}

static void
compare(struct world *world)
{
	struct comparison comparison = { .model = &world->model };

	check(ledger_count(world->ledger) == world->model.count, "%lu records instead of %zu",
	      ledger_count(world->ledger), world->model.count);
	epoch_end(world->worker);
	check(ledger_walk(world->ledger, compare_record, &comparison) == 0, "the walk ended early");
	epoch_begin(world->worker);
	check(comparison.at == world->model.count, "a walk of %zu records instead of %zu", comparison.at,
	      world->model.count);
}

static void
do_anything(struct world *world)
{
	switch (random_below(&world->random, 40)) {
	case 0:
		do_expire(world);
		break;
	case 1:
		do_prune(world);
		break;
	case 2:
		do_time(world);
		break;
	case 3:
		/* Memory goes between sections. */
		epoch_end(world->worker);
		epoch_reclaim();
		epoch_begin(world->worker);
		break;
	default:
		do_client(world);
	}
}

static void
run_world(uint64_t seed, uint32_t operations)
{
	static struct world world;

	world = (struct world){ .random = random_seed(seed, 1), .now = 1000 };
	uint32_t profile = random_below(&world.random, sizeof(profiles) / sizeof(profiles[0]));

	world.keys = profiles[profile].keys;
	world.requests = profiles[profile].requests;
	world.options.records_max = profiles[profile].records_max;
	world.options.age_max_seconds = profiles[profile].age_max;
	model_init(&world.model, world.options.records_max, world.options.age_max_seconds);
	check(ledger_create(&world.options, &world.ledger) == 0, "ledger_create()");
	world.worker = epoch_worker_create();
	check(world.worker != NULL, "epoch_worker_create()");
	epoch_begin(world.worker);
	for (uint32_t i = 0; i < operations; i++) {
		do_anything(&world);
		if (i % 64 == 0)
			compare(&world);
	}
	compare(&world);
	epoch_end(world.worker);
	epoch_worker_destroy(world.worker);
	ledger_destroy(world.ledger);
	epoch_reclaim();
	check(epoch_retired_bytes() == 0, "memory was not freed");
}

int
main(int argc, char **argv)
{
	struct run run = { .seconds = 2, .cuts = 5000, .threads = 1 };
	uint64_t worlds = 0;

	run_parse(&run, argc, argv);
	/* Each world has a seed of its own, made of the one that is told. */
	for (double end = seconds_now() + run.seconds; worlds == 0 || seconds_now() < end; worlds++)
		run_world(random_seed(run.seed, worlds), run.cuts);
	printf("%lu worlds of %u operations\n", worlds, run.cuts);
	return 0;
}
