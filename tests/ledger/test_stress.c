/*
 * Threads whose clients come with the same keys at once: each key is counted once, whoever comes second gets the first answer or a
 * conflict, nobody is left asleep, and no record is looked at after it was freed (the sanitized builds see that).
 *
 * Every thread plays many clients. All go for a few keys, which move on together, so that claims, answers, failures and
 * clients that go away meet on one key. A maintenance thread walks, expires, prunes and frees beside them. Half of the
 * time is run with all records kept, where each key must be counted exactly once, half with few, where records leave while
 * others come: there the number of records made must be the number of those that are there and that left.
 *
 * Arguments: seconds, -, threads, seed.
 */
#include "engine/harness.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "epoch/epoch.h"
#include "ledger/ledger.h"

enum { CLIENTS = 64, KEYS_AT_ONCE = 4, REQUESTS_OF_A_KEY = 48, KEYS_MAX = 1 << 21, THREADS_MAX = 64, STEPS = 32 };

/* What the first request with a key was. Written by its runner while it has the claim, so the ledger orders it. */
struct first {
	uint32_t counted; /* plain: two who run at once are a data race, too */
	uint8_t request;
	uint64_t token;
};

struct stress {
	struct ledger *ledger;
	struct first *firsts; /* of each key */
	bool all_kept;
	_Atomic uint64_t requests; /* begun; the keys move on with it */
	_Atomic uint64_t counted;
	_Atomic uint32_t active; /* claims, and who tries to get one */
	_Atomic bool stop, stop_maintenance;
	_Atomic uint64_t replays, conflicts, failures, handed, gone, pruned; /* the share of each */
};

enum state { IDLE, RUNS, PARKED };

struct client {
	struct ledger_waiter waiter; /* first */
	struct stress *stress;
	enum state state;
	uint32_t key;
	uint8_t request;
	struct ledger_record *claim;
	_Atomic bool woken;
	bool gone;
};

struct player {
	struct stress *stress;
	struct epoch_worker *worker;
	struct client clients[CLIENTS];
	uint64_t random;
	pthread_t thread;
};

static void
count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void
wake(struct ledger_waiter *waiter)
{
	struct client *client = (struct client *)(void *)waiter;

	check(!atomic_load_explicit(&client->woken, memory_order_relaxed), "woken twice");
	/* A key that is handed over is a claim of ours before it is no longer one of its last user. */
	if (waiter->claim != NULL)
		atomic_fetch_add_explicit(&client->stress->active, 1, memory_order_seq_cst);
	/* Release: the client's thread sees what it was woken with. */
	atomic_store_explicit(&client->woken, true, memory_order_release);
}

static void
fingerprint_of(uint8_t request, uint8_t fingerprint[FINGERPRINT_BYTES])
{
	memset(fingerprint, request, FINGERPRINT_BYTES);
}

static void
check_answer(struct stress *stress, const struct client *client, int outcome, const struct ledger_use *use)
{
	const struct first *first = &stress->firsts[client->key];
	char text[LEDGER_RESPONSE_BYTES_MAX];
	size_t bytes = (size_t)snprintf(text, sizeof(text), "%u ", client->key);

	check(use->response_bytes > bytes && memcmp(use->response, text, bytes) == 0, "the answer of another key");
	check(use->fingerprint[0] == use->fingerprint[FINGERPRINT_BYTES - 1], "half a record");
	check((outcome == LEDGER_REPLAY) == (use->fingerprint[0] == client->request), "the wrong outcome");
	if (stress->all_kept) {
		bytes = (size_t)snprintf(text, sizeof(text), "%u %lu", client->key, first->token);
		check(use->response_bytes == bytes && memcmp(use->response, text, bytes) == 0, "not the first answer");
		check(use->tag == first->token && first->request == use->fingerprint[0], "not the first request");
	}
	count(outcome == LEDGER_REPLAY ? &stress->replays : &stress->conflicts);
}

/* ---- clients: inside a section ---- */

static void
do_claim(struct player *self, struct client *client)
{
	struct stress *stress = self->stress;
	uint8_t fingerprint[FINGERPRINT_BYTES];
	struct ledger_use use;
	char key[16];

	fingerprint_of(client->request, fingerprint);
	client->waiter.wake = wake;
	client->stress = stress;
	client->gone = false;
	atomic_store_explicit(&client->woken, false, memory_order_relaxed);
	atomic_fetch_add_explicit(&stress->active, 1, memory_order_seq_cst);
	int outcome = ledger_claim(stress->ledger, key, (size_t)snprintf(key, sizeof(key), "%u", client->key),
	                           fingerprint, &client->waiter, &client->claim, &use);

	if (outcome == LEDGER_CLAIMED) {
		client->state = RUNS;
		return;
	}
	atomic_fetch_sub_explicit(&stress->active, 1, memory_order_seq_cst);
	client->state = outcome == LEDGER_PARKED ? PARKED : IDLE;
	check(outcome > 0, "memory is out");
	if (outcome != LEDGER_PARKED)
		check_answer(stress, client, outcome, &use);
}

