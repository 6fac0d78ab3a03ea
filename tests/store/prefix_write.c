/*
 * prefix_write.c - the writers; see prefix.h
 */
#include "store/prefix.h"

#include "base/limits.h"
#include "engine/harness.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* ---- replies ---------------------------------------------------------------------------------------------------------- */

static void
claim(struct claims *claims, uint64_t epoch, uint64_t key, uint64_t least)
{
	if (claims->count == claims->capacity) {
		claims->capacity = claims->capacity ? claims->capacity * 2 : 1024;
		claims->claims = realloc(claims->claims, claims->capacity * sizeof(*claims->claims));
		check(claims->claims, "out of memory");
	}
	claims->claims[claims->count++] = (struct claim){ .epoch = epoch, .key = key, .least = least };
}

/* What is released goes out to clients, who may count on it: a crash right now leaves the epochs released. */
static void
acknowledge(struct prefix_writer *self)
{
	uint64_t released = wal_released(self->prefix->wal), before = self->acknowledged;

	while (self->pending_first < self->pending_end) {
		const struct pending *reply = &self->pending[self->pending_first % PENDING_MAX];

		if (reply->hold > released)
			break;
		if (reply->full != 0)
			claim(&self->claims, released, reply->full, FILL_LIMIT);
		else
			self->acknowledged++;
		self->pending_first++;
	}
	if (self->acknowledged != before)
		claim(&self->claims, released, KEY_PRIVATE + self->index, self->acknowledged);
}

/* Inside the section, after the request: its effects go to the log, its reply is held. */
static uint64_t
finish(struct prefix_writer *self)
{
	uint64_t tag = effect_log_append(&self->log);

	if (!wal_holds_replies(self->prefix->wal))
		return 0;
	return tag != 0 ? tag : engine_log_epoch(self->prefix->engine);
}

static void
reply(struct prefix_writer *self, uint64_t full)
{
	uint64_t hold = finish(self);

	self->held += hold > wal_released(self->prefix->wal);
	self->pending[self->pending_end++ % PENDING_MAX] = (struct pending){ .hold = hold, .full = full };
}

/* ---- requests: inside the section ------------------------------------------------------------------------------------- */

static uint32_t
any_day(struct prefix_writer *self)
{
	return PREFIX_DAY + random_below(&self->random, PREFIX_DAYS);
}

static struct acquire_item
item(struct prefix_writer *self, uint64_t key, uint64_t amount, uint64_t limit)
{
	return (
	    struct acquire_item){ .tree = self->tree, .key = key, .amount = amount, .limit = limit, .to = UINT64_MAX };
}

static int
count_free(struct prefix_writer *self)
{
	uint64_t key = random_below(&self->random, KEY_LIMITED), taken;
	uint32_t day = any_day(self);

	switch (random_below(&self->random, 10)) {
	case 0:
	case 1:
	case 2:
		return tree_add(self->worker, self->tree, key, day, 1 + random_below(&self->random, 5));
	case 3:
		return tree_decrement(self->worker, self->tree, key);
	case 4:
		return tree_set(self->worker, self->tree, key, day, random_below(&self->random, 6));
	case 5:
		return tree_delete_range(self->worker, self->tree, key, day, day + 1);
	case 6:
		return tree_reset_key(self->worker, self->tree, key);
	default:
		return tree_subtract(self->worker, self->tree, key, day, 1 + random_below(&self->random, 9), &taken);
	}
}

static int
count_limited(struct prefix_writer *self)
{
	uint64_t key = KEY_LIMITED + random_below(&self->random, 2), taken;
	size_t refused;

	if (random_below(&self->random, 2)) {
		uint64_t other = KEY_LIMITED + random_below(&self->random, 2); /* or the same */
		struct acquire_item items[2] = {
			item(self, key, 1 + random_below(&self->random, 8), PREFIX_LIMIT),
			item(self, other, 1 + random_below(&self->random, 8), PREFIX_LIMIT),
		};
		int outcome = tree_acquire(self->worker, items, 1 + random_below(&self->random, 2), &refused);

		return outcome == ENGINE_REFUSED ? 0 : outcome;
	}
	if (random_below(&self->random, 2))
		return tree_delete_range(self->worker, self->tree, key, PREFIX_DAY, any_day(self));
	return tree_subtract(self->worker, self->tree, key, engine_today(self->prefix->engine),
	                     random_below(&self->random, 12), &taken);
}

