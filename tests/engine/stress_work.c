/*
 * stress_work.c - the workers and the committer; see stress.h
 */
#include "stress.h"
#include "harness.h"

#include "base/limits.h"

#include <sched.h>
#include <string.h>

/* ---- operations: inside the section --------------------------------------------------------------------------- */

/* Nobody drops or resets these trees, so one look per section will do. */
static void
find_trees(struct stress_worker *self)
{
	for (int i = 0; i < FIELDS; i++) {
		const char *name = self->stress->fields.field[i].name;

		self->tree[i] = tree_find(self->worker, name, strlen(name));
		check(self->tree[i], "tree %s is gone", name);
	}
}

static uint32_t
any_field(struct stress_worker *self)
{
	uint32_t left = random_below(&self->random, 100), field = 0;

	while (field < FIELDS - 1 && left >= self->stress->mix->weight[field])
		left -= self->stress->mix->weight[field++];
	return field;
}

static uint32_t
any_day(struct stress_worker *self, uint32_t field)
{
	/* The first days are those that become today, where acquire and decrement are. */
	uint32_t days = random_below(&self->random, 2) ? FIELD_TODAYS : self->stress->fields.field[field].days;

	return FIELD_DAY_FIRST + random_below(&self->random, days);
}

/* A key given out before, or in the growing tree now and then the next new one. */
static uint32_t
any_number(struct stress_worker *self, uint32_t index)
{
	struct field *field = &self->stress->fields.field[index];
	uint32_t known = atomic_load_explicit(&field->known, memory_order_relaxed);

	if (index == FIELD_GROW && known < field->keys && random_below(&self->random, 3) == 0) {
		known = atomic_fetch_add_explicit(&field->known, 1, memory_order_relaxed);
		if (known < field->keys)
			return known;
		atomic_store_explicit(&field->known, field->keys, memory_order_relaxed);
		known = field->keys;
	}
	return random_below(&self->random, known);
}

static struct acquire_item
item_of(struct stress_worker *self, uint32_t field, uint32_t number, uint64_t amount)
{
	return (struct acquire_item){
		.tree = self->tree[field],
		.key = field_key(number),
		.amount = amount,
		.limit = field_key_is_limited(number) ? FIELD_LIMIT : COUNT_MAX,
		.from = 0,
		.to = UINT64_MAX,
	};
}

/* All four twins by the same amount. */
static size_t
items_of_twins(struct stress_worker *self, struct acquire_item *items, uint64_t amount)
{
	items[0] = item_of(self, FIELD_FEW, 7, amount);
	items[1] = item_of(self, FIELD_DEEP, 6, amount);
	items[2] = item_of(self, FIELD_FEW, 6, amount);
	items[3] = item_of(self, FIELD_DEEP, 7, amount);
	return 4;
}

static bool
is_twin(uint32_t field, uint32_t number)
{
	return field != FIELD_GROW && (number & 7) >= 6;
}

static size_t
items_of_any(struct stress_worker *self, struct acquire_item *items, uint32_t field, uint32_t number, uint64_t amount)
{
	size_t count = 1 + random_below(&self->random, 3);

	items[0] = item_of(self, field, number, amount);
	for (size_t i = 1; i < count; i++) {
		uint32_t other = any_field(self), n = any_number(self, other);

		if (is_twin(other, n) || random_below(&self->random, 8) == 0)
			items[i] = items[0]; /* a key may come twice */
		else
			items[i] = item_of(self, other, n, 1 + random_below(&self->random, 4));
	}
	if (random_below(&self->random, 16) == 0)
		items[count - 1].limit = 0; /* never fits; leaves unlisted records behind */
	return count;
}

static int
acquire(struct stress_worker *self, uint32_t field, uint32_t number)
{
	struct acquire_item items[4];
	uint64_t amount = 1 + random_below(&self->random, 8);
	size_t refused = 0, count;

	if (is_twin(field, number))
		count = items_of_twins(self, items, amount);
	else
		count = items_of_any(self, items, field, number, amount);
	int outcome = tree_acquire(self->worker, items, count, &refused);

	self->admitted += outcome == 0;
	self->refused += outcome == ENGINE_REFUSED;
	return outcome == ENGINE_REFUSED ? 0 : outcome;
}