static void
do_finish(struct player *self, struct client *client)
{
	struct stress *stress = self->stress;
	struct first *first = &stress->firsts[client->key];
	uint8_t fingerprint[FINGERPRINT_BYTES];
	char text[LEDGER_RESPONSE_BYTES_MAX];

	first->counted++;
	first->request = client->request;
	first->token = random_next(&self->random);
	size_t bytes = (size_t)snprintf(text, sizeof(text), "%u %lu", client->key, first->token);
	struct ledger_use use = { fingerprint, LEDGER_RESET, text,
		                  bytes,       client->key,  ledger_sequence_next(stress->ledger),
		                  first->token };

	fingerprint_of(client->request, fingerprint);
	count(&stress->counted);
	ledger_finish(stress->ledger, client->claim, &use);
	client->state = IDLE;
	atomic_fetch_sub_explicit(&stress->active, 1, memory_order_seq_cst);
}

static void
do_cancel(struct player *self, struct client *client)
{
	count(&self->stress->failures);
	ledger_cancel(self->stress->ledger, client->claim);
	client->state = IDLE;
	atomic_fetch_sub_explicit(&self->stress->active, 1, memory_order_seq_cst);
}

static void
do_wake(struct player *self, struct client *client)
{
	client->claim = client->waiter.claim;
	client->state = client->claim == NULL ? IDLE : RUNS;
	if (client->claim != NULL) {
		count(&self->stress->handed);
		if (client->gone)
			do_cancel(self, client);
	} else if (!client->gone) {
		do_claim(self, client);
	}
}

/* Nobody runs, so all who were parked have been woken: on whom should it wait? */
static void
check_awake(struct player *self, struct client *client)
{
	bool nobody = atomic_load_explicit(&self->stress->active, memory_order_seq_cst) == 0;

	check(!nobody || atomic_load_explicit(&client->woken, memory_order_acquire), "key %u: left asleep",
	      client->key);
}

static void
do_parked(struct player *self, struct client *client)
{
	if (atomic_load_explicit(&client->woken, memory_order_acquire)) {
		do_wake(self, client);
	} else if (!client->gone && random_below(&self->random, 64) == 0) {
		client->gone = true;
		count(&self->stress->gone);
		if (ledger_unpark(&client->waiter))
			client->state = IDLE;
	} else {
		check_awake(self, client);
	}
}

static void
do_step(struct player *self, struct client *client, bool may_begin)
{
	uint64_t number;

	switch (client->state) {
	case IDLE:
		if (!may_begin)
			break;
		number =
		    atomic_fetch_add_explicit(&self->stress->requests, 1, memory_order_relaxed) / REQUESTS_OF_A_KEY;
		client->key = (uint32_t)(number + random_below(&self->random, KEYS_AT_ONCE)) % KEYS_MAX;
		client->request = random_below(&self->random, 8) == 0;
		do_claim(self, client);
		break;
	case RUNS:
		if (random_below(&self->random, 3) == 0)
			do_cancel(self, client);
		else
			do_finish(self, client);
		break;
	case PARKED:
		do_parked(self, client);
		break;
	}
}

static bool
all_are_idle(const struct player *self)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		if (self->clients[i].state != IDLE)
			return false;
	}
	return true;
}

static void *
player_main(void *argument)
{
	struct player *self = argument;
	bool stop = false;

	while (!stop || !all_are_idle(self)) {
		stop = stop || atomic_load_explicit(&self->stress->stop, memory_order_relaxed) ||
		       (self->stress->all_kept && atomic_load_explicit(&self->stress->requests, memory_order_relaxed) >
		                                      (uint64_t)(KEYS_MAX - 1024) * REQUESTS_OF_A_KEY);
		epoch_begin(self->worker);
		for (int i = 0; i < STEPS; i++)
			do_step(self, &self->clients[random_below(&self->random, CLIENTS)], !stop);
		epoch_end(self->worker);
		(void)sched_yield();
	}
	return NULL;
}

/* ---- the maintenance thread ---- */

static int
check_visited(void *context, const char *key, size_t key_bytes, const struct ledger_use *use)
{
	uint64_t *visited = context;

	check(use->response_bytes > key_bytes && memcmp(use->response, key, key_bytes) == 0, "another key's answer");
	check(use->fingerprint[0] == use->fingerprint[FINGERPRINT_BYTES - 1], "half a record");
	(*visited)++;
	return 0;
}