static int
count_own(struct prefix_writer *self)
{
	int outcome = tree_add(self->worker, self->tree, KEY_PRIVATE + self->index, any_day(self), 1);

	if (outcome == 0)
		reply(self, 0);
	return outcome;
}

static int
fill(struct prefix_writer *self)
{
	uint64_t key = atomic_load_explicit(&self->prefix->fill, memory_order_relaxed);
	struct acquire_item one = item(self, key, 1, FILL_LIMIT);
	size_t refused;
	int outcome = tree_acquire(self->worker, &one, 1, &refused);

	if (outcome != ENGINE_REFUSED)
		return outcome;
	self->refused++;
	reply(self, key);
	if (key + 1 < KEYS)
		(void)atomic_compare_exchange_strong_explicit(&self->prefix->fill, &key, key + 1, memory_order_relaxed,
		                                              memory_order_relaxed);
	return 0;
}

static int
operate(struct prefix_writer *self)
{
	uint32_t kind = random_below(&self->random, 16);
	int outcome;

	effect_log_room(&self->log);
	if (kind < 2)
		outcome = count_own(self);
	else if (kind < 5)
		outcome = fill(self);
	else if (kind < 11)
		outcome = count_limited(self);
	else
		outcome = count_free(self);
	if (outcome == 0)
		(void)finish(self);
	self->operations += outcome == 0;
	return outcome;
}

/* ---- a writer ---------------------------------------------------------------------------------------------------------- */

static void
section_begin(struct prefix_writer *self)
{
	engine_batch_begin(self->worker);
	self->tree = tree_find(self->worker, "t", 1);
	check(self->tree, "the tree is gone");
	atomic_store_explicit(&self->busy, true, memory_order_relaxed);
}

static void
section_end(struct prefix_writer *self)
{
	atomic_store_explicit(&self->busy, false, memory_order_relaxed);
	engine_batch_end(self->worker);
}

/* Key by key, each in a section: what stands between them is as long as it likes, and E stands still. */
static void
gated(struct prefix_writer *self)
{
	size_t refused;

	effect_log_room(&self->log);
	if (self->log.buffer.capacity < 64 || !wal_gate_try_enter(self->log.writer))
		return;
	for (uint64_t key = KEY_GATED; key < KEY_PRIVATE; key++) {
		section_begin(self);
		struct acquire_item one = item(self, key, 1, COUNT_MAX);

		check(tree_acquire(self->worker, &one, 1, &refused) == 0, "a gated acquire");
		(void)finish(self);
		section_end(self);
		if (random_below(&self->random, 4) == 0)
			(void)sched_yield();
	}
	wal_gate_leave(self->log.writer);
	wal_writer_flush(self->log.writer);
	self->gated++;
}

void *
prefix_write(void *argument)
{
	struct prefix_writer *self = argument;

	while (!atomic_load_explicit(&self->prefix->stop, memory_order_relaxed)) {
		int outcome = 0;

		section_begin(self);
		for (uint32_t left = 1 + random_below(&self->random, 16); outcome == 0 && left > 0; left--)
			outcome = operate(self);
		section_end(self);
		check(outcome == 0 || outcome == -EAGAIN, "an operation returned %d", outcome);
		wal_writer_flush(self->log.writer);
		if (random_below(&self->random, 4) == 0)
			gated(self);
		acknowledge(self);
		/* A client waits for its replies. */
		while (self->pending_end - self->pending_first > PENDING_MAX - 64 || outcome == -EAGAIN) {
			(void)sched_yield();
			acknowledge(self);
			outcome = 0;
		}
	}
	return NULL;
}