static int
take(struct stress_worker *self, uint32_t field, uint32_t number)
{
	struct tree *tree = self->tree[field];
	uint64_t key = field_key(number), amount = 1 + random_below(&self->random, 8), taken = 0;
	uint32_t day = any_day(self, field), kind = random_below(&self->random, 16);
	int outcome;

	if (kind < 6) {
		outcome = tree_subtract(self->worker, tree, key, day, amount, &taken);
		check(outcome != 0 || taken <= amount, "%lu taken, %lu were to be taken", taken, amount);
		return outcome;
	}
	if (kind < 9)
		return tree_decrement(self->worker, tree, key);
	if (kind < 13)
		return tree_delete_range(self->worker, tree, key, day, day + amount);
	return tree_reset_key(self->worker, tree, key);
}

static int
look(struct stress_worker *self, uint32_t field, uint32_t number)
{
	struct tree *tree = self->tree[field];
	uint64_t total = tree_total(tree, field_key(number));

	check(total <= COUNT_MAX, "a total of %lx", total);
	check(!field_key_is_limited(number) || total <= FIELD_LIMIT, "%lu is above the limit", total);
	(void)tree_sum_range(tree, field_key(number), FIELD_DAY_FIRST, FIELD_DAY_FIRST + 2);
	return 0;
}

static int
operate(struct stress_worker *self)
{
	uint32_t field = any_field(self), number = any_number(self, field), kind = random_below(&self->random, 100);
	uint64_t key = field_key(number), amount = 1 + random_below(&self->random, 8);

	if (kind < 5)
		return look(self, field, number);
	if (is_twin(field, number))
		return acquire(self, field, number);
	if (field_key_is_limited(number))
		return kind < 65 ? acquire(self, field, number) : take(self, field, number);
	if (kind < 55)
		return tree_add(self->worker, self->tree[field], key, any_day(self, field), amount);
	if (kind < 62)
		return tree_set(self->worker, self->tree[field], key, any_day(self, field), amount - 1);
	return kind < 75 ? acquire(self, field, number) : take(self, field, number);
}

/* ---- a worker --------------------------------------------------------------------------------------------------- */

static void
check_one_tag(const struct effect_buffer *buffer)
{
	for (uint32_t i = 1; i < buffer->count; i++)
		check(buffer->effects[i].tag == buffer->effects[0].tag, "one operation with the tags %lu and %lu",
		      buffer->effects[0].tag, buffer->effects[i].tag);
}

void *
stress_worker_main(void *argument)
{
	struct stress_worker *self = argument;
	struct stress *stress = self->stress;

	while (!atomic_load_explicit(&stress->stop_workers, memory_order_relaxed)) {
		ledger_wait_for_room(&stress->books, self->ledger, &stress->stop_workers);
		engine_batch_begin(self->worker);
		find_trees(self);
		atomic_store_explicit(&self->busy, true, memory_order_relaxed);
		for (uint32_t left = 1 + random_below(&self->random, 48); left > 0; left--) {
			int outcome = operate(self);

			check(outcome == 0, "an operation returned %d", outcome);
			check_one_tag(&self->ledger->buffer);
			ledger_drain(&stress->books, self->ledger);
			/* One writer; read by who is stalled, and at the end. */
			atomic_fetch_add_explicit(&self->operations, 1, memory_order_relaxed);
		}
		atomic_store_explicit(&self->busy, false, memory_order_relaxed);
		engine_batch_end(self->worker);
		if (random_below(&self->random, 4) == 0)
			(void)sched_yield(); /* rather here than inside the next section, where all would wait for us */
	}
	return NULL;
}

/* ---- the committer -------------------------------------------------------------------------------------------- */

void *
stress_committer_main(void *argument)
{
	struct stress *stress = argument;
	uint64_t epoch = engine_log_epoch(stress->engine), random = 1;

	/* Two more rounds after the end, so that everything is closed. */
	for (int rounds_left = 2; rounds_left > 0;) {
		if (atomic_load_explicit(&stress->stop_committer, memory_order_acquire))
			rounds_left--;
		else if (random_below(&random, 32) == 0)
			stress_disturb(stress, &random, NULL);
		else if (random_below(&random, 2) == 0)
			sleep_us(20); /* or the workers have no time to leave anything in an epoch */
		engine_log_epoch_store(stress->engine, epoch + 1);
		engine_quiesce(stress->engine);
		books_close_tag(&stress->books, epoch++);
		stress->epochs++;
	}
	return NULL;
}