static void *
maintain(void *argument)
{
	struct stress *stress = argument;
	struct ledger_range ranges[8];
	size_t range_count;
	uint64_t visited = 0;

	while (!atomic_load_explicit(&stress->stop_maintenance, memory_order_relaxed)) {
		epoch_reclaim();
		if (!stress->all_kept) {
			(void)ledger_walk(stress->ledger, check_visited, &visited);
			(void)ledger_expire(stress->ledger, 0, 8);
			uint64_t key =
			    atomic_load_explicit(&stress->requests, memory_order_relaxed) / REQUESTS_OF_A_KEY;
			/* Behind the others, so that some have to leave by their number. */
			uint64_t before = key > 56 ? key - 56 : 0;
			uint64_t pruned = ledger_prune(stress->ledger, before, 16, ranges, 8, &range_count);

			atomic_fetch_add_explicit(&stress->pruned, pruned, memory_order_relaxed);
		}
		sleep_us(200);
	}
	return NULL;
}

/* ---- all of it ---- */

static void
check_end(struct stress *stress)
{
	uint64_t counted = atomic_load_explicit(&stress->counted, memory_order_relaxed), keys = 0;

	check(ledger_count(stress->ledger) + ledger_removed(stress->ledger) == counted,
	      "%lu records are there and %lu left, of %lu made", ledger_count(stress->ledger),
	      ledger_removed(stress->ledger), counted);
	for (uint32_t key = 0; stress->all_kept && key < KEYS_MAX; key++) {
		check(stress->firsts[key].counted <= 1, "key %u was counted %u times", key,
		      stress->firsts[key].counted);
		keys += stress->firsts[key].counted;
	}
	check(!stress->all_kept || keys == counted, "%lu keys of %lu", keys, counted);
	check(atomic_load(&stress->replays) > 0 && atomic_load(&stress->conflicts) > 0 &&
	          atomic_load(&stress->failures) > 0 && atomic_load(&stress->handed) > 0 &&
	          atomic_load(&stress->gone) > 0 && (stress->all_kept || atomic_load(&stress->pruned) > 0),
	      "nothing was proved");
	printf("%s: %lu counted, %lu answered again, %lu conflicts, %lu failed, %lu handed over, %lu went away, %lu "
	       "pruned\n",
	       stress->all_kept ? "all kept" : "few kept", counted, atomic_load(&stress->replays),
	       atomic_load(&stress->conflicts), atomic_load(&stress->failures), atomic_load(&stress->handed),
	       atomic_load(&stress->gone), atomic_load(&stress->pruned));
}

static void
play(const struct run *run, bool all_kept)
{
	static struct stress stress;
	static struct player players[THREADS_MAX];
	struct ledger_options options = { .records_max = all_kept ? UINT64_MAX : 64 };
	pthread_t maintenance;

	stress = (struct stress){ .all_kept = all_kept };
	stress.firsts = calloc(KEYS_MAX, sizeof(*stress.firsts));
	check(stress.firsts != NULL && ledger_create(&options, &stress.ledger) == 0, "memory");
	for (uint32_t i = 0; i < run->threads; i++) {
		players[i] = (struct player){ .stress = &stress, .worker = epoch_worker_create() };
		players[i].random = random_seed(run->seed, i + 1 + (all_kept ? 1000 : 0));
		check(players[i].worker != NULL, "epoch_worker_create()");
		check(pthread_create(&players[i].thread, NULL, player_main, &players[i]) == 0, "pthread_create()");
	}
	check(pthread_create(&maintenance, NULL, maintain, &stress) == 0, "pthread_create()");
	sleep_us((uint32_t)(run->seconds * 500000));
	atomic_store_explicit(&stress.stop, true, memory_order_relaxed);
	for (uint32_t i = 0; i < run->threads; i++) {
		check(pthread_join(players[i].thread, NULL) == 0, "pthread_join()");
		epoch_worker_destroy(players[i].worker);
	}
	atomic_store_explicit(&stress.stop_maintenance, true, memory_order_relaxed);
	check(pthread_join(maintenance, NULL) == 0, "pthread_join()");
	check_end(&stress);
	ledger_destroy(stress.ledger);
	free(stress.firsts);
	epoch_reclaim();
	epoch_reclaim();
	check(epoch_retired_bytes() == 0, "memory was not freed");
}

int
main(int argc, char **argv)
{
	struct run run = { .seconds = 6, .threads = 4 };

	run_parse(&run, argc, argv);
	check(run.threads <= THREADS_MAX, "at most %d threads", THREADS_MAX);
	play(&run, true);
	play(&run, false);
	return 0;
}
